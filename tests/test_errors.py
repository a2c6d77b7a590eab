"""One tree of errors, drawn in the docstring of its module."""

import builtins
import inspect
import re

import pytest

import autotrack
from autotrack import errors

BRANCH = re.compile(r"^ +(?P<inner>│ +)?[├└]── (?P<name>\w+)\s+(?P<says>.*)$", re.MULTILINE)


def classes() -> dict[str, type]:
    return {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls)}


def test_the_drawn_tree_is_the_tree() -> None:
    drawn: dict[str, tuple[type, ...]] = {}
    outer: type = errors.AutotrackError
    for match in BRANCH.finditer(errors.__doc__ or ""):
        drawn[match["name"]] = (outer if match["inner"] else errors.AutotrackError, *_also(match["says"]))
        outer = outer if match["inner"] else getattr(errors, match["name"])
    found = {name: cls.__bases__ for name, cls in classes().items() if issubclass(cls, errors.AutotrackError)}
    assert found.pop("AutotrackError") == (Exception,)
    assert drawn == found


def _also(says: str) -> list[type]:
    return [getattr(builtins, name) for name in re.findall(r"also an? (\w+)", says)]


def test_a_warning_of_ours_is_no_error_of_ours() -> None:
    others = {name for name, cls in classes().items() if not issubclass(cls, errors.AutotrackError)}
    assert others == {"AutotrackWarning"}
    assert issubclass(errors.AutotrackWarning, UserWarning)


def test_every_error_says_what_it_is_for() -> None:
    assert all(inspect.getdoc(cls) for cls in classes().values())


def test_errors_carry_what_was_given() -> None:
    setting = errors.SettingsError("no", setting="to", value=3)
    assert (str(setting), setting.setting, setting.value) == ("no", "to", 3)
    missing = errors.RunNotFoundError("none", reference="brave-otter")
    assert (str(missing), missing.reference) == ("none", "brave-otter")


@pytest.mark.parametrize("error", [ValueError, LookupError, ImportError])
def test_who_knows_only_the_errors_of_python_can_catch_ours(error: type[Exception]) -> None:
    assert any(issubclass(cls, error) for cls in classes().values())


def test_the_root_is_a_public_name() -> None:
    assert autotrack.AutotrackError is errors.AutotrackError
