"""The stages of a run that a sidecar follows: what has been done for it, and what it still waits for."""

import threading
from concurrent.futures import Future
from enum import Enum, auto


class EnvironmentStage(Enum):
    """How much of the environment of a run is recorded. A run passes through these stages in order."""

    UNCAPTURED = auto()
    CAPTURED = auto()
    """It waits for its first metrics or its end: all params are known by then, and can be compared."""
    PREVIEWED = auto()
    """Its first metrics are long in coming, and what is known has been compared, so that it can be said meanwhile."""
    COMPARING = auto()
    COMPARED = auto()


class EndStage(Enum):
    """What is known about the end of a run. A run passes through these stages in order."""

    OPEN = auto()
    AWAITING_EXIT_CODE = auto()
    """Training recorded the end while Python was exiting. The exit code may still tell otherwise."""
    FINAL = auto()


class RunStages:
    """The stages of one run.

    The loop of the sidecar moves a run on, and so does its worker thread, which captures and compares. Therefore every
    method takes the lock.

    Args:
        captures_environment: False for a run of which nothing is to be captured or compared.
    """

    def __init__(self, *, captures_environment: bool) -> None:
        self._lock = threading.Lock()
        self._jobs: list[Future[None]] = []
        self.restart(captures_environment=captures_environment)

    def restart(self, *, captures_environment: bool) -> None:
        """Go back to the first stages, because the same process resumes the run. Jobs that are under way go on."""
        with self._lock:
            self._environment = EnvironmentStage.UNCAPTURED if captures_environment else EnvironmentStage.COMPARED
            self._end = EndStage.OPEN

    # ---- The environment

    def mark_captured(self) -> None:
        """Note that the environment is captured, or that capturing it failed: there is no second attempt."""
        self._move(EnvironmentStage.UNCAPTURED, EnvironmentStage.CAPTURED)

    def begin_comparing(self, *, has_metrics: bool) -> bool:
        """Move on to the comparison if the run is ready for it, and return whether it was: whoever calls compares."""
        with self._lock:
            is_ready = has_metrics or self._end is not EndStage.OPEN
            if self._environment not in (EnvironmentStage.CAPTURED, EnvironmentStage.PREVIEWED) or not is_ready:
                return False
            self._environment = EnvironmentStage.COMPARING
            return True

    def begin_preview(self) -> bool:
        """Move on to a comparison of what is known already, and return whether it is time: whoever calls compares."""
        with self._lock:
            if self._environment is not EnvironmentStage.CAPTURED or self._end is not EndStage.OPEN:
                return False
            self._environment = EnvironmentStage.PREVIEWED
            return True

    def mark_compared(self) -> None:
        """Note that the comparison is done, and that its result is on its way to the terminal."""
        self._move(EnvironmentStage.COMPARING, EnvironmentStage.COMPARED)

    def _move(self, source: EnvironmentStage, target: EnvironmentStage) -> None:
        with self._lock:
            if self._environment is source:  # the run may have been restarted meanwhile
                self._environment = target

    @property
    def is_captured(self) -> bool:
        """Whether there is nothing more to capture."""
        with self._lock:
            return self._environment is not EnvironmentStage.UNCAPTURED

    @property
    def is_compared(self) -> bool:
        """Whether there is nothing more to compare, and the terminal has been told."""
        with self._lock:
            return self._environment is EnvironmentStage.COMPARED

    # ---- The end

    def finalize(self, *, awaits_exit_code: bool = False) -> None:
        """Note that training writes nothing more to the run."""
        with self._lock:
            self._end = EndStage.AWAITING_EXIT_CODE if awaits_exit_code else EndStage.FINAL

    @property
    def is_finalized(self) -> bool:
        """Whether training writes nothing more to the run."""
        with self._lock:
            return self._end is not EndStage.OPEN

    @property
    def awaits_exit_code(self) -> bool:
        """Whether the recorded end may have to be corrected once the exit code of the process is known."""
        with self._lock:
            return self._end is EndStage.AWAITING_EXIT_CODE

    # ---- All of it

    def add_job(self, job: Future[None]) -> None:
        """Wait for this job too before the run is done."""
        with self._lock:
            self._jobs = [*(earlier for earlier in self._jobs if not earlier.done()), job]

    @property
    def is_done(self) -> bool:
        """Whether training writes nothing more, nothing is left to capture or compare, and every job has ended."""
        with self._lock:
            is_environment_done = self._environment in (EnvironmentStage.COMPARING, EnvironmentStage.COMPARED)
            return self._end is not EndStage.OPEN and is_environment_done and all(job.done() for job in self._jobs)
