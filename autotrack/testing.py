"""Checks that every integration and every sink must pass, ours and other people's.

from autotrack.testing import check_integration, check_sink

def test_integration():
    check_integration(MyIntegration())

def test_sink(tmp_path):
    check_sink(MySink, tmp_path / "run")
"""

import ast
import contextlib
import importlib
import importlib.util
import inspect
import pickle
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import autotrack
from autotrack.journal import records
from autotrack.journal.reader import Position, RunReader
from autotrack.journal.writer import Journal
from autotrack.sinks.base import Sink
from autotrack.training.autolog import Integration
from autotrack.training.hooks.patch import Outcome, Patch


def check_integration(integration: Integration, *, with_imports: bool = True) -> None:
    """Check that what an integration patches stays what it was, and that reverting restores it.

    Its framework must be installed; modules of other packages that are missing are left out. Its package is given to
    `check_imports`, unless `with_imports` is false.

    Raises:
        AssertionError: A patched callable changes its name, docstring, signature, kind of descriptor or pickling;
            applying a patch twice differs from applying it once; or reverting does not restore the very object. The
            message names the patch. `check_firewall` checks that a failing hook goes unnoticed.
    """
    assert integration.name.isidentifier(), f"the name {integration.name!r} is not an identifier"
    if with_imports:
        check_imports(type(integration).__module__.partition(".")[0])
    installed = [name for name in integration.modules if importlib.util.find_spec(name.partition(".")[0]) is not None]
    assert installed, f"none of the modules of {integration.name!r} is installed"
    for name in installed:
        for patch in integration.patches(importlib.import_module(name)):
            _check_patch(patch)


def check_imports(package: str) -> None:
    """Check that a package imports nothing of autotrack but `autotrack.integrations` and the public names.

    Imports inside functions and for type checkers count too; the package itself is not imported. Raises
    `AssertionError` with the file, the line and the import.
    """
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"there is no package {package!r}"
    folders = [Path(folder) for folder in spec.submodule_search_locations or []]
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    if not folders and spec.origin is not None:  # a module without a folder
        paths = [Path(spec.origin)]
    problems = [
        f"{path}:{line} imports {name}"
        for path in paths
        for line, name in _imports_of_core(ast.parse(path.read_bytes(), str(path)))
    ]
    assert not problems, "\n".join(
        [*problems, "an integration may import only `autotrack.integrations` and the public names of `autotrack`"]
    )


def check_firewall() -> None:
    """Check that a hook that fails, before or after the original, changes neither its result nor its exception."""

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


def check_sink(make_sink: Callable[[], Sink], folder: Path) -> None:
    """Check that a sink keeps the promises of `Sink`, with a small run that is written to `folder`.

    `make_sink` returns a new sink that writes to the same place each time, as the sink of a new process would.

    Raises:
        AssertionError: After the same records were written twice, the sink says that it got to another position; it
            claims records that were never flushed; it cannot go on from what its `open` returned; or it cannot be
            closed twice, or after a failure.
    """
    journal = Journal(folder / "journal" / "main.jsonl", on_problem=lambda _problem: None)
    try:
        journal.append(records.RunStarted(time=1.0, id="c0ffee", name="checked", experiment="sinks"))
        for step in range(3):
            journal.append(records.Metrics(time=2.0 + step, values={"loss": 1 / (step + 1)}, step=step))
        start = _opened_at(make_sink, folder)
        assert not any(start.values()), f"a sink that was given nothing claims to have records: {start}"
        first = _delivered(make_sink, folder)
        _check_position(make_sink, folder, first)
        again = _delivered(make_sink, folder, times=2)
        assert again.offsets == first.offsets, "reading the same journal again ended elsewhere"
        _check_position(make_sink, folder, first)
        _check_close_after_failure(make_sink, folder)
        _check_position(make_sink, folder, first)
        journal.append(records.RunFinished(time=6.0, status="finished"))
        _check_position(make_sink, folder, _delivered(make_sink, folder))
    finally:
        journal.close()


