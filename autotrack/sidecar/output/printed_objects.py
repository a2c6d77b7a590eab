"""Tells which lines show an object, as `print(optimizer)` and `print(model)` do: what it holds is no result."""

import re

_OPENING = re.compile(r"(?:^|[\s:=(])[A-Za-z_][\w.]{0,80} ?\($")
_CLOSING = re.compile(r"\s*\)[\s,)]*$")
_PART = re.compile(r"Parameter Group \d+$")
"""What an optimizer shows at the beginning of a line although it is within."""

_MOST_LINES = 5000


class Objects:
    """Follows the lines of one output: an object opens with `Name (` at the end of a line, and closes with `)`."""

    def __init__(self) -> None:
        self._depth = 0
        self._lines = 0

    def take(self, line: str) -> bool:
        """Take the next line, and return whether it belongs to an object that is shown over several lines."""
        line = line.rstrip()
        if self._depth:
            self._lines += 1
            is_within = line[:1] in (" ", "\t", ")") or _PART.match(line)
            if not is_within or self._lines > _MOST_LINES:  # something else is printed: it was none, or it broke off
                self._depth = 0
        if line.endswith("(") and _OPENING.search(line[-100:]):
            self._lines = 0 if not self._depth else self._lines
            self._depth += 1
            return True
        if not self._depth:
            return False
        if _CLOSING.match(line):
            self._depth -= 1
        return True
