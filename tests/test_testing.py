"""The checks that every integration must pass: ours passes, and what is wrong with others is said."""

import importlib
import inspect
import sys
import types
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrack.errors import AutotrackWarning
from autotrack.testing import check_firewall, check_integration
from autotrack.training.hooks.patch import Outcome, Patch

FRAMEWORK = """
class Base:
    def inherited(self):
        '''What the base does.'''


class Trainer(Base):
    def fit(self, epochs, *, fast=False):
        '''Train.'''
        return epochs

    @staticmethod
    def devices():
        '''How many.'''
        return 1

    @classmethod
    def create(cls):
        '''Make one.'''
        return cls()


def train(epochs):
    '''Train without a trainer.'''
    return epochs
"""


@pytest.fixture
def weaver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A framework, a real module."""
    (tmp_path / "weaver.py").write_text(FRAMEWORK)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("weaver")
    del sys.modules["weaver"]


def hook(*_: Any, **__: Any) -> Generator[None, Outcome, None]:
    yield


class WeaverIntegration:
    """A good integration, but for how it patches."""

    name = "weaver"
    modules = {"weaver": ("weaver", "1", "2")}  # noqa: RUF012  read-only by contract

    def __init__(self, make: Callable[[Any, str], Patch] = lambda owner, name: Patch(owner, name, hook)) -> None:
        self._make = make

    def patches(self, module: types.ModuleType) -> Iterable[Patch]:
        for name in ("fit", "inherited", "devices", "create"):
            yield self._make(module.Trainer, name)
        yield self._make(module, "train")


def test_a_good_integration_passes_and_leaves_the_framework_as_it_was(weaver: Any) -> None:
    before = {owner: dict(vars(owner)) for owner in (weaver, weaver.Base, weaver.Trainer)}
    check_integration(WeaverIntegration())
    assert {owner: dict(vars(owner)) for owner in before} == before


class ChangesTheSignature(Patch):
    def apply(self) -> None:
        super().apply()
        replaced = getattr(self.owner, self.name)
        replaced.__signature__ = inspect.Signature()


class ForgetsTheDocstring(Patch):
    def apply(self) -> None:
        super().apply()
        getattr(self.owner, self.name).__doc__ = None


class ForgetsTheName(Patch):
    def apply(self) -> None:
        super().apply()
        getattr(self.owner, self.name).__name__ = "patched"


class WrapsItselfAgain(Patch):
    def apply(self) -> None:
        self._put = None
        super().apply()


class CannotBePickled(Patch):
    def apply(self) -> None:
        if not hasattr(vars(self.owner)[self.name], "__wrapped__"):
            super().apply()
        getattr(self.owner, self.name).__qualname__ = "fit"


class PutsNothing(Patch):
    def apply(self) -> None:
        pass


class DoesNotRestore(Patch):
    def revert(self) -> None:
        pass


class RestoresACopy(Patch):
    def revert(self) -> None:
        found = inspect.unwrap(vars(self.owner)[self.name])
        copied = types.FunctionType(found.__code__, found.__globals__, found.__name__, found.__defaults__)
        setattr(self.owner, self.name, copied)


class LeavesAnAttribute(Patch):
    def revert(self) -> None:
        setattr(self.owner, self.name, vars(self.owner)[self.name].__wrapped__)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (ChangesTheSignature, "fit", "changes the signature"),
        (ForgetsTheDocstring, "fit", "changes __doc__"),
        (ForgetsTheName, "fit", "changes __name__"),
        (WrapsItselfAgain, "fit", "applied twice wraps itself"),
        (PutsNothing, "fit", "puts nothing in place"),
        (DoesNotRestore, "fit", "does not restore the original"),
        (RestoresACopy, "fit", "does not restore the original"),
        (LeavesAnAttribute, "inherited", "leaves an attribute behind"),
        (CannotBePickled, "fit", "changes __qualname__|cannot be pickled"),
    ],
)
def test_what_is_wrong_with_an_integration_is_said_with_the_patch(
    weaver: Any, kind: type[Patch], name: str, said: str
) -> None:
    def make(owner: Any, patched: str) -> Patch:
        return (kind if patched == name else Patch)(owner, patched, hook)

    with pytest.raises(AssertionError, match=rf"<Patch Trainer\.{name}> ({said})"):
        check_integration(WeaverIntegration(make))


def test_a_name_that_nobody_can_write_is_wrong() -> None:
    integration = WeaverIntegration()
    integration.name = "my framework"
    with pytest.raises(AssertionError, match="'my framework' is not an identifier"):
        check_integration(integration)


def test_the_firewall_holds() -> None:
    with pytest.warns(AutotrackWarning):
        check_firewall()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_our_integration_for_lightning_passes() -> None:
    for name in ("lightning.pytorch", "pytorch_lightning"):
        pytest.importorskip(name)
    from autotrack_lightning.integration import LightningIntegration

    check_integration(LightningIntegration())
