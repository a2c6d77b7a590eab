"""A user's patterns are checked where they are set: what they name, and that none can take forever."""

import re

import pytest

from autotrack.errors import SettingsError
from autotrack.printed_patterns import MOST, problem_of
from autotrack.settings import resolve


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"cost (?P<cost>\S+)", ""),
        (r"(?P<name>\w+) is (?P<value>[\d.]+)", ""),
        (r"at (?P<epoch>\d+): (?:,\s*)?(?P<cost>\d+)(?:[ab]c){2,5}", ""),
        (r"cost (\S+)", "has no named group"),
        (r"at (?P<epoch>\d+)", "names no metric"),
        (r"(?P<name>\w+)", "names no metric"),
        (r"cost (?P<cost>", "is no regular expression"),
        (r"(?P<cost>(\d+)*)", "may take forever"),
        (r"(?P<cost>(?:a|a)*)b", "may take forever"),
        (r"(?P<cost>(?:a{1,5}){1,5})", "may take forever"),
        (r"(?P<cost>x(?=(?:\d+)+))", "may take forever"),
        (f"(?P<cost>{'x' * 600})", "more than 500 characters"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(pattern: str, problem: str) -> None:
    assert problem in problem_of(pattern)
    assert bool(problem_of(pattern)) == bool(problem)
    if problem:
        with pytest.raises(SettingsError, match=re.escape(problem)):
            resolve(printed_patterns=[pattern])


@pytest.mark.parametrize("patterns", [3, [3], ["(?P<cost>.)"] * (MOST + 1)])
def test_what_is_no_short_list_of_patterns_is_refused(patterns: object) -> None:
    with pytest.raises(SettingsError, match="expected"):
        resolve(printed_patterns=patterns)
