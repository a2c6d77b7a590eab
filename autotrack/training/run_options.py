"""The arguments that every callback of an integration takes, and the runs that are started with them."""

import contextlib
import difflib
import os
from collections.abc import Callable, Mapping
from contextvars import Context
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack
from weakref import WeakSet

from autotrack import repeating, settings
from autotrack.destinations import To
from autotrack.errors import JournalBusyError
from autotrack.training import ranks
from autotrack.training.autolog import chosen
from autotrack.training.defaults import home, resolve, store_of
from autotrack.training.inherited import ParentRun, parent_run, run_for_children
from autotrack.training.run import Run, run_around_another
from autotrack.training.script import script
from autotrack.training.start import (
    attach_run,
    first_record,
    for_another_process,
    open_run,
    reopen_run,
    resume_run,
)

_apart: WeakSet[Run] = WeakSet()
"""The runs that were started with `is_current=False`, such as those of writers."""


class RunArguments(TypedDict, total=False):
    """What every callback takes, for `Unpack`. What is not given comes from `autolog`, the environment and files.

    `to`: the folder that keeps the runs, `runs` by default; `tensorboard`; the URL of a tracking server; or a list.
    `experiment`: groups runs; the project's name by default. `name`: the run's name; made up by default. `tags`:
    labels for the run. `register`: the name under which its model is registered, if it finishes.
    `log_every_n_steps`: record step metrics every so many steps instead of at the own rate of the framework.
    `checkpoints`: whether checkpoints and models are kept in the run folder; True by default. `output`: whether
    what is printed is kept in `output.log`; True by default. `printed_metrics`: whether metrics are found in it;
    True by default.
    """

    to: To | None
    experiment: str | None
    name: str | None
    tags: Mapping[str, str] | None
    register: str | None
    log_every_n_steps: int | None
    checkpoints: bool | None
    output: bool | None
    printed_metrics: bool | None


