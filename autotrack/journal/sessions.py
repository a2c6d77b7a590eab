"""The sessions of a run: each process that recorded it, one after the other, and how long each of them took.

Which session comes first is told by the order of the records. Their times are what the clocks of hosts said, which may
differ and may be set while a run goes on. So a duration is what the process itself has measured, wherever that is
known, and what the clocks cannot have got right is said.
"""

import msgspec

from autotrack.journal.records import RunFinished, RunStarted

_DOUBTFUL_SECONDS = 5.0
"""By how much clocks may contradict each other before that is said."""


class _Session(msgspec.Struct):
    """One process that recorded the run: its start, the latest time that anything was recorded at, and its end."""

    start: RunStarted
    latest: float
    end: RunFinished | None = None
    measured: float | None = None

    @property
    def seconds(self) -> float:
        """How long it took: as the process measured it, or else as the clock says, which may have been set back."""
        if self.measured is not None:
            return self.measured
        return max((self.latest if self.end is None else self.end.time) - self.start.time, 0.0)


class Sessions(msgspec.Struct):
    """All sessions of one run, in their order. The time between two sessions belongs to none of them.

    Attributes:
        each: The sessions.
        doubts: What the clocks cannot have got right, a sentence each.
    """

    each: list[_Session] = []
    doubts: list[str] = []

    def begin(self, start: RunStarted) -> None:
        """Take in that a process goes on with the run."""
        if self.each:
            self._compare_clocks(self.each[-1], start)
        self.each.append(_Session(start, start.time))

    def join(self, start: RunStarted) -> None:
        """Take in that another rank joined the latest session."""
        if self.each and start.host != self.each[-1].start.host:
            self._compare_clocks(self.each[-1], start, latest=self.each[-1].start.time)

    def note_time(self, time: float) -> None:
        """Take in the time of a record of the latest session."""
        if self.each:
            latest = self.each[-1]
            latest.latest = max(latest.latest, time)

    def finish(self, end: RunFinished) -> bool:
        """Take in that a process ended; returns whether that was the latest one, whose end is the end of the run."""
        if not self.each:
            return True
        session = self._session_of(end)
        session.end = end
        if end.duration_seconds is not None:
            session.measured = end.duration_seconds
            self._compare_with_measured(session.start, end.time - session.start.time - end.duration_seconds)
        return session is self.each[-1]

    @property
    def started(self) -> float:
        """When the run started."""
        return self.each[0].start.time if self.each else 0.0

    @property
    def ended(self) -> float | None:
        """When the run ended, by the clock at its last start; None while it goes on."""
        session = self.each[-1] if self.each else None
        if session is None or session.end is None:
            return None
        ended = session.end.time if session.measured is None else session.start.time + session.measured
        return max(ended, self.started)

    @property
    def duration_seconds(self) -> float | None:
        """How long the run took in all its sessions; None while it goes on."""
        if self.ended is None:
            return None
        return sum(session.seconds for session in self.each)

    def _doubt(self, sentence: str) -> None:
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    def _session_of(self, end: RunFinished) -> _Session:
        latest = self.each[-1]
        if end.started is None:  # as early versions recorded it: a sidecar may have ended an earlier session late
            is_late = end.time < latest.start.time
            return next((one for one in self.each if is_late and one.end is None), latest)
        return next((one for one in self.each if one.start.time == end.started), latest)

    def _compare_clocks(self, before: _Session, start: RunStarted, *, latest: float | None = None) -> None:
        behind = (before.latest if latest is None else latest) - start.time
        if behind <= _DOUBTFUL_SECONDS:
            return
        if start.host != before.start.host:
            clocks = f"the clock of {start.host} is at least {behind:.0f} s behind the clock of {before.start.host}"
        else:
            clocks = f"the clock of {start.host} was set back by at least {behind:.0f} s before the run went on"
        self._doubt(f"{clocks}: its times are uncertain, but not the order of what was recorded")

    def _compare_with_measured(self, start: RunStarted, ahead: float) -> None:
        if abs(ahead) <= _DOUBTFUL_SECONDS:
            return
        cause = "was set back" if ahead < 0 else "was set forward, or the machine slept,"
        self._doubt(
            f"the clock of {start.host} {cause} by about {abs(ahead):.0f} s while the run was recorded: its times are "
            f"uncertain, but not its duration"
        )