def _check_patch(patch: Patch) -> None:
    before = inspect.getattr_static(patch.owner, patch.name)
    owned = patch.name in vars(patch.owner)
    callable_before = getattr(patch.owner, patch.name)
    is_home = owned and (isinstance(patch.owner, type) or callable_before.__module__ == patch.owner.__name__)
    could_be_pickled = _can_be_pickled(callable_before)
    patch.apply()
    assert patch.is_in_place, f"{patch} puts nothing in place"
    if inspect.getattr_static(patch.owner, patch.name) is before:  # the framework has a place for the hook
        patch.revert()
        assert not patch.is_in_place, f"{patch} stays in place"
        return
    put = inspect.getattr_static(patch.owner, patch.name)
    assert put is not before, f"{patch} puts nothing in place"
    patch.apply()
    assert inspect.getattr_static(patch.owner, patch.name) is put, f"{patch} applied twice wraps itself"
    after = getattr(patch.owner, patch.name)
    assert type(put) is type(before), f"{patch} changes the kind of descriptor"
    # As text: a signature with NaN as a default does not even equal itself.
    assert str(inspect.signature(after)) == str(inspect.signature(callable_before)), f"{patch} changes the signature"
    for name in ("__name__", "__doc__", *(("__qualname__", "__module__") if is_home else ())):
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


def _imports_of_core(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each import that is not open to integrations."""
    public = {*autotrack.__all__, "integrations"}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            is_root = node.module == "autotrack"
            names = [f"autotrack.{alias.name}" if is_root else str(node.module) for alias in node.names]
            names = [name for name in names if not is_root or name.removeprefix("autotrack.") not in public]
        else:
            continue
        for name in dict.fromkeys(names):
            if name.partition(".")[0] == "autotrack" and name not in ("autotrack", "autotrack.integrations"):
                yield node.lineno, name


@contextlib.contextmanager
def _closed_twice(sink: Sink) -> Iterator[Sink]:
    try:
        yield sink
    finally:
        for _ in range(2):
            try:
                sink.close()
            except Exception as error:
                raise AssertionError(f"{sink.destination}: close() raised {type(error).__name__}: {error}") from error


def _opened_at(make_sink: Callable[[], Sink], folder: Path) -> Mapping[str, int]:
    with _closed_twice(make_sink()) as sink:
        return dict(sink.open(folder))


def _delivered(make_sink: Callable[[], Sink], folder: Path, *, times: int = 1) -> Position:
    """Hand over what the sink asks for, or with `times` the whole journal so many times; return the position."""
    with _closed_twice(make_sink()) as sink:
        start = sink.open(folder)
        for _ in range(times):
            reader = RunReader(folder, start if times == 1 else None)
            for rank, batch in reader:
                sink.write(batch, rank=rank)
        sink.flush(reader.position())
        return reader.position()


def _check_position(make_sink: Callable[[], Sink], folder: Path, flushed: Position) -> None:
    """Check that a new sink claims what was flushed, or starts over; it may claim less but never more."""
    claimed = _opened_at(make_sink, folder)
    destination = make_sink().destination
    for name, offset in claimed.items():
        assert offset <= flushed.offsets.get(name, 0), (
            f"{destination}: claims {offset} bytes of {name}, more than it got"
        )
        content = (folder / "journal" / name).read_bytes()[:offset]
        assert not content or content.endswith(b"\n"), f"{destination}: would go on within a record of {name}"
    assert _opened_at(make_sink, folder) == claimed, f"{destination}: opening it changes its position"


def _check_close_after_failure(make_sink: Callable[[], Sink], folder: Path) -> None:
    """Close a sink that was never opened, and one that was given something that is not a record."""
    with _closed_twice(make_sink()):
        pass
    not_a_record: Any = object()
    with _closed_twice(make_sink()) as sink:
        sink.open(folder)
        with contextlib.suppress(Exception):  # it may pass over it or raise
            sink.write([not_a_record])
