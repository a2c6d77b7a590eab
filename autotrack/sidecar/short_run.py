"""Completes short runs, each in one go after its end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from time import time

from autotrack.journal import summary
from autotrack.journal.fold import Fold
from autotrack.journal.records import Text
from autotrack.protocol import Follow
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.readers.compare.since import changes_of
from autotrack.sidecar.capture.runner import Captures
from autotrack.sidecar.capture.shared import SharedCaptures
from autotrack.sidecar.capture.siblings import OWN_KINDS
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sidecar.registering import register_models
from autotrack.sidecar.training_exit import ExitStatus


class ShortCompletion:
    """Completes short runs of a process. What fails for one becomes a notice in it.

    Args:
        pid: The process.
        captures: What has been captured for other runs of the process.
        earlier_runs: What the runs are compared with.
    """

    def __init__(self, pid: int, captures: Captures, earlier_runs: EarlierRuns) -> None:
        self._pid = pid
        self._captures = SharedCaptures(captures)
        self._earlier_runs = earlier_runs

    def complete(self, follow: Follow, load: Mapping[str, int | float] | None = None) -> list[str]:
        """Add what the run lacks, and write its summary. Doing so again does no harm.

        `load` is the load of the process at the end of the run. Returns what has failed, a sentence each.
        """
        fold = Fold()
        with _opened(follow, fold) as (run, problems):
            self._give_environment(run)
            if run.facts.started is None:
                return problems
            if load and not fold.system:
                run.put_load(load)
            run.read()
            run.complete_files(shares=True)
            register_models(run)
            run.release_load()
            run.read()
            now = run.summary(fold)
            is_compared = "changes" in now.texts or not follow.environment
            if not is_compared and (changes := changes_of(run.folder, self._earlier_runs, now)):
                run.put([Text(time=time(), name="changes", text=changes.text)])
                run.read()
                now = run.summary(fold)
            summary.write(run.folder, now)
            self._earlier_runs.note(run.folder, now)
        return problems

    def give_environment(self, follow: Follow) -> None:
        """Add the environment that the run shares with others, unless it has one or wants none."""
        with _opened(follow) as (run, _):
            self._give_environment(run)

    def record_exit(self, follow: Follow, exit_status: ExitStatus, *, awaited: bool) -> None:
        """Record how the process ended, if the run does not tell or tells it wrongly.

        `awaited` means that the process recorded the end of the run while Python was exiting.
        """
        with _opened(follow) as (run, _):
            run.stages.finalize(awaits_exit_code=awaited)
            run.settle_exit(exit_status, self._pid)

    def _give_environment(self, run: FollowedRun) -> None:
        run.read()
        if run.follow.environment and not run.facts.captured_kinds - OWN_KINDS:
            self._captures.give(run)


@contextmanager
def _opened(follow: Follow, fold: Fold | None = None) -> Iterator[tuple[FollowedRun, list[str]]]:
    """Open a run, and close it. What fails is added to the list, and becomes a notice."""
    run, problems = FollowedRun(follow, fold=fold), list[str]()
    try:
        yield run, problems
    except Exception as error:  # noqa: BLE001  what fails for one run must not harm others
        problems.append(f"{run.folder.name} is not complete: {type(error).__name__}: {error}")
        with suppress(Exception):  # the disk takes nothing: `autotrack sync` completes the run later
            run.notice("sidecar", f"{type(error).__name__}: {error}")
    finally:
        run.close()
