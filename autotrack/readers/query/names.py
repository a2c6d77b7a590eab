"""The names of a run in `where` and `sort`, and the nearest one for a name that there is not."""

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from autotrack.format import some
from autotrack.journal.records import number
from autotrack.journal.summary import Summary

GROUPS = ("params", "metrics", "best", "tags", "git")
SHORT_GROUPS = ("params", "metrics", "tags")
"""A name without its group is looked for in these."""

FIELDS = tuple(Summary.__struct_fields__)
COUNTED = ("trials", "epochs", "datasets", "plots", "artifacts", "models", "registrations", "notices")
"""Fields that are lists of records: in a condition, they stand for how many there are."""

TIMES = ("started", "ended")
DURATIONS = ("duration_seconds", "overhead_seconds")

CALLED = {"took": "duration_seconds", "duration": "duration_seconds", "run": "name", "date": "started",
           "time": "started", "created": "started", "state": "status", "project": "experiment"}  # fmt: skip
"""What people call the fields, as in the head of `autotrack ls`, unless runs have a param or a metric of this name."""

_MOST_PROPOSED = 3


class Name(NamedTuple):
    """A name of a run: of a `group`, or a field, which has no group."""

    group: str
    rest: str

    def __str__(self) -> str:
        if not self.group:
            return self.rest
        is_plain = all(part.isidentifier() for part in self.rest.split("."))
        return f"{self.group}.{self.rest}" if is_plain else self.quoted

    @property
    def quoted(self) -> str:
        """How a name of a group is written whatever characters it has."""
        return f"{self.group}[{self.rest!r}]"

    def read(self, summary: Summary) -> Any:
        """Return the value of a run; None if it has none."""
        if not self.group:
            value = getattr(summary, self.rest)
            return len(value) if self.rest in COUNTED else value
        if self.group in ("params", "tags"):
            return getattr(summary, self.group).get(self.rest)
        if self.group == "git":
            return summary.environment.get("git", {}).get(self.rest)
        metric = summary.metrics.get(self.rest)
        point = metric and (metric.last if self.group == "metrics" else metric.best)
        return number(point.value) if point else None

    def is_in(self, summary: Summary) -> bool:
        """Return whether a run has this name, whatever its value is."""
        if self.group in ("params", "tags"):
            return self.rest in getattr(summary, self.group)
        return not self.group or self.read(summary) is not None


def names_in(summaries: Iterable[Summary]) -> Iterator[Name]:
    """Yield the names that runs have, each once, and the fields."""
    found: dict[Name, None] = {}
    for summary in summaries:
        for group, values in (("metrics", summary.metrics), ("best", summary.metrics), ("params", summary.params),
                              ("tags", summary.tags), ("git", summary.environment.get("git", {}))):  # fmt: skip
            for rest in values:
                name = Name(group, rest)
                if name not in found and name.is_in(summary):
                    found[name] = None
    yield from found
    yield from (Name("", field) for field in FIELDS)


def meant_by(short: str, names: Collection[Name]) -> list[Name]:
    """Return the names that a name without its group may mean."""
    return [name for group in SHORT_GROUPS if (name := Name(group, short)) in names]


def proposed(wanted: str, known: Collection[str], *, most: int = _MOST_PROPOSED) -> str:
    """Say which names there are instead of one that there is not: those that are spelt most alike, and how many.

    >>> proposed("val_los", ["val_loss", "val_acc", "lr", "seconds"])
    'did you mean val_loss? There are 4'
    >>> proposed("x", ["lr"]), proposed("x", [])
    ('there is lr', 'there are none')
    """
    if not known:
        return "there are none"
    alike = difflib.get_close_matches(wanted, sorted(known), n=most, cutoff=0.6)
    inside = [name for name in sorted(known) if len(wanted) > 2 and (wanted in name or name in wanted)]
    if near := list(dict.fromkeys([*alike, *inside]))[:most]:
        return f"did you mean {' or '.join(near)}?" + (f" There are {len(known)}" if len(known) > len(near) else "")
    return f"there {'is' if len(known) == 1 else 'are'} {some(sorted(known), 2 * most)}"


def nearest(wanted: str, names: Iterable[Name]) -> list[str]:
    """Return the names that may have been meant, the likeliest first: the same in another group, or spelt alike."""
    order = {group: place for place, group in enumerate((*GROUPS, ""))}
    by_text = {str(name): name for name in sorted(names, key=lambda name: (order.get(name.group, 0), name.rest))}
    group, _, rest = wanted.partition(".")
    last = rest if rest and group in GROUPS else wanted
    same = [text for text, name in by_text.items() if name.rest == last]
    called = [CALLED[last]] if last in CALLED else []
    alike = difflib.get_close_matches(wanted, by_text, n=_MOST_PROPOSED, cutoff=0.7)
    rests = {name.rest for name in by_text.values() if name.group}
    close = difflib.get_close_matches(last, rests, n=_MOST_PROPOSED, cutoff=0.6)
    parts = [rest for rest in rests if len(last) > 2 and last in rest]
    by_rest = [text for rest in [*sorted(parts), *close] for text, name in by_text.items() if name.rest == rest]
    return list(dict.fromkeys([*called, *same, *alike, *by_rest]))[:_MOST_PROPOSED]
