"""One thing that differs between two runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autotrack.format import short
from autotrack.journal.params import is_renumbered

_LONGEST_VALUE = 40


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        name: What it is called: a param, an option, a package, a file, a data set.
        change: What became of it, such as `0.1 → 0.01`, `added` or `has other values`.
        before: Its value in the earlier run, as far as there is one.
        now: Its value in the later run.
        files: The files that it is about, of differences in code.
    """

    name: str
    change: str = ""
    before: Any = None
    now: Any = None
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.change}".strip()


def differing_values(
    now: Mapping[str, Any], before: Mapping[str, Any], *, is_complete: bool = True
) -> Iterator[Difference]:
    """Yield the names whose value changed, then those that only one side has."""
    for name in now:
        if name in before and now[name] != before[name] and not is_renumbered(name, now[name], before[name]):
            old, new = _short(before[name]), _short(now[name])
            if old == new:
                old, new = (_printable(repr(value)) for value in (before[name], now[name]))
            yield Difference(name, f"{old} → {new}", before[name], now[name])
    yield from (Difference(name, f"{_short(now[name])} added", None, now[name]) for name in now if name not in before)
    if is_complete:
        yield from (Difference(name, "removed", before[name]) for name in before if name not in now)


def _short(value: Any) -> str:
    return _printable(short(value))


def _printable(text: str) -> str:
    """Return the text as one short line of printable characters, whatever is in it."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 3]}…"
