"""One short run, which is completed in one go when it has ended."""

from collections.abc import Mapping
from time import time
from types import TracebackType
from typing import Self

from autotrack.journal import summary
from autotrack.journal.fold import Fold
from autotrack.journal.records import Text
from autotrack.protocol import Follow
from autotrack.readers.compare import changes_of
from autotrack.readers.earlier_runs import EarlierRuns
from autotrack.sidecar.capture.shared import SharedCaptures
from autotrack.sidecar.exit_status import ExitStatus
from autotrack.sidecar.followed_run import FollowedRun


class ShortRun:
    """A short run, for the duration of a `with` block. What fails in the block becomes a notice in the run."""

    def __init__(self, follow: Follow) -> None:
        self._fold = Fold()
        self._run = FollowedRun(follow, fold=self._fold)
        self.folder = self._run.folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        is_ours = isinstance(error, Exception)
        try:
            if is_ours:
                self._run.notice("sidecar", f"{type(error).__name__}: {error}")
        except Exception:  # noqa: BLE001, S110  the disk takes nothing: `autotrack sync` completes the run later
            pass
        finally:
            self._run.close()
        return is_ours

    def record_exit(self, exit_status: ExitStatus, *, pid: int, awaited: bool) -> None:
        """Record how the process ended, if it left the run open or ended it without knowing.

        Args:
            exit_status: How it ended.
            pid: The process.
            awaited: Whether it recorded the end of the run while Python was exiting.
        """
        self._run.read()
        self._run.settle_exit(exit_status, pid=pid, awaited=awaited)

    def take_environment(self, captures: SharedCaptures) -> None:
        """Add the environment that it shares, unless it has one or wants none."""
        self._run.read()
        if self._run.follow.environment and not self._run.facts.captured_kinds - {"process", "notebook"}:
            captures.give(self._run)

    def complete(
        self, captures: SharedCaptures, earlier_runs: EarlierRuns, load: Mapping[str, int | float] | None
    ) -> None:
        """Add what the run lacks, and write its summary. Calling it again does no harm."""
        run = self._run
        self.take_environment(captures)
        if run.facts.started is None:
            return
        if load and not self._fold.system:
            run.put_load(load)
        run.add_checksums()
        run.release_load()
        run.read()
        now = run.summary(self._fold)
        is_compared = "changes" in now.texts or not run.follow.environment
        if not is_compared and (changes := changes_of(run.folder, earlier_runs, now)):
            run.put([Text(time=time(), name="changes", text=changes.text)])
            run.read()
            now = run.summary(self._fold)
        summary.write(run.folder, now)
        earlier_runs.note(run.folder, now)
