"""The checks that every integration and every sink must pass: ours pass, and what is wrong with others is named."""

import importlib
import inspect
import json
import re
import sys
import types
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autotrack.errors import AutotrackWarning
from autotrack.journal.reader import Position
from autotrack.journal.records import AnyRecord
from autotrack.sinks.base import Sink
from autotrack.sinks.folder import FolderSink
from autotrack.sinks.tensorboard.sink import TensorBoardSink
from autotrack.testing import check_firewall, check_imports, check_integration, check_sink
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
    check_integration(WeaverIntegration(), with_imports=False)
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
        self._replacement = None
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
        check_integration(WeaverIntegration(make), with_imports=False)


def test_a_name_that_nobody_can_write_is_wrong() -> None:
    integration = WeaverIntegration()
    integration.name = "my framework"
    with pytest.raises(AssertionError, match="'my framework' is not an identifier"):
        check_integration(integration, with_imports=False)


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


# ---- imports


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is never imported: its source is what is checked."""
    folder = tmp_path / "autotrack_weaver"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_an_integration_may_import_the_public_names_and_the_face_for_integrations(package: Path) -> None:
    (package / "hooks.py").write_text(
        "import autotrack\nimport autotrack.integrations\nfrom autotrack import Run, integrations\n"
        "from autotrack.integrations import Patch\nfrom . import callback\nfrom .settings import X\n"
        "import autotrack_weaver.settings\n"
    )
    check_imports("autotrack_weaver")


@pytest.mark.parametrize(
    ("source", "line", "imported"),
    [
        ("import autotrack.settings", 1, "autotrack.settings"),
        ("import json\nimport autotrack.journal.records as r", 2, "autotrack.journal.records"),
        ("from autotrack.training.hooks.patch import Patch", 1, "autotrack.training.hooks.patch"),
        ("from autotrack import settings", 1, "autotrack.settings"),
        ("def hook():\n    from autotrack.settings import resolve", 2, "autotrack.settings"),
        ("if TYPE_CHECKING:\n    from autotrack.training.run import Run", 2, "autotrack.training.run"),
    ],
)
def test_any_other_import_of_the_core_is_named_with_its_line(
    package: Path, source: str, line: int, imported: str
) -> None:
    inner = package / "parts"
    inner.mkdir()
    path = inner / "hooks.py"
    path.write_text(source)
    with pytest.raises(AssertionError, match=rf"{re.escape(str(path))}:{line} imports {re.escape(imported)}\n"):
        check_imports("autotrack_weaver")


def test_a_module_without_a_folder_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weaver_tracking.py").write_text("import autotrack.errors")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match=r"weaver_tracking\.py:1 imports autotrack\.errors"):
        check_imports("weaver_tracking")


@pytest.mark.parametrize(
    "name", ["autotrack_keras", "autotrack_lightning", "autotrack_sklearn", "autotrack_tensorboard", "autotrack_torch"]
)
def test_our_integrations_import_only_what_they_may(name: str) -> None:
    check_imports(name)


def test_the_imports_are_checked_with_the_integration(
    package: Path, weaver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "hooks.py").write_text("import autotrack.errors")
    monkeypatch.setattr(WeaverIntegration, "__module__", "autotrack_weaver.integration")
    with pytest.raises(AssertionError, match=r"hooks\.py:1 imports autotrack\.errors"):
        check_integration(WeaverIntegration())


# ---- sinks


@pytest.mark.parametrize("kind", [FolderSink, TensorBoardSink])
def test_our_sinks_pass(kind: Callable[[], Sink], tmp_path: Path) -> None:
    check_sink(kind, tmp_path / "run")


class Counting:
    """A good sink: it keeps in a file how much of the journals has arrived."""

    destination = "a count"
    follows = True

    def open(self, folder: Path) -> dict[str, int]:
        self.path = folder / "count.json"
        return dict(json.loads(self.path.read_text())) if self.path.exists() else {}

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        pass

    def flush(self, position: Position) -> None:
        self.path.write_text(json.dumps(position.offsets))

    def close(self) -> None:
        pass


class Hasty(Counting):
    def flush(self, position: Position) -> None:
        super().flush(position._replace(offsets={name: size + 1 for name, size in position.offsets.items()}))


class CountingWrites(Counting):
    """Takes the number of batches that it was handed for a position."""

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        counts = self.open(self.path.parent)
        self.path.write_text(json.dumps({"main.jsonl": counts.get("main.jsonl", 0) + 2000}))

    def flush(self, position: Position) -> None:
        pass


class Torn(Counting):
    def flush(self, position: Position) -> None:
        super().flush(position._replace(offsets={name: size - 1 for name, size in position.offsets.items()}))


class Unclosable(Counting):
    def close(self) -> None:
        raise OSError("not open")


class MovesOnOpening(Counting):
    def open(self, folder: Path) -> dict[str, int]:
        offsets = super().open(folder)
        self.path.unlink(missing_ok=True)
        return offsets


def test_a_good_sink_of_others_passes(tmp_path: Path) -> None:
    check_sink(Counting, tmp_path / "run")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Hasty, "more than it got"),
        (CountingWrites, "more than it got"),
        (Torn, "would go on within a record of main.jsonl"),
        (Unclosable, r"close\(\) raised OSError: not open"),
        (MovesOnOpening, "opening it changes its position"),
    ],
)
def test_what_is_wrong_with_a_sink_is_said(kind: Callable[[], Sink], message: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=message):
        check_sink(kind, tmp_path / "run")
