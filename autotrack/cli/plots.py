"""Plots that were recorded as data, in the characters of a terminal."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from autotrack.cli.curves import sparkline
from autotrack.cli.tables import shortened, table_lines
from autotrack.escapes import printable
from autotrack.format import short
from autotrack.journal.records import Plot, number

_CURVES = {
    "roc": ("false_positive_rate", "true_positive_rate"),
    "precision_recall": ("recall", "precision"),
    "calibration": ("predicted", "observed"),
    "curve": ("x", "y"),
}
_MOST_CLASSES = 12
_MOST_BARS = 10
_MOST_CURVES = 6
_BAR_WIDTH = 24
_CURVE_WIDTH = 40


def plot_lines(plot: Plot, width: int) -> list[str]:
    """Return a plot as lines that are no wider than `width`; one that cannot be drawn here is named only."""
    try:
        lines = list(_drawn(plot, width))
    except (
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
        ArithmeticError,
    ):  # a store is untrusted input
        lines = []
    title = f"{plot.name} ({plot.kind.replace('_', ' ')})"
    more = "" if lines else ": see TensorBoard, or --json"
    return [shortened(printable(f"{title}{more}"), width), *(f"  {line}" for line in lines)]


def _drawn(plot: Plot, width: int) -> Iterator[str]:
    data = plot.data
    match plot.kind:
        case "confusion_matrix":
            yield from _matrix(data["labels"], data["matrix"], width)
        case "importances" | "coefficients":
            yield from _bars(data["names"], _sizes(data["values"]), width)
        case "histogram":
            edges, counts = _numbers(data["edges"]), _numbers(data["counts"])
            yield f"{short(edges[0])} {sparkline(counts, _CURVE_WIDTH, lowest=0.0)} {short(edges[-1])}"
        case "residuals":
            residuals = _numbers(data["residual"])
            yield f"from {short(min(residuals))} to {short(max(residuals))}, {len(residuals)} of them"
        case kind if kind in _CURVES:
            yield from _curves(kind, data)


def _matrix(labels: Sequence[Any], matrix: Sequence[Sequence[Any]], width: int) -> Iterator[str]:
    """Yield a line for each true class; columns are what was predicted."""
    if not 0 < len(labels) <= _MOST_CLASSES:
        total = sum(number(cell) for row in matrix for cell in row)
        right = sum(number(row[place]) for place, row in enumerate(matrix))
        yield f"{len(labels)} classes, {right / total:.1%} on the diagonal"
        return
    names = [shortened(printable(str(label)), 12) for label in labels]
    rows = [[name, *(short(number(cell)) for cell in row)] for name, row in zip(names, matrix, strict=True)]
    yield from table_lines(["true \\ predicted", *names], rows, width=width - 2)


def _bars(names: Sequence[Any], values: Sequence[float], width: int) -> Iterator[str]:
    """Yield a bar for each of the largest values."""
    ranked = sorted(zip(names, values, strict=True), key=lambda item: -abs(item[1]))[:_MOST_BARS]
    largest = max((abs(value) for _, value in ranked), default=0.0) or 1.0
    rows = [
        [shortened(printable(str(name)), 30), short(value), "█" * round(abs(value) / largest * _BAR_WIDTH)]
        for name, value in ranked
    ]
    yield from table_lines(["name", "value", ""], rows, width=width - 2)
    if len(names) > _MOST_BARS:
        yield f"and {len(names) - _MOST_BARS} smaller ones"


def _sizes(values: Sequence[Any]) -> list[float]:
    """Return a value for each name: of several rows, one a class, the mean size."""
    if values and isinstance(values[0], (list, tuple)):
        return [sum(map(abs, column)) / len(column) for column in zip(*map(_numbers, values), strict=True)]
    return _numbers(values)


def _curves(kind: str, data: dict[str, Any]) -> Iterator[str]:
    """Yield one curve, or, where the data are by class, one for each of them."""
    x_name, y_name = _CURVES[kind]
    if x_name in data:
        parts = {"": data}
    else:
        parts = {str(name): part for name, part in data.items() if isinstance(part, dict) and x_name in part}
    for name, part in list(parts.items())[:_MOST_CURVES]:
        xs, ys = _numbers(part[x_name]), _numbers(part[y_name])
        points = sorted((x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(x) and math.isfinite(y))
        titles = [str(part.get(f"{axis}_name") or {"x": x_name, "y": y_name}[axis]) for axis in ("x", "y")]
        area = f", area {short(float(number(part['auc'])))}" if part.get("auc") is not None else ""
        label = f"{shortened(printable(name), 16)} " if name else ""
        curve = sparkline(_resampled(points), _CURVE_WIDTH)
        lowest, highest = min(y for _, y in points), max(y for _, y in points)
        yield f"{label}{short(points[0][0])} {curve} {short(points[-1][0])}{area}"
        y_title, x_title = (title.replace("_", " ") for title in reversed(titles))
        yield printable(f"{y_title} {short(lowest)} to {short(highest)} over {x_title}")


def _resampled(points: Sequence[tuple[float, float]]) -> list[float]:
    """Return the heights of a curve at even distances."""
    first, last = points[0][0], points[-1][0]
    if last <= first:
        return [y for _, y in points]
    heights, place = [], 0
    for step in range(_CURVE_WIDTH):
        x = first + (last - first) * step / (_CURVE_WIDTH - 1)
        while place + 1 < len(points) and points[place + 1][0] <= x:
            place += 1
        heights.append(points[place][1])
    return heights


def _numbers(values: Sequence[Any]) -> list[float]:
    return [float(number(value)) for value in values]
