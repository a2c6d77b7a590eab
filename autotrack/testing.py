"""Checks that every integration must pass, ours and other people's.

from autotrack.testing import check_integration

def test_integration():
    check_integration(MyIntegration())
"""

import importlib
import inspect
import pickle
from collections.abc import Generator
from typing import Any

from autotrack.training.autolog import Integration
from autotrack.training.hooks.patch import Outcome, Patch


def check_integration(integration: Integration) -> None:
    """Check that what an integration patches stays what it was, and comes back as it was.

    Its frameworks must be installed. Raises `AssertionError`, naming the patch, when a patched callable changes its
    name, docstring, signature, kind of descriptor or pickling, when applying twice differs from applying once, or
    when reverting does not restore the very object. That a failing hook is not felt is what `check_firewall` checks.
    """
    assert integration.name.isidentifier(), f"the name {integration.name!r} is not an identifier"
    for name in integration.modules:
        for patch in integration.patches(importlib.import_module(name)):
            _check_patch(patch)


def check_firewall() -> None:
    """Check that a hook that fails, before or after the original, changes neither result nor exception."""

    class Subject:
        def work(self, value: int) -> int:
            if value < 0:
                raise LookupError(value)
            return value + 1

    def fails_before(*_: Any) -> Generator[None, Outcome, None]:
        raise RuntimeError("before")
        yield

    def fails_after(*_: Any) -> Generator[None, Outcome, None]:
        yield
        raise RuntimeError("after")

    for hook in (fails_before, fails_after):
        patch = Patch(Subject, "work", hook)
        patch.apply()
        assert Subject().work(1) == 2, f"{hook.__name__} changed the result"
        try:
            Subject().work(-1)
        except LookupError as error:
            assert error.__context__ is None, f"{hook.__name__} added context to the exception"
            assert error.args == (-1,), f"{hook.__name__} changed the exception"
        else:
            raise AssertionError(f"{hook.__name__} swallowed the exception")
        patch.revert()


def _check_patch(patch: Patch) -> None:
    before = inspect.getattr_static(patch.owner, patch.name)
    owned = patch.name in vars(patch.owner)
    callable_before = getattr(patch.owner, patch.name)
    could_be_pickled = _can_be_pickled(callable_before)
    patch.apply()
    put = inspect.getattr_static(patch.owner, patch.name)
    assert put is not before, f"{patch} puts nothing in place"
    patch.apply()
    assert inspect.getattr_static(patch.owner, patch.name) is put, f"{patch} applied twice wraps itself"
    after = getattr(patch.owner, patch.name)
    assert type(put) is type(before), f"{patch} changes the kind of descriptor"
    # As text: a signature with NaN as a default does not even equal itself.
    assert str(inspect.signature(after)) == str(inspect.signature(callable_before)), f"{patch} changes the signature"
    for name in ("__name__", "__doc__", *(("__qualname__", "__module__") if owned else ())):
        assert getattr(after, name) == getattr(callable_before, name), f"{patch} changes {name}"
    if could_be_pickled:
        assert pickle.loads(pickle.dumps(after)) == after, f"{patch} cannot be pickled"  # noqa: S301  made here
    patch.revert()
    assert inspect.getattr_static(patch.owner, patch.name) is before, f"{patch} does not restore the original"
    assert (patch.name in vars(patch.owner)) == owned, f"{patch} leaves an attribute behind"


def _can_be_pickled(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError):  # of a function inside another one there is no name
        return False
    return True
