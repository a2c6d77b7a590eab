"""Listens to the output of one run, finds the metrics in it, and decides when each can be recorded."""

from collections.abc import Callable, Sequence

import msgspec

from autotrack.output_channel import END
from autotrack.sidecar.output.printed_bars import Bars
from autotrack.sidecar.output.printed_epochs import Epochs, Place
from autotrack.sidecar.output.printed_metrics import Said, parse
from autotrack.sidecar.output.printed_names import is_final
from autotrack.sidecar.output.printed_objects import Objects
from autotrack.sidecar.output.printed_recorder import Point, Recorded, Recorder
from autotrack.sidecar.output.printed_tables import Tables
from autotrack.sidecar.output.printed_user_patterns import UserPatterns

_MOST_HELD = 1000
_INDENTED = " \t|│"
_decode_place = msgspec.json.Decoder(tuple[int | None, int | None]).decode

_PRINT_THEMSELVES = ("sklearn",)
"""Frameworks that print their progress during a fit, and have no place for the user to print anything."""


class PrintedMetrics:
    """Records the metrics in what a run prints.

    A value under a new name waits until the training has gone on after it. For what is printed when that is over, such
    as "Test accuracy: 0.93", belongs to no epoch, and by then it is known which names the framework logs.

    Args:
        run: The run.
        redact: Takes secrets out of a line.
        patterns: Those of the user.
        is_over: Whether the run had ended before the first text.
    """

    def __init__(
        self, run: Recorded, redact: Callable[[str], str], *, patterns: Sequence[str] = (), is_over: bool = False
    ) -> None:
        self._run = run
        self._redact = redact
        self._epochs = Epochs(Place(is_over=True) if is_over else None)
        self._recorder = Recorder(run, self._epochs)
        self._patterns = UserPatterns(patterns, lambda problem: run.notice("output", problem))
        self._tables = Tables()
        self._objects = Objects()
        self._bars: Bars[Place] = Bars()
        self._heading = ""
        self._held: list[Point] = []
        self._afterwards: list[Point] = []

    @property
    def place(self) -> object:
        """The place of what is printed now."""
        return self._epochs.place

    def note_place(self, place: str) -> None:
        """Take the place of what is printed from now on, or that the run has ended."""
        if place == END:
            self._end()
            return
        if self._epochs.move(*_decode_place(place)):
            self._end_bar()
            self._recorder.end_epoch()
        self._release()

    def take(self, lines: str, places: Sequence[object] | None) -> None:
        """Find the metrics in lines."""
        for index, line in enumerate(lines.removesuffix("\n").split("\n")):
            if line and not line.isspace():
                self._take_line(line, self.place if places is None else places[index])

    def take_erased(self, row: str, place: object) -> None:
        """Take the state of a bar that was erased. It counts when it turns out to be the last one."""
        if isinstance(place, Place) and (earlier := self._bars.erase(row, place)):
            self._take_line(*earlier)

    def pause(self) -> None:
        """The run has ended."""
        self._end()

    def close(self) -> None:
        """Record what was printed after the run. Nothing more is printed."""
        self._end()
        self._end_bar()
        held, self._afterwards = self._afterwards, []
        if not held:
            return
        self._run.read()
        names = [point.name for point in held]
        if self._framework in _PRINT_THEMSELVES:  # what is printed twice may be of models that were fitted before
            held = [point for point in held if names.count(point.name) == 1]
        self._recorder.record(held, is_after=True)

    def _take_line(self, line: str, place: object) -> None:
        if self._bars.is_held and (earlier := self._bars.note_line(line)):
            self._take_line(*earlier)
        is_of_object = self._objects.take(line)
        said = self._find(line) if not is_of_object else self._patterns.find(line) or Said({}, {})
        if (said.values or said.others) and (clean := self._redact(line)) != line:
            said = self._find(clean)
        is_found = bool(said.values or said.others)
        if said.epoch is not None:
            if self._epochs.name(said.epoch, is_here=is_found):
                self._recorder.end_epoch()
                self._release()
        else:
            self._epochs.leave_line()
        if is_found and isinstance(place, Place):  # before the run, it may belong to another one
            for name, value in self._chosen(said, place).items():
                self._add(Point(name, value, place, self._epochs.named, said.step))

    def _find(self, line: str) -> Said:
        own = self._patterns.find(line)
        if own is not None:
            return own
        is_indented = line[0] in _INDENTED
        said = parse(line, self._heading if is_indented else "")
        if said.heading or not is_indented:
            self._heading = said.heading
        if said.values or said.others or (row := self._tables.take(line)) is None:
            return said
        return Said(row.values, {}, said.epoch if row.epoch is None else row.epoch, row.step)

    def _chosen(self, said: Said, place: Place) -> dict[str, float]:
        """Return what counts: the metrics, and during training or beside them, whatever else has a name."""
        is_training = not place.is_over and (place != Place() or self._epochs.named is not None)
        is_progress = said.epoch is not None or said.step is not None or bool(said.values)
        return {**said.others, **said.values} if is_training or is_progress else said.values

    def _add(self, point: Point) -> None:
        if point.place.is_over:
            self._afterwards = [*self._afterwards[-_MOST_HELD:], point]
        elif self._framework in _PRINT_THEMSELVES:
            return
        elif self._recorder.knows(point.name):
            self._recorder.record([point])
        elif self._is_over:  # it was held back by the screen
            self._record_last(point)
        else:
            self._hold(point)
            has_epochs = point.place.epoch is not None or point.named is not None
            if not has_epochs and sum(held.name == point.name for held in self._held) > 1:
                self._release()

    def _hold(self, point: Point) -> None:
        self._held.append(point)
        if len(self._held) > _MOST_HELD:
            self._release()

    def _release(self) -> None:
        """Record what was printed before the training went on."""
        held, self._held = self._held, []
        if held:
            self._run.read()
            self._recorder.record(held)

    def _end(self) -> None:
        """Record what was printed when the training did not go on any more."""
        if self._is_over:
            return
        self._end_bar()
        self._epochs.end()
        held, self._held = self._held, []
        if held:
            self._run.read()
        for point in held:
            self._record_last(point)
        self._recorder.end_epoch()

    def _record_last(self, point: Point) -> None:
        """Record what was printed under a new name after the last step: it may be of the whole training."""
        is_told = point.named is not None and point.named.is_here
        self._recorder.record([point], is_after=not is_told and (self._epochs.count > 1 or is_final(point.name)))

    def _end_bar(self) -> None:
        if earlier := self._bars.give_up():
            self._take_line(*earlier)

    @property
    def _is_over(self) -> bool:
        return self._epochs.place is not None and self._epochs.place.is_over

    @property
    def _framework(self) -> str:
        if self._run.facts.started is None:
            self._run.read()
        started = self._run.facts.started
        return started.started_by if started is not None else ""
