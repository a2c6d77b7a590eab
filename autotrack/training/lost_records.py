"""What no disk has taken when a run ends waits for room until the process ends. Then it is said what is lost."""

import atexit

from autotrack.journal.writer import Journal
from autotrack.training import terminal


class LostRecords:
    """The journals of this process with records that no disk has taken, and the names of their runs."""

    def __init__(self) -> None:
        self._names: dict[Journal, str] = {}

    def await_room(self, journal: Journal, run_name: str) -> None:
        """If no disk has taken all records of a run, try again when the process ends."""
        if not journal.lost_records:
            return
        if not self._names:
            atexit.register(self.settle)
        self._names[journal] = run_name

    def settle(self) -> None:
        """Write what there is room for by now, and say how much is lost, in one line also for many runs."""
        atexit.unregister(self.settle)
        names, self._names = self._names, {}
        for journal in names:
            journal.close()
        lost = {journal: count for journal in names if (count := journal.lost_records)}
        if lost:
            runs = names[next(iter(lost))] if len(lost) == 1 else f"{len(lost)} runs"
            terminal.say(f"autotrack: records of {runs} are lost, {sum(lost.values())} of them: no disk took them")


lost_records = LostRecords()  # of this process
