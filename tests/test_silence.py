"""Calls without warnings."""

import warnings

from autotrack.silence import without_warnings


def test_warnings_in_the_block_are_ignored_and_those_around_it_shown_once_for_each_place() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for number in range(3):
            warnings.warn("around", stacklevel=1)
            with without_warnings():
                warnings.warn(f"inside {number}", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["around"]
