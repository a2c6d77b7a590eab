"""What processes that this one starts get from it: the settings of `autolog()`, its script, and the run around them.

A forked child has both already. A spawned one unpickles a dict before anything else; what is in there under our key
switches autologging on. The workers of joblib are used again by later calls, so each of their tasks names its run.
"""

import contextlib
from collections.abc import Callable, Generator
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from autotrack.training.defaults import home
from autotrack.training.entry_point import entry_point
from autotrack.training.hooks import on_import
from autotrack.training.hooks.patch import Outcome, Patch
from autotrack.training.inherited import ParentRun, run_for_children, working_for
from autotrack.training.nothing_recorded import nothing_recorded
from autotrack.training.observe.arguments.parsed import Arguments, parsed_arguments

_SPAWNING = ("multiprocessing.spawn", "joblib.externals.loky.backend.spawn")
_TASKS = "joblib.parallel"
_BACKENDS = ("LokyBackend", "MultiprocessingBackend")
"""Those of joblib whose workers are processes on this machine; others may run where there is no autotrack."""

_KEY = "autotrack"

# Plain code, so that a child that cannot import autotrack starts all the same.
_TAKE_OVER = """
try:
    from autotrack.training.autolog import take_over
except ImportError:
    pass
else:
    take_over({!r})
"""


_TAKE_TASK = """
try:
    from autotrack.training.children import task_for
    task = task_for(function, *run)
except Exception:
    task = function
"""


class Inheritance(msgspec.Struct, frozen=True):
    """What a spawned child is given: the arguments and folder of `autolog`, the run around it, the script, and what
    that has `parsed`.

    The main module of a worker of joblib is not the script, but a file of joblib.
    """

    arguments: dict[str, Any]
    folder: str
    run: ParentRun | None = None
    entry_point: str | None = None
    parsed: list[Arguments] = []


class Children:
    """Sees to it that spawned children and the workers of joblib get what forked ones have anyway.

    `arguments` returns the arguments that `autolog` is to be called with in a child.
    """

    def __init__(self, arguments: Callable[[], dict[str, Any]]) -> None:
        self._arguments = arguments
        self._patches: dict[str, list[Patch]] = {}
        self._runs: WeakKeyDictionary[Any, ParentRun] = WeakKeyDictionary()

    def watch(self) -> None:
        """Give to every process that is started from now on."""
        for name in (*_SPAWNING, _TASKS):
            on_import.when_imported(name, self._apply)

    def forget(self) -> None:
        """Give to none any more."""
        for name in (*_SPAWNING, _TASKS):
            on_import.forget(name)
            for patch in self._patches.get(name, []):
                patch.revert()

    def _apply(self, module: ModuleType) -> None:
        name = module.__name__
        if name not in self._patches:
            self._patches[name] = list(self._make_patches(module))
        for patch in self._patches[name]:
            patch.apply()

    def _make_patches(self, module: Any) -> Generator[Patch]:
        if module.__name__ == _TASKS:
            yield Patch(module.Parallel, "__call__", self._around_parallel)
            yield Patch(module.Parallel, "_dispatch", self._around_dispatch)
        else:
            is_pool = module.__name__ != "multiprocessing.spawn"
            yield Patch(module, "get_preparation_data", self._for_worker if is_pool else self._for_process)

    def _for_process(self, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
        outcome = yield
        self._add(outcome, run_for_children())

    def _for_worker(self, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
        outcome = yield
        self._add(outcome, None)

    def _add(self, outcome: Outcome, run: ParentRun | None) -> None:
        nothing_recorded.is_over()  # not for certain: the child says so itself
        if isinstance(outcome.result, dict):
            inheritance = Inheritance(
                self._arguments(), str(home()), run, entry_point(), _encodable(parsed_arguments.all())
            )
            outcome.result[_KEY] = _SwitchOn(msgspec.json.encode(inheritance).decode())

    def _around_parallel(self, parallel: Any, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
        """Hook around a call of `Parallel`, whose tasks are dispatched by other threads as well."""
        run = run_for_children()
        if run is None:
            self._runs.pop(parallel, None)
        else:
            self._runs[parallel] = run
        yield

    def _around_dispatch(self, parallel: Any, batch: Any, *_args: Any) -> Generator[None, Outcome, None]:
        """Hook around the dispatch of a batch of tasks."""
        run = self._runs.get(parallel)
        if run is not None and type(parallel._backend).__name__ in _BACKENDS:
            batch.items = [(_Task(function, run), args, kwargs) for function, args, kwargs in batch.items]
        yield


def _encodable(parsed: list[Arguments]) -> list[Arguments]:
    """Return those that can be handed over: a word of the command line need not be text."""
    kept = []
    for arguments in parsed:
        with contextlib.suppress(UnicodeEncodeError):
            msgspec.json.encode(arguments)
            kept.append(arguments)
    return kept


class _SwitchOn:
    """Switches autologging on in the process that unpickles it."""

    def __init__(self, inheritance: str) -> None:
        self._inheritance = inheritance

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (_TAKE_OVER.format(self._inheritance),)


class _Task:
    """A task of joblib that is worked on for a run of the process that dispatched it.

    A worker may not find autotrack, because it was started before the path was changed. It gets the bare function.
    """

    def __init__(self, function: Callable[..., Any], run: ParentRun) -> None:
        self._function = function
        self._run = run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with working_for(self._run):
            return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        space = {"function": self._function, "run": msgspec.structs.astuple(self._run)}
        return eval, ("(exec(code, space), space['task'])[1]", {"code": _TAKE_TASK, "space": space})


def task_for(function: Callable[..., Any], *run: Any) -> Callable[..., Any]:
    """Return, in a worker, the task that calls `function` for a run."""
    return _Task(function, ParentRun(*run))
