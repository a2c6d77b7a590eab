"""Which epoch a step belongs to, and what is measured of each.

An epoch is one pass over the data that is trained on. Loops that have no data loader count epochs by a variable.
"""

from collections.abc import Callable
from time import perf_counter

import autotrack
from autotrack.integrations import EpochClock, log_numbers
from autotrack_torch.frames.reading import EpochVariable, epoch_variable, is_left
from autotrack_torch.passes import Pass


class Epochs:
    """The epochs of one loop."""

    def __init__(self, run: autotrack.Run, *, when_ended: Callable[[], None]) -> None:
        self.number: int | None = None
        """The number of the epoch, as the script counts; None before the first one, or if there are none."""

        self.is_over = False
        """Whether all batches of the epoch were asked for; a step that follows still belongs to it."""

        self._run = run
        self._when_ended = when_ended
        self._counting = _Counting()
        self.current_pass: Pass | None = None
        """The pass over data that the epoch is; None where it is none."""

        self.has_loader = False
        """Whether batches for steps have come from a data loader."""

        self.followed: EpochVariable | None = None
        """The variable that the last step without a data loader was made under, whether or not it counts epochs."""

        self._clock: EpochClock | None = None
        self._assumed: tuple[EpochVariable | None, ...] = ()
        self._steps = 0
        self._evaluated_seconds = 0.0

    def step(self, first_pass: Pass | None) -> bool:
        """A step has been made, after batches of `first_pass`, or of no data loader.

        Returns whether that is another pass than before, which has ended.
        """
        before = self.current_pass
        if first_pass is not None and first_pass is not self.current_pass:
            self.has_loader = True
            first_pass.has_steps = True
            self._enter(first_pass)
        elif first_pass is None and not self.has_loader:
            self._follow_variable()
        self._steps += 1
        return before is not None and before.ended and before is not self.current_pass

    def is_under_way(self) -> bool:
        """Whether a pass over the training data has begun and not ended."""
        return self.current_pass is not None and not self.current_pass.ended

    @property
    def is_settled(self) -> bool:
        """Whether another step, after batches of the same pass or without any, would change nothing here."""
        return self._steps > 1

    def is_counted_anew(self) -> bool:
        """Whether the variable that counts epochs has begun anew."""
        known, now = self._counting.variable, epoch_variable(None)
        if known is None or now is None or (known.code, known.name) != (now.code, now.name):
            return False
        return now.value < known.value

    def are_left(self) -> bool:
        """Whether the loop that counts the epochs has been left, as far as can be told."""
        return self._counting.variable is not None and is_left(self._counting.variable)

    @property
    def variable_name(self) -> str | None:
        """The name of the variable that counts the epochs; None where there is none."""
        return None if (variable := self._counting.variable) is None else variable.name

    def leave_pass(self) -> None:
        """End an epoch that was a pass over data: what comes next is another one, whatever its variable says."""
        if self.has_loader:
            self.begin_anew()

    def begin_anew(self) -> None:
        """End the epoch; what comes next is another one, whatever its variable says."""
        self.end()
        self._counting.variable = None
        self.current_pass = None

    def pause(self) -> None:
        """An evaluation begins within the epoch."""
        if self._clock is not None:
            self._clock.pause()

    def resume(self) -> None:
        """The evaluation is over."""
        if self._clock is not None:
            self._clock.resume()

    def evaluated(self, one: Pass) -> None:
        """Record how long a pass took in which data was evaluated after the end of the epoch."""
        if self.is_over and self.number is not None:
            self._evaluated_seconds += perf_counter() - one.began
            values = {"evaluation_seconds": self._evaluated_seconds}
            log_numbers(self._run, values, self.last_step, epoch=self.number, stage="validate")

    def saved(self, seconds: float) -> None:
        """Count the time that it took to write a checkpoint, often after the end of the epoch."""
        if self._clock is None or self.number is None:
            return
        self._clock.saved(seconds)
        if self.is_over:
            log_numbers(self._run, self._clock.unrecorded(), self.last_step, epoch=self.number, stage="train")

    def pass_ends(self, one: Pass) -> None:
        """A pass over a data loader has ended."""
        if one is self.current_pass and not self.is_over:
            self.end()

    def end(self) -> None:
        """Record what was measured of the epoch and what no step has recorded, unless that has happened."""
        if self.number is None or self.is_over:
            return
        self.is_over = True
        self._when_ended()
        values: dict[str, float] = {}
        if self.current_pass is not None:
            values = self.current_pass.clock.metrics(self.current_pass.samples)
        elif self._clock is not None and self._steps > 1:  # otherwise each step is an epoch
            values = self._clock.metrics(0)
        if values:
            log_numbers(self._run, values, self.last_step, epoch=self.number, stage="train")

    last_step = 0
    """The number of the last step, which the loop keeps up to date."""

    def _enter(self, one: Pass) -> None:
        previous = self.current_pass
        variable = one.variable
        is_single = previous is not None and previous.batches == 1 and not previous.is_complete
        if previous is not None and self._counting.is_still(variable, is_single=is_single):
            self.current_pass = one  # a second loader in the same epoch, or a pass for a single batch
            self._clock = one.clock
            return
        self._begin(variable, one)

    def assume(self, variables: tuple[EpochVariable | None, ...]) -> None:
        """Take the next step for one that was made when these were the variables, that of the innermost loop last."""
        self._assumed = variables

    def _follow_variable(self) -> None:
        assumed, self._assumed = self._assumed, ()
        variable = assumed[0] if assumed else epoch_variable(None, skip=1)  # the innermost loop is over batches
        if variable is None or not variable.is_named:
            inner = assumed[-1] if assumed else epoch_variable(None)  # or there is only one, and each step is an epoch
            variable = inner if inner is not None and inner.is_named else variable
        self.followed = variable
        if variable is None or not self._counting.accepts(variable):
            return
        if self.number is None or not self._counting.is_still(variable):
            self._begin(variable, None)

    def _begin(self, variable: EpochVariable | None, one: Pass | None) -> None:
        self.end()
        self.is_over = False
        self.current_pass, self._steps, self._evaluated_seconds = one, 0, 0.0
        self._clock = one.clock if one is not None else EpochClock()
        self.number = self._counting.next(variable)
        self._run.log({}, epoch=self.number, stage="train")  # what is printed and measured from now on belongs to it