class RunOptions:
    """Where and how the runs of one callback are recorded: its arguments, and the `settings` they resolve to.

    Raises `SettingsError` for a value that cannot be used, `TypeError` for an argument that does not exist. That names
    the class of `owner`, the callback that takes the arguments.
    """

    _started_in: ParentRun | None = None
    """The run that was being recorded where these options were pickled, in another process."""

    def __init__(self, owner: object = None, /, **arguments: Unpack[RunArguments]) -> None:
        called = type(self if owner is None else owner).__name__
        expected = RunArguments.__annotations__
        for name in sorted(set(arguments) - set(expected)):
            close = difflib.get_close_matches(name, expected, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{called} has no argument {name!r}; expected {', '.join(expected)}{meant}")
        given: dict[str, Any] = dict(arguments)
        if not isinstance(given.get("name"), (str, type(None))):
            raise TypeError(f"{called} was given name={given['name']!r:.100}; give it text, such as 'baseline'")
        self.name: str | None = given.pop("name", None)
        self.settings = settings.resolve(home(), **given)
        self._run = {
            key: given.get(key) for key in ("to", "experiment", "tags", "register", "output", "printed_metrics")
        }

    @classmethod
    def of_autolog(cls) -> Self:
        """Return the options of a callback that `autolog` adds: the settings of its latest call."""
        made = cls.__new__(cls)
        made.name, made.settings, made._run = None, chosen(), {}
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for a copy, which means the same in a process where nobody has called `autolog`."""
        return {**vars(self), "_run": for_another_process(self._run), "_started_in": run_for_children()}

    @property
    def experiment_folder(self) -> Path:
        """The folder in which runs with these options lie."""
        resolved = resolve(self._run)
        return store_of(resolved) / resolved.experiment

    def start_run(
        self,
        *,
        started_by: str,
        frameworks: Mapping[str, str],
        resumed_from: str | None = None,
        group: str | None = None,
        kind: str | None = None,
        is_current: bool = True,
        before_another: Callable[[], None] | None = None,
    ) -> Run:
        """Start a run for a training that begins now.

        `started_by` names the integration, `frameworks` has their versions, `resumed_from` is the id of the run that
        this one continues, `group` is what the ranks of one distributed training have in common, `kind` is what such a
        run is called where many of them are counted, such as "fit of Ridge". With `is_current=False`, what is recorded
        in this context meanwhile does not become a part of the run. `before_another` is called before another training
        begins here, or another run; a training of which nobody tells when it ends may end its run then.
        """
        start = open_run if is_current else _outside_this_context
        run = start(
            self.name or (script.run_name() if ranks.is_launched_rank() else None),
            **self._run,
            started_by=started_by,
            frameworks=frameworks,
            resumed_from=resumed_from,
            group=group,
            kind=kind,
        )
        run.before_another = before_another
        if not is_current:
            _apart.add(run)
        return run

    def run_apart(self) -> Run | None:
        """Return a run that this process has started with `is_current=False` and still records, or None."""
        return next((run for run in _apart if run.status == "running" and run.pid == os.getpid()), None)

    def enclosing_run(
        self,
        *,
        resumed_from: str | None = None,
        group: str | None = None,
        continued: Callable[[], Run | None] = lambda: None,
    ) -> Run | None:
        """Return the run around the training that begins now, or None.

        That is the run which is being recorded here, or, in a rank that a launcher spawned for the training, the run
        that a person started in its parent. Add to it when its `started_by` is "user"; otherwise the training is a
        part of another one that is recorded already. In another process that was started in a run of a person, it is
        None: the training there has a run of its own, with that one as its parent. In a script that `autotrack run`
        started, it is the run of the script, which counts as one of a person and is opened for the first training:
        `continued` may continue an earlier run instead, `resumed_from` and `group` are as for `start_run`.
        """
        run = run_around_another()
        if run is not None and script.is_sweep(run):
            run = None
        if run is not None and (run.pid == os.getpid() or run.started_by != "user" or ranks.is_launched_rank()):
            return run
        if run is None and ranks.is_launched_rank():
            parent = parent_run() or self._started_in
            if parent is not None and parent.started_by == "user" and parent.is_live():
                return attach_run(Path(parent.folder))
        if run is not None:
            return None
        about = {"resumed_from": resumed_from, "group": group, **self._run}
        return script.enclosing_run(self.name, continued=continued, **about)

    def continue_run(
        self,
        run_id: str,
        folder: Path,
        *,
        at_step: int | None,
        frameworks: Mapping[str, str],
        group: str | None = None,
    ) -> Run | None:
        """Continue an unfinished run, as a checkpoint names it by its id and the folder it was in.

        What the run recorded at the step `at_step` or later is about to be recorded again. Returns None when there is
        nothing to continue: the run has finished, is being recorded by another process, or is no longer there. It may
        have been moved along with its store.
        """
        from autotrack.readers import recorded_run  # few trainings continue another one

        found = self._locate(run_id, folder)
        if found is None or recorded_run.load(found).status not in ("failed", "interrupted", "killed"):
            return None
        try:
            return resume_run(found, at_step=at_step, frameworks=frameworks, group=group)
        except JournalBusyError:
            return None

    def reopen_run(self, run_id: str, folder: Path) -> Run | None:
        """Reopen the run that a checkpoint names, to add to it; None when it is no longer there.

        However it has ended, it stays so.
        """
        found = self._locate(run_id, folder)
        return None if found is None else reopen_run(found)

    def _locate(self, run_id: str, folder: Path) -> Path | None:
        """Return where the run lies now: in the folder it was in, or in this store, which may have been moved."""
        repeated = repeating.repetition()
        for candidate in (folder, self.experiment_folder / folder.name):
            with contextlib.suppress(OSError):
                first = first_record(candidate)
                if first.id == run_id and (repeated is None or first.reproduces == repeated.run):
                    return candidate  # a repetition never adds to a run that was there before
        return None

    def join_run(self, rank: int, *, group: str | None = None) -> Run | None:
        """Join, as another rank, the run that rank 0 of this job records; None when there is none to be found."""
        folder = self.find_run(group=group)
        return None if folder is None else resume_run(folder, rank=rank, group=group)

    def find_run(self, *, group: str | None = None) -> Path | None:
        """Return the folder of the run that rank 0 of this job opened last, or None."""
        return ranks.find_run(self.experiment_folder, group=group)


def _outside_this_context(*args: Any, **kwargs: Any) -> Run:
    return Context().run(open_run, *args, **kwargs)
