"""The names that the user's code has for the data it passes, read from the source of the call.

`f1_score(y_test, model.predict(X_test))` is about a test set. The position of the call leads to the text of its
arguments, so no variable is looked at. What was read of a call is remembered.
"""

import ast
import linecache
import re
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

_LONGEST = 40
_MOST_CALLS = 10_000
_PACKAGES = {"site-packages", "dist-packages"}
_NOT_OF_USER = ("sklearn", "autotrack", "autotrack_sklearn", "joblib")

ROLES = {"train": "train", "validate": "val", "test": "test"}
"""By role, which is the stage of a metric too, how names of metrics begin."""

_SLICE = re.compile(r"(\.i?loc)?\[[^\[\]]*:[^\[\]]*\]")
"""Rows or columns that are taken by their numbers: they are no name."""

_ROWS = re.compile(r"(?P<data>[\w.]+)\[(?P<begin>[^\[\]:,]*):(?P<end>[^\[\]:,]*)(,|\])")
"""Some rows of data, from `begin` to before `end`."""

_WORDS = {
    "test": "test",
    "val": "validate",
    "valid": "validate",
    "validate": "validate",
    "validation": "validate",
    "dev": "validate",
    "train": "train",
    "training": "train",
}


@dataclass(frozen=True)
class Call:
    """The source of the arguments of a call, by position and by keyword, where it is short."""

    positional: tuple[str | None, ...] = ()
    keywords: tuple[tuple[str, str | None], ...] = ()

    def source(self, position: int, *keywords: str) -> str | None:
        """Return the source of an argument, by its position or by any of its names."""
        if position < len(self.positional):
            return self.positional[position]
        return next((text for name, text in self.keywords if name in keywords), None)


_UNKNOWN = Call()


class Calls:
    """The calls in the user's code that have been read so far."""

    def __init__(self) -> None:
        self._by_position: dict[tuple[CodeType, int], Call] = {}

    def innermost(self) -> Call:
        """Return the call by which the user's code led here, as far as its source can be read."""
        frame = _caller()
        if frame is None:
            return _UNKNOWN
        position = (frame.f_code, frame.f_lasti)
        call = self._by_position.get(position)
        if call is None:
            if len(self._by_position) > _MOST_CALLS:  # code that is compiled again and again
                self._by_position.clear()
            call = self._by_position[position] = _read(frame)
        return call


def is_by_library() -> bool:
    """Whether an installed package, and not the user's code, calls scikit-learn here."""
    frame = _caller()
    return frame is not None and not _PACKAGES.isdisjoint(Path(frame.f_code.co_filename).parts)


def _caller() -> FrameType | None:
    """Return the innermost frame outside of scikit-learn, and of what it calls and is called by."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_OF_USER:
        frame = frame.f_back
    return frame


def role_of(text: str | None) -> str | None:
    """Return the role that the name of data tells: `train`, `validate` or `test`.

    >>> role_of("X_test"), role_of("folds['valid'][0]"), role_of("X_contest")
    ('test', 'validate', None)
    """
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text or "").lower())
    return next((_WORDS[word] for word in words if word in _WORDS), None)


def are_disjoint(text: str, other: str) -> bool:
    """Whether these are rows of the same data, of which one part begins where the other ends.

    >>> are_disjoint("X[100:, :2]", "X[:100, :2]"), are_disjoint("X[:n]", "X[m:]"), are_disjoint("X[9:]", "Z[:9]")
    (True, False, False)
    """
    first, second = _ROWS.match(text), _ROWS.match(other)
    if first is None or second is None or first["data"] != second["data"]:
        return False
    ends = {(first["begin"], second["end"]), (second["begin"], first["end"])}
    return any(begin == end != "" for begin, end in ends)


def plain_name(text: str | None) -> str | None:
    """Return the name of data without the letter that tells features from labels, and without slices.

    >>> plain_name("X_holdout"), plain_name("y"), plain_name("frames[3].values"), plain_name("X_new.iloc[100:, :2]")
    ('holdout', None, 'frames_3_values', 'new')
    """
    name = re.sub(r"\W+", "_", _SLICE.sub("", text or "")).strip("_")
    name = re.sub(r"^[xXyY]_?(?=[^a-z]|_|$)|^[xXyY]_", "", name)
    is_position = "[" in (text or "") and not re.search(r"[^\W\d_]", name)
    return None if is_position else name.strip("_") or None


def _read(frame: FrameType) -> Call:
    text = _source_of_call(frame)
    try:
        call = ast.parse(b"(" + text + b")", mode="eval").body
    except (SyntaxError, ValueError):  # there is no source, or the file has changed since it was imported
        return _UNKNOWN
    if not isinstance(call, ast.Call):
        return _UNKNOWN
    keywords = tuple((keyword.arg, _name_in(keyword.value)) for keyword in call.keywords if keyword.arg)
    return Call(tuple(_name_in(argument) for argument in call.args), keywords)


def _source_of_call(frame: FrameType) -> bytes:
    """Return the text of the call that a frame is executing; nothing where it cannot be found."""
    first, last, begin, end = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
    if first is None or last is None or begin is None or end is None:
        return b""
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)[first - 1 : last]
    if not lines:
        return b""
    encoded = [line.encode() for line in lines]  # positions count bytes
    encoded[-1] = encoded[-1][:end]
    encoded[0] = encoded[0][begin:]
    return b"".join(encoded)


def _name_in(node: ast.expr) -> str | None:
    if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        return None
    text = ast.unparse(node)
    return text if len(text) <= _LONGEST else None
