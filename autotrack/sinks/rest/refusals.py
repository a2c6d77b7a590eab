"""What a server has refused, and when to try it again; requests that merely fail are repeated in `client.py`."""

from collections.abc import Iterable
from typing import Any

from autotrack.sinks.rest.cursor import Cursor


class Attempts:
    """Notes in `cursor` what the server has and what it did not take, and says what to try.

    Runs are flushed every second. What was refused is therefore not tried again until the run `is_over`, and then
    once; after that it is left to whoever sends the run next.
    """

    def __init__(self, cursor: Cursor) -> None:
        self.is_over = False
        self._cursor = cursor
        self._refused_in: dict[str, bool] = {}
        self._offered: set[str] = set()

    def is_due(self, what: str, content: Any) -> bool:
        """Return whether to try something now."""
        if not self._cursor.lacks(what, content):
            return False
        self._offered.add(what)
        return self._refused_in.get(what) is not self.is_over

    def may_try_points(self) -> bool:
        """Return whether to try refused points again, which is then taken to happen."""
        is_due = self._refused_in.get("points") is not self.is_over
        self._refused_in["points"] = self.is_over
        return is_due

    def was_refused(self, what: str) -> bool:
        """Return whether something was refused before, so that others come first."""
        return what in self._cursor.owed.refused

    def order_of_refused(self) -> dict[str, int]:
        """Return in which order to try what was refused before: what was tried last comes last."""
        return {what: position for position, what in enumerate(self._cursor.owed.refused)}

    def put_last(self, tried: Iterable[str]) -> None:
        """Have these things, which are refused, tried last the next time."""
        refused = self._cursor.owed.refused
        for what in tried:
            if what in refused:
                refused[what] = refused.pop(what)

    def note(self, what: str, content: Any, refusal: str | None) -> None:
        """Note that the server has something now, or why it does not take it."""
        if refusal is None:
            self._cursor.has(what, content)
        else:
            self.is_refused(what, refusal)

    def is_refused(self, what: str, reason: str) -> None:
        """Note why the server does not take something."""
        self._offered.add(what)
        self._refused_in[what] = self.is_over
        self._cursor.refused(what, reason)

    def forget_what_is_gone(self) -> None:
        """Forget what was owed and is not part of the run any more, or was given to the server by somebody else."""
        for what in list(self._cursor.owed.refused):
            if what not in self._offered and not what.startswith("point "):
                self._cursor.settle(what)
