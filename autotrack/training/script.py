"""The script that `autotrack run` started in this process, and its one run, to which all of its trainings add.

If the script is a sweep, it has a run for each job, and one around them. It is when Hydra says so, or when a training
begins because the function that trained before is called again, in a loop or by somebody who searches.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from contextvars import Context
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import msgspec

from autotrack import launch
from autotrack.errors import SettingsError
from autotrack.interactive import interactive_session
from autotrack.training import autolog, ranks, run_names, sidecar_client, terminal
from autotrack.training.calls import Call, Trainings, calls_under_way
from autotrack.training.entry_point import entry_point, set_entry_point
from autotrack.training.hooks.current_run import enter
from autotrack.training.hooks.faults import attempt, is_new, report_fault
from autotrack.training.main_target import main_target
from autotrack.training.nothing_recorded import nothing_recorded
from autotrack.training.observe.arguments.parsed import parsed_arguments
from autotrack.training.run import Run, current_run
from autotrack.training.start import open_run

STARTED_BY = "script"

_MOST_CHARACTERS = 40


class Script:
    """What this process runs, if `autotrack run` started it. Without that, it has no run."""

    def __init__(self) -> None:
        self._pid: int | None = None
        self._is_first = False
        self._run: Run | None = None
        self._opening = threading.RLock()
        self._options: dict[str, Any] = {}
        self._sweep: Run | None = None
        self._has_jobs = False
        self._jobs = 0
        self._trainings = Trainings()
        self._repeated: Call | None = None
        self._job: Call | None = None

    def begin(self, *, is_first: bool, at_once: bool) -> None:
        """Switch autologging on in this process. Never raises.

        Args:
            is_first: No other process has been the script. The name of the run and `--always` are for this one.
            at_once: The script has not begun. Otherwise it is about to import a framework.
        """
        try:
            self._begin(is_first=is_first, at_once=at_once)
        except SettingsError as error:
            is_new("", error)
            terminal.say(f"autotrack: {error}; nothing is recorded")
        except Exception as fault:  # noqa: BLE001  the script has to start all the same
            report_fault("autotrack run", fault)

    def enclosing_run(
        self, name: str | None = None, *, continued: Callable[[], Run | None] = lambda: None, **options: Any
    ) -> Run | None:
        """Return the run of the script, to which a training adds that begins now; it is opened for the first one.

        None in a process that is no script of `autotrack run`, or a worker of one, and once the run has ended.

        Args:
            name: What the script calls the run of this training, if it does. It wins if a run is opened.
            continued: Continues an earlier run instead of opening one, if it can.
            options: What `open_run` takes, as the training was given it in the script.
        """
        if self._pid != os.getpid() or interactive_session() or ranks.is_worker():
            return None
        with self._opening:
            self._options = options
            if self._run is None:
                self._run = continued() or self._open_job(name)
                self._run.started_by = "user"  # trainings add to it, whoever began the one that is continued
                self._run.before_another = self._before_another
            elif self._run.status == "running":
                enter(self._run)  # it may have been opened by another thread
        return self._run if self._run.status == "running" else None

    def is_sweep(self, run: Run) -> bool:
        """Whether this is the run around the jobs of the script. Trainings add to that of a job."""
        return run is self._sweep

    def begin_job(self) -> None:
        """Note that the script is a sweep, and that a job of it begins. Never raises."""
        if self._pid != os.getpid() or interactive_session() or ranks.is_worker():
            return
        try:
            with self._opening:
                self._has_jobs = True
                if self._run is not None:
                    self._end_job(self._run)
        except Exception as fault:  # noqa: BLE001  the job has to begin all the same
            report_fault("sweep", fault)

    def _open_job(self, name: str | None) -> Run:
        if self._has_jobs:
            self._open_sweep()
        own = self.run_name()
        is_numbered = self._has_jobs and own == launch.choices().name
        run = self._open(name or (f"{own}-{self._jobs}" if is_numbered else own))
        self._trainings = Trainings()
        with attempt("sweep", run=run):  # the run is open: its training is recorded, whatever cannot be read here
            self._trainings.note(calls_under_way())
        self._job, self._repeated = self._repeated, None
        if self._job is not None:
            atexit.unregister(self._at_exit)
            atexit.register(self._at_exit)  # before the run itself ends, which was registered earlier
            run.log_params(self._job.arguments, self._job.code.co_name)
        return run

    def _open_sweep(self) -> Run:
        """Open the run around all jobs, the first time."""
        if self._sweep is None:
            self._sweep = Context().run(self._open, self.run_name("-sweep"), printed_metrics=False)
            self._sweep.started_by = "user"
        enter(self._sweep)
        return self._sweep

    def _open(self, name: str | None, **options: Any) -> Run:
        frameworks = autolog.of_this_process().in_use()
        return open_run(name, started_by=STARTED_BY, frameworks=frameworks, **{**self._options, **options})

    def _before_another(self) -> None:
        """End the job if the training that begins is the first one of another job."""
        run = self._run
        if run is None or run.status != "running" or run.pid != os.getpid() or current_run() is not run:
            return
        try:
            with self._opening:
                now = calls_under_way()
                if (calls := self._trainings.repeated_by(now)) is None:
                    self._trainings.note(now)
                    return
                over, self._repeated = calls
                if not self._has_jobs:
                    self._has_jobs = True
                    run.log_params(over.arguments, over.code.co_name)
                self._end_job(run, over)
        except Exception as fault:  # noqa: BLE001  the training has to begin all the same
            report_fault("sweep", fault, run=run)

    def _end_job(self, run: Run, call: Call | None = None) -> None:
        """End the run of a job, which is a call of a function of the script as far as one is known."""
        self._run = self._job = None
        self._jobs += 1
        if run.status == "running":
            run.part_of = self._open_sweep().id
            is_failure = call is not None and call.fate is not None and call.fate.was_caught
            if call is not None and is_failure:
                run.notice("sweep", f"{call.code.co_name} ended with an exception, which the script has caught")
            run.finish("failed" if is_failure else "finished")

    def _at_exit(self) -> None:
        """End the last job by itself, if it was over before: how the script ends is not how the job ended."""
        atexit.unregister(self._at_exit)
        run, job = self._run, self._job
        if run is None or job is None or job.fate is None or self._pid != os.getpid():
            return
        if job.fate.has_returned or job.fate.was_caught:
            with attempt("sweep", run=run):
                self._end_job(run, job)

    def _begin(self, *, is_first: bool, at_once: bool) -> None:
        autologging = autolog.of_this_process()
        if autologging.modules():  # in a worker that was told by its parent
            return
        autologging.switch_on(autolog.NO_ARGUMENTS, Path.cwd())
        if at_once:
            sidecar_client.start_if_main(autologging.settings)
        if ranks.is_spawned():
            return
        self._pid, self._is_first = os.getpid(), is_first
        parsed_arguments.before_job = self.begin_job
        if is_first and at_once and not (autologging.settings.quiet or ranks.rank_from_environment()):
            nothing_recorded.watch(autologging.names)
        chosen = launch.choices()
        known = tuple(sorted({*chosen.frameworks, *(name.partition(".")[0] for name in autologging.modules())}))
        for_children = msgspec.structs.replace(chosen, frameworks=known)
        os.environ[launch.VARIABLE] = launch.text_of("child", self._pid, for_children)
        if chosen.always and is_first and at_once:
            set_entry_point(_file_of(*main_target()))
            self.enclosing_run()

    def run_name(self, suffix: str = "") -> str | None:
        """Return the name of the run: as it was chosen, else that of the script and words that tell runs apart.

        The suffix stands behind the name that was chosen, or that of the script. None where `autotrack run` has not
        started this process.
        """
        if launch.VARIABLE not in os.environ:
            return None
        if (chosen := launch.choices().name) and (self._is_first or ranks.is_launched_rank()):
            return f"{chosen}{suffix}"
        spec = getattr(sys.modules.get("__main__"), "__spec__", None)
        path, module = main_target()
        if named := spec.name if spec else module:
            own = named.removesuffix(".__main__").rpartition(".")[2]
        elif file := entry_point() or path:
            own = Path(file).parent.name if Path(file).name == "__main__.py" else Path(file).stem
        else:
            return None
        return f"{own[:_MOST_CHARACTERS]}{suffix}-{run_names.run_name()}"


def _file_of(path: str | None, module: str | None) -> str | None:
    """Return the file that Python is about to run, without importing anything."""
    if path is not None:
        whole = Path(path).absolute()
        return str(whole / "__main__.py" if whole.is_dir() else whole)
    folders: Any = [str(Path.cwd()), *sys.path]
    spec = None
    for part in (module or "").split("."):
        spec = PathFinder.find_spec(part, folders)
        if spec is None:
            return None
        folders = spec.submodule_search_locations
    if spec is not None and folders is not None:
        spec = PathFinder.find_spec("__main__", folders)
    return spec.origin if spec is not None else None


script = Script()
"""That of the process."""
