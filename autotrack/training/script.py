"""The script that `autotrack run` started in this process, and its one run, to which all of its trainings add."""

import os
import sys
import threading
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import msgspec

from autotrack import launch
from autotrack.errors import SettingsError
from autotrack.interactive import interactive_session
from autotrack.training import autolog, ranks, run_names, sidecar_client, terminal
from autotrack.training.entry_point import entry_point, set_entry_point
from autotrack.training.hooks.current_run import enter
from autotrack.training.hooks.faults import is_new, report_fault
from autotrack.training.main_target import main_target
from autotrack.training.nothing_recorded import nothing_recorded
from autotrack.training.run import Run
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
            if self._run is None:
                self._run = continued() or open_run(
                    name or self.run_name(),
                    started_by=STARTED_BY,
                    frameworks=autolog.of_this_process().in_use(),
                    **options,
                )
                self._run.started_by = "user"  # trainings add to it, whoever began the one that is continued
            elif self._run.status == "running":
                enter(self._run)  # it may have been opened by another thread
        return self._run if self._run.status == "running" else None

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
        if is_first and at_once and not (autologging.settings.quiet or ranks.rank_from_environment()):
            nothing_recorded.watch(autologging.names)
        chosen = launch.choices()
        known = tuple(sorted({*chosen.frameworks, *(name.partition(".")[0] for name in autologging.modules())}))
        for_children = msgspec.structs.replace(chosen, frameworks=known)
        os.environ[launch.VARIABLE] = launch.text_of("child", self._pid, for_children)
        if chosen.always and is_first and at_once:
            set_entry_point(_file_of(*main_target()))
            self.enclosing_run()

    def run_name(self) -> str | None:
        """Return the name of the run: as it was chosen, else that of the script and words that tell runs apart.

        None where `autotrack run` has not started this process.
        """
        if launch.VARIABLE not in os.environ:
            return None
        if (chosen := launch.choices().name) and (self._is_first or ranks.is_launched_rank()):
            return chosen
        spec = getattr(sys.modules.get("__main__"), "__spec__", None)
        path, module = main_target()
        if named := spec.name if spec else module:
            own = named.removesuffix(".__main__").rpartition(".")[2]
        elif file := entry_point() or path:
            own = Path(file).parent.name if Path(file).name == "__main__.py" else Path(file).stem
        else:
            return None
        return f"{own[:_MOST_CHARACTERS]}-{run_names.run_name()}"


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
