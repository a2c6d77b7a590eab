"""What the user's code calls the data that it hands over, read off the source of the call.

`f1_score(y_test, model.predict(X_test))` is about a test set. The text of the arguments is found by the position of
the call, so no variable is looked at; what was found at a place is remembered.
"""

import ast
import linecache
import re
import sys
from dataclasses import dataclass
from itertools import islice
from types import CodeType, FrameType

_LONGEST = 40
_MOST_CALLS = 10_000
_OURS = ("sklearn", "autotrack", "autotrack_sklearn", "joblib")

ROLES = {"train": "train", "validate": "val", "test": "test"}
"""By role, which is the stage of a metric too, how names of metrics begin."""

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
        """Return what was written for an argument, by its position or any of its names."""
        if position < len(self.positional):
            return self.positional[position]
        return next((text for name, text in self.keywords if name in keywords), None)


_known: dict[tuple[CodeType, int], Call] = {}
_UNKNOWN = Call()


def call_of_user() -> Call:
    """Return the call by which the user's code led here, as far as its source can be read."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        frame = frame.f_back
    if frame is None:
        return _UNKNOWN
    place = (frame.f_code, frame.f_lasti)
    found = _known.get(place)
    if found is None:
        if len(_known) > _MOST_CALLS:  # code that is made anew again and again
            _known.clear()
        found = _known[place] = _read(frame)
    return found


def role_of(text: str | None) -> str | None:
    """Return the role that the name of data tells: `train`, `validate` or `test`.

    >>> role_of("X_test"), role_of("folds['valid'][0]"), role_of("X_contest")
    ('test', 'validate', None)
    """
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text or "").lower())
    return next((_WORDS[word] for word in words if word in _WORDS), None)


def plain_name(text: str | None) -> str | None:
    """Return the name of data without the letter that says whether it is features or labels.

    >>> plain_name("X_holdout"), plain_name("y"), plain_name("frames[3].values")
    ('holdout', None, 'frames_3_values')
    """
    name = re.sub(r"\W+", "_", text or "").strip("_")
    name = re.sub(r"^[xXyY]_?(?=[^a-z]|_|$)|^[xXyY]_", "", name)
    return name.strip("_") or None


def _read(frame: FrameType) -> Call:
    position = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if position is None or None in position:
        return _UNKNOWN
    first, last, begin, end = position
    assert first is not None  # noqa: S101  for mypy: none of them is None
    assert last is not None  # noqa: S101
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)[first - 1 : last]
    if not lines:
        return _UNKNOWN
    encoded = [line.encode() for line in lines]
    encoded[-1] = encoded[-1][:end]
    encoded[0] = encoded[0][begin:]
    try:
        call = ast.parse(b"(" + b"".join(encoded) + b")", mode="eval").body
    except (SyntaxError, ValueError):  # the file is another one by now
        return _UNKNOWN
    if not isinstance(call, ast.Call):
        return _UNKNOWN
    keywords = tuple((one.arg, _text(one.value)) for one in call.keywords if one.arg)
    return Call(tuple(_text(one) for one in call.args), keywords)


def _text(node: ast.expr) -> str | None:
    if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        return None
    text = ast.unparse(node)
    return text if len(text) <= _LONGEST else None
