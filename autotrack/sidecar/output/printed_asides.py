"""Blanks out what a printed line says beside its metrics, with spaces, so that the rest stays where it is."""

import re

_CONDITION = re.compile(r"(?<![-=<>!|])(?:[<>]=?|[!=]=)\s?[-+]?\d[\d.]{0,20}%?")
_FILES = (".pt", ".pth", ".ckpt", ".bin", ".h5", ".keras", ".safetensors", ".onnx", ".pkl", ".npz", ".npy", ".tar")
_VALUE = r"[-+]?(?:\d*\.\d+(?:e[-+]?\d+)?|\d+e-\d+)%?"
_COUNTED = re.compile(
    r"[\s|]*[A-Za-z][A-Za-z_ ]{0,40}[A-Za-z]:?\s(?P<count>\d{1,7})\s++"
    rf"(?={_VALUE}(?:\s{{1,4}}{_VALUE}){{0,5}}\s*$)",
    re.IGNORECASE,
)


def without_conditions(line: str) -> str:
    """Blank out what is compared with, as in "stop at acc >= 0.9": it is no value that anything has."""
    return (
        _CONDITION.sub(lambda found: " " * len(found[0]), line) if "<" in line or ">" in line or "=" in line else line
    )


def without_file_names(line: str) -> str:
    """Blank out names of files, such as "model-3-acc=0.77.pt"."""
    if "=" not in line or "." not in line:
        return line
    words = line.split(" ")
    return " ".join(" " * len(word) if word.rstrip("'\").,;]").lower().endswith(_FILES) else word for word in words)


def without_count(line: str) -> str:
    """Blank out the number of the epoch or the step in a line with a name, that number and values, and nothing else.

    >>> without_count("loss 3 0.61"), without_count("train loss: 200 5.1e-3"), without_count("accuracy 3")
    ('loss   0.61', 'train loss:     5.1e-3', 'accuracy 3')
    >>> without_count("accuracy 5 0.83 0.9")
    'accuracy   0.83 0.9'
    """
    if (found := _COUNTED.match(line)) is None:
        return line
    return f"{line[: found.start('count')]}{' ' * len(found['count'])}{line[found.end('count') :]}"
