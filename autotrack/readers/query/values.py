"""How values are compared in `where`: with dates, durations, texts that are numbers, and values that are missing."""

import operator
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from time import time
from typing import Any

from autotrack.errors import QueryError

Interval = tuple[float, float]
"""A moment as somebody wrote it, from its first instant to the first one after it, in seconds since 1970."""

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0,
            "d": 86400.0, "day": 86400.0, "w": 604800.0, "week": 604800.0}  # fmt: skip
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_DAYS = {"tomorrow": -1, "today": 0, "yesterday": 1}
_MOST_SEARCHED = 10_000

_AGO = re.compile(r"(.+)\bago")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compare(sign: str, left: Any, right: Any) -> bool:
    """Compare two values that are there. Raises `TypeError` for values that have no order among each other.

    A text beside a number is taken as a number if it is one, since scripts may keep what a command line gave them.
    """
    if sign in ("in", "not in"):
        contains = any(equal(left, item) for item in right) if isinstance(right, list) else left in right
        return contains is (sign == "in")
    if sign in ("==", "!="):
        return equal(left, right) is (sign == "==")
    if isinstance(left, str) != isinstance(right, str):
        left, right = _as_number(left), _as_number(right)
    return ORDER[sign](left, right)


def contains(value: Any, part: Any) -> bool:
    """Return whether a text has a part, in capitals or not, or a list or mapping has an item."""
    if isinstance(value, str):
        return str(part).casefold() in value.casefold()
    if isinstance(value, (list, dict)):
        return any(equal(item, part) for item in value)
    return str(part).casefold() in str(value).casefold()


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    """Return whether a regular expression is found in a value, of which no more than a page is searched."""
    return pattern.search(str(value)[:_MOST_SEARCHED]) is not None


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are the same; NaN is, and so are `True` and "true", 0.1 and "0.1"."""
    if isinstance(left, str) != isinstance(right, str):
        text, other = (left, right) if isinstance(left, str) else (right, left)
        if isinstance(other, bool):
            return bool(text.lower() == str(other).lower())
        try:
            left, right = _as_number(text), other
        except TypeError:
            return False
    return bool(left == right or (left != left and right != right))  # noqa: PLR0124  NaN differs from itself


def compare_moments(sign: str, left: float, right: Interval) -> bool:
    """Compare a time with a moment: a date stands for its first instant, but `==` and `<=` include the whole day."""
    first, after = right
    if sign in ("==", "!="):
        return (first <= left < after) is (sign == "==")
    return left < after if sign == "<=" else ORDER[sign](left, first)


def moment(text: str) -> Interval:
    """Read a date or a time, in the zone of this machine unless it names one, as in `2026-11-25 14:07`.

    Also `today`, `yesterday`, and `2 days ago`. Raises `QueryError`.
    """
    words = text.strip()
    if words in _DAYS:
        day = date.today() - timedelta(days=_DAYS[words])
        return _at_midnight(day), _at_midnight(day + timedelta(days=1))
    if ago := _AGO.fullmatch(words):
        instant = time() - duration(ago[1])
        return instant, instant + 1.0
    try:
        if re.fullmatch(r"\d{4}-\d{2}", words):
            first = date.fromisoformat(f"{words}-01")
            after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
            return _at_midnight(first), _at_midnight(after)
        if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", words):
            day = date.fromisoformat(words)
            return _at_midnight(day), _at_midnight(day + timedelta(days=1))
        instant = datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError, OSError):
        raise QueryError(
            f"{words!r} is no date; write it as in '2026-11-25', '2026-11-25 14:07', '2026-11-25T14:07Z' for UTC, "
            f"'yesterday' or '2 days ago'"
        ) from None
    has_seconds = re.search(r"\d:\d\d:\d\d", words) is not None
    return instant, instant + (1.0 if has_seconds else 60.0)


def duration(text: str) -> float:
    """Read a duration, as in `90 s`, `1 min 15 s`, `2h` or `1:30:00`, in seconds. Raises `QueryError`."""
    words = text.strip().lower()
    if clock := _CLOCK.fullmatch(words):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return float(3600 * hours + 60 * minutes + seconds)
    total, rest = 0.0, words
    while found := _DURATION.match(rest):
        unit = found[2] if found[2] in _SECONDS else found[2].removesuffix("s")
        if unit not in _SECONDS:
            break
        total, rest = total + float(found[1]) * _SECONDS[unit], rest[found.end() :]
    if rest or not words:
        try:
            return float(words)
        except ValueError:
            raise QueryError(f"{text!r} is no duration; write it as in '90 s', '1 min 15 s' or '2 h'") from None
    return total


def _at_midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day).timestamp()  # in the zone of this machine, as `ls` shows it


def _as_number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise TypeError(f"{value!r} is no number") from None
