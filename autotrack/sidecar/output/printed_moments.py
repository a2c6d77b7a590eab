"""Tells whether a line speaks of another moment of the training than the one at which it was printed."""

import re

_BEST = re.compile(
    r"(?<![a-z])best(?![a-z])(?:[^,;:=|\d]{0,40}[:|(]?\s?|_)(?:epoch|ep|step|iter|iteration)(?![a-z])|"
    r"^\W*best(?:\s(?:results?|model|checkpoint|performance|so far|values?|metrics))?\s*[:|]",
    re.IGNORECASE,
)
_VALUE_BEFORE = re.compile(r"[a-zA-Z_]\s*[:=]\s*[-+.\d]")
_EARLIER = re.compile(
    r"\b(?:resum(?:e|ed|ing)|(?:re)?load(?:ed|ing)?|restor(?:e|ed|ing))\b[^;]{0,120}?\b(?:epoch|ep|step|iter|iteration)\b",
    re.IGNORECASE,
)


def is_of_best(line: str) -> bool:
    """Whether what a line says is of the best moment so far, although the names in it do not say so.

    >>> is_of_best("best epoch 7: acc 0.9"), is_of_best("acc: 0.8, best epoch: 7"), is_of_best("best acc 0.9")
    (True, False, False)
    """
    if "est" not in line and "EST" not in line:
        return False
    match = _BEST.search(line)
    return match is not None and not _VALUE_BEFORE.search(line[: match.start()])


def is_of_checkpoint(line: str) -> bool:
    """Whether a line says what a checkpoint holds from which the training goes on.

    >>> is_of_checkpoint("loaded model.pt (epoch 3, loss 0.4)"), is_of_checkpoint("epoch 3 loss 0.4, saved model.pt")
    (True, False)
    """
    return _EARLIER.search(line) is not None


def of_best(name: str) -> str:
    """Return the name of a metric at its best, or rather, as it was at the best moment."""
    return name if "best" in name else f"best_{name}"
