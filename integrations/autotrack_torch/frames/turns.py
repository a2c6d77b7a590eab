"""Tells which steps of several optimizers are one step of the loop.

Optimizers that take turns, as in a GAN, make a step together; it ends when one of them comes again. Optimizers that
work for a while each, one after the other, make steps of their own.
"""

from collections.abc import Iterator
from typing import NamedTuple

from autotrack_torch.frames.reading import loops_around, user_frames, variables


class _Place(NamedTuple):
    """A loop of the user's code that is under way, and the identities of what its variables hold now."""

    loop: tuple[int, int, int]
    items: tuple[int, ...]


class Turns:
    """The turns of the optimizers of one training."""

    def __init__(self) -> None:
        self._in_step: set[int] = set()  # the optimizers that have made the current step
        self._last = 0
        self._in_a_row = 0
        self._in_a_row_before = 0
        self._is_by_phases = False
        self._places: dict[tuple[int, int, int], tuple[int, ...]] = {}
        self._innermost: set[tuple[int, int, int]] = set()

    @property
    def are_settled(self) -> bool:
        """Whether another step of the optimizer that made the last one would change nothing here."""
        return self._in_a_row >= 2 and len(self._in_step) == 1

    def begin_anew(self) -> None:
        """Let the next step be one of its own, whoever makes it."""
        self._in_step.clear()

    def part(self) -> None:
        """Let each step be one of its own from now on: optimizers work at the same time, in several threads."""
        self._is_by_phases = True

    def take(self, key: int, *, is_first: bool, has_gone_on: bool) -> bool:
        """Take a step of an optimizer, by its identity, and return whether a step of the loop begins with it.

        `is_first`: it is the first one of this optimizer, `has_gone_on`: it is in another epoch, or another pass over
        the data.
        """
        is_turn = bool(self._in_step) and key not in self._in_step and not (has_gone_on or self._is_by_phases)
        if is_first:
            is_turn = self._meet() and is_turn
        if key == self._last:
            self._in_a_row += 1
            if self._in_a_row == 2 and self._in_a_row_before >= 2:  # A, A, then B, B
                self._is_by_phases = True
        else:
            self._last, self._in_a_row, self._in_a_row_before = key, 1, self._in_a_row
        if not is_turn:
            self._in_step.clear()
        self._in_step.add(key)
        return not is_turn

    def _meet(self) -> bool:
        """Note the loops around the first step of an optimizer; return whether it works where the others do."""
        places = list(_places())
        is_turn = True
        if self._places and places:
            known = self._places.get(places[0].loop)
            is_where_it_was = known == places[0].items and bool(known) and places[0].loop in self._innermost
            has_begun_anew = is_where_it_was and self._in_a_row >= 2
            is_turn = known is not None and not has_begun_anew
        for place in places:
            self._places.setdefault(place.loop, place.items)
        self._innermost.update(place.loop for place in places[:1])
        return is_turn


def _places() -> Iterator[_Place]:
    """Yield the loops that the user's code is in, the innermost one first."""
    for frame in user_frames():
        for loop in loops_around(frame):
            held = variables(frame, set(loop.targets)) if loop.targets else {}
            yield _Place((id(frame), id(frame.f_code), loop.start), tuple(map(id, held.values())))
