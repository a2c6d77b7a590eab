"""The last state of a progress bar that leaves nothing on the screen: the one after which it is not drawn again."""

import re
from typing import Generic, NamedTuple, TypeVar

Place = TypeVar("Place")

_BAR = re.compile(r"(?P<title>[^%]{0,200}?)\s*\d{1,3}%\|[^|]{0,300}\|\s*(?P<count>\d{1,12})/(?P<total>\d{1,12})")


class _State(NamedTuple):
    title: str
    done: int
    total: int

    def goes_on_in(self, later: "_State") -> bool:
        """Whether this may be an earlier state of the same bar."""
        return self.title == later.title and self.total == later.total and self.done <= later.done


class Bars(Generic[Place]):
    """Holds a bar that was erased, as some are before they are drawn anew, until it is known if it was the last."""

    def __init__(self) -> None:
        self._erased: tuple[str, Place] | None = None
        self._state: _State | None = None

    @property
    def is_held(self) -> bool:
        """Whether a bar is held."""
        return self._erased is not None

    def erase(self, row: str, place: Place) -> tuple[str, Place] | None:
        """Take a row that was erased; return the one before it if that was the last state of its bar."""
        state = _state_of(row)
        if state is None:
            return None
        earlier = self._unless_it_goes_on_in(state)
        self._erased, self._state = (row, place), state
        return earlier

    def note_line(self, line: str) -> tuple[str, Place] | None:
        """Take a line that stays; return the erased row if the line is another bar, so that it was the last state."""
        state = _state_of(line)
        return None if state is None else self._unless_it_goes_on_in(state)

    def give_up(self) -> tuple[str, Place] | None:
        """Return the erased row that is held: it was not drawn again in this epoch."""
        erased, self._erased, self._state = self._erased, None, None
        return erased

    def _unless_it_goes_on_in(self, later: _State) -> tuple[str, Place] | None:
        goes_on = self._state is not None and self._state.goes_on_in(later)
        erased = self.give_up()
        return None if goes_on else erased


def _state_of(row: str) -> _State | None:
    match = _BAR.match(row[:600])
    return _State(match["title"], int(match["count"]), int(match["total"])) if match else None
