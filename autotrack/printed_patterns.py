"""Regular expressions of a user's own that find metrics in what a script prints: which ones can be used.

They are applied to every line, so none may take long on any. Python's engine backtracks: a repetition within a
repetition can take longer than the universe is old. So what is repeated has to be a row of characters or of
classes of them, and the sidecar gives up a pattern that is slow all the same.
"""

import re
import re._constants as codes  # type: ignore[import-not-found]  # it comes without types
import re._parser as parser  # type: ignore[import-not-found]  # it comes without types
from collections.abc import Iterable, Iterator
from typing import Any

MOST = 20
_LONGEST = 500

_PAIR = {"name", "value"}
_ABOUT = {"epoch", "step"}
_SINGLE = (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN, codes.CATEGORY, codes.RANGE)
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)


def checked(value: Any) -> tuple[str, ...]:
    """Return the patterns in a setting: a list of them, or a text with one a line.

    Raises `ValueError`, which says what is wrong with which of them.
    """
    given = [line.strip() for line in value.splitlines()] if isinstance(value, str) else value
    patterns = tuple(given) if isinstance(given, Iterable) else (None,)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise ValueError(r"expected regular expressions, such as ['cost (?P<cost>\S+)']")
    patterns = tuple(filter(None, patterns))
    if len(patterns) > MOST:
        raise ValueError(f"expected {MOST} patterns at most, there are {len(patterns)}")
    for pattern in patterns:
        if problem := problem_of(pattern):
            raise ValueError(f"the pattern {pattern!r:.100} {problem}")
    return patterns


def problem_of(pattern: str) -> str:
    """Return what is wrong with a pattern, or nothing.

    >>> problem_of(r"cost (?P<cost>[\\d.]+)"), problem_of(r"cost ([\\d.]+)")
    ('', 'has no named group; name what is a metric, as in (?P<cost>\\\\S+)')
    >>> problem_of(r"(?P<cost>(\\d+)*)")
    'repeats a group that can match in several ways, which may take forever; repeat characters or classes'
    """
    if len(pattern) > _LONGEST:
        return f"has more than {_LONGEST} characters"
    try:
        groups = set(re.compile(pattern).groupindex)
        repeats_groups = any(_repeats_groups(parser.parse(pattern)))
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    if not groups:
        return r"has no named group; name what is a metric, as in (?P<cost>\S+)"
    if not groups - _ABOUT or (groups & _PAIR and not groups >= _PAIR):
        return "names no metric; `name` and `value` go together, and `epoch` and `step` are none"
    if repeats_groups:
        return "repeats a group that can match in several ways, which may take forever; repeat characters or classes"
    return ""


def _repeats_groups(parsed: Any) -> Iterator[bool]:
    """Yield, for every repetition in a parsed pattern, whether it could take exponential time."""
    for code, argument in parsed:
        if code in _REPEATS:
            _, most, body = argument
            yield most > 1 and not _is_plain(body)
        for part in _parts(argument):
            yield from _repeats_groups(part)


def _is_plain(body: Any) -> bool:
    """Whether there is but one way to match a repeated part: it is a row of characters or classes of them."""
    for code, argument in body:
        is_plain_group = code is codes.SUBPATTERN and _is_plain(argument[-1])
        if code not in _SINGLE and not is_plain_group:
            return False
    return True


def _parts(argument: Any) -> Iterator[Any]:
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for item in argument:
            yield from _parts(item)