class _Counting:
    """Numbers epochs as the script does, where it is plain how it does; otherwise from 0.

    If the script counts anew while the run goes on, as when a cell of a notebook runs again, counting continues.
    """

    def __init__(self) -> None:
        self._number = -1
        self._offset = 0
        self.variable: EpochVariable | None = None

    def is_still(self, variable: EpochVariable | None, *, is_single: bool = False) -> bool:
        """Whether it is still the same epoch. `is_single`: the last pass was left after its first batch."""
        if variable is None or self.variable is None or not self.accepts(variable):
            return is_single  # such as `next(iter(loader))` for each step
        return variable == self.variable

    def accepts(self, variable: EpochVariable) -> bool:
        """Whether a variable that may count anything goes on as epochs do."""
        known = self.variable
        if variable.is_named:
            return True
        if known is None:
            return self._number == -1 and variable.value in (0, 1)
        same = known.code == variable.code and known.name == variable.name
        return same and variable.value - known.value in (0, 1)

    def next(self, variable: EpochVariable | None) -> int:
        """Return the number of the epoch that begins now."""
        if variable is None or not self.accepts(variable):
            self.variable = None
            self._number += 1
            return self._number
        number = variable.value + self._offset
        if number <= self._number:  # counted anew
            self._offset = self._number + 1 - variable.value
            number = self._number + 1
        self._number, self.variable = number, variable
        return number
