"""The numbers in a classification report, as they were rounded for it."""

import re

_ROW = re.compile(r"\s*(?P<label>\S.*?)\s{2,}(?P<numbers>\d[\d.]*(\s+\d[\d.]*)*)\s*$")
_COLUMNS = ("precision", "recall", "f1-score", "support")

Numbers = dict[str, float | dict[str, float]]


def numbers_in(report: str) -> Numbers:
    """Return what `classification_report` returns for this text with `output_dict=True`, but for the rounding.

    >>> numbers_in("  precision  recall  f1-score  support\\n\\n  a  0.50  1.00  0.67  3\\n  accuracy  0.83  6")
    {'a': {'precision': 0.5, 'recall': 1.0, 'f1-score': 0.67, 'support': 3.0}, 'accuracy': 0.83}
    """
    rows = [match for line in report.splitlines() if (match := _ROW.match(line)) is not None]
    numbers: Numbers = {}
    for row in rows:
        values = [float(number) for number in row["numbers"].split()]
        if len(values) == len(_COLUMNS):
            numbers[row["label"]] = dict(zip(_COLUMNS, values, strict=True))
        elif len(values) == 2 and row["label"] == "accuracy":
            numbers["accuracy"] = values[0]
    return numbers
