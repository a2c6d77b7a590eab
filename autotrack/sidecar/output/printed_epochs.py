"""Tells the epoch of what a script prints.

Which epoch it is, the training process knows, and the journal has it: between the texts, the output channel tells of
which step and epoch the metrics are that were recorded last. Nothing is told by clocks. An epoch that the text names,
as in "Epoch 3/10", begins where it is printed, which may be before the first step of that epoch. Its number may be one
more than that in the journal, whose numbers count. Where another epoch was named before, and no step has been made
since, the text looks back, as a table of all epochs at the end does.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """The step and the epoch of what was recorded last, and whether the run had ended."""

    step: int | None = None
    epoch: int | None = None
    is_over: bool = False


_MOST_EPOCHS = 10_000
"""So many ends of epochs are remembered."""


class Named(NamedTuple):
    """An epoch that the text has named.

    Attributes:
        epoch: Its number.
        is_here: Whether the value stands in the same line.
        earlier: Where that epoch ended, if the training has gone on since, and the line looks back.
    """

    epoch: int
    is_here: bool
    earlier: Place | None = None


class Epochs:
    """The epochs of one run, as the journal and the text tell them.

    Attributes:
        place: Where the training is now; None before the run has begun.
        named: The epoch that the text has named last.
    """

    def __init__(self, place: Place | None = None) -> None:
        self.place = place
        self.named: Named | None = None
        self._offset: int | None = None
        self._recorded: set[int] = set()
        self._told: set[int] = set()
        self._ends: dict[int, Place] = {}
        self._last_named: tuple[Place, int] | None = None

    @property
    def count(self) -> int:
        """How many epochs there were so far."""
        return max(len(self._recorded), len(self._told))

    def move(self, step: int | None, epoch: int | None) -> bool:
        """Take the step and the epoch of what was recorded last; return whether the epoch is another one."""
        before = self.place or Place()
        step, epoch = before.step if step is None else step, before.epoch if epoch is None else epoch
        self.place = before._replace(step=step, epoch=epoch)
        if epoch is not None and len(self._recorded) < 2:  # more are not counted
            self._recorded.add(epoch)
        if epoch is not None and (epoch in self._ends or len(self._ends) < _MOST_EPOCHS):
            self._ends[epoch] = self.place
        return self.place.epoch != before.epoch

    def end(self) -> None:
        """Note that the run has ended."""
        self.place = (self.place or Place())._replace(is_over=True)

    def name(self, epoch: int, *, is_here: bool) -> bool:
        """Take an epoch that the text names; return whether that tells that the training has gone on."""
        earlier = self._looks_back(epoch) if is_here else None
        before, self.named = self.named, Named(epoch, is_here, earlier)
        if self.place is None:  # said before the run: perhaps by another one, or as a setting
            if epoch > 1:
                self.named = None
            return False
        self._last_named = self.place, epoch
        if earlier is not None:
            return False
        if len(self._told) < 2:
            self._told.add(epoch)
        return before is not None and before.epoch != epoch

    def leave_line(self) -> None:
        """Note that what follows does not stand in the line that named the epoch."""
        if self.named is not None and self.named.is_here:
            self.named = self.named._replace(is_here=False) if self.named.earlier is None else None

    def _looks_back(self, epoch: int) -> Place | None:
        """Return where an epoch ended that a line names, if the line is about what was before."""
        recorded = self.place.epoch if self.place is not None else None
        told = epoch - (self._offset or 0)
        if self.place is None or recorded is None or told >= recorded:
            return None
        if self._offset is not None and (self._last_named is None or self._last_named[0][:2] != self.place[:2]):
            return None  # the script counts anew, as for another fold
        if self._last_named is not None and self._last_named[1] == epoch:
            return self.named.earlier if self.named is not None else None
        return self._ends.get(told)

    def of(self, place: Place, named: Named | None) -> int | None:
        """Return the epoch of a value: the one that was named, in the numbers of the journal, if that can be."""
        recorded = place.epoch
        if recorded is None and self.place is not None:
            recorded = self.place.epoch  # printed before anything was recorded, so it is the first one
        if named is None:
            return recorded
        if recorded is None:
            return named.epoch
        if self._offset is None and named.epoch - recorded in (0, 1):
            self._offset = named.epoch - recorded
        told = named.epoch - (self._offset or 0)
        return told if self._offset is not None and told in (recorded, recorded + 1) else recorded
