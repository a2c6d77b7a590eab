"""What an index keeps of a run, read off its summary: its values by name, and a card with what is shown in lists."""

from typing import Any

from autotrack.journal.judging import main_metrics
from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers.compare.configuration import configuration_of, data_of, kind_of
from autotrack.readers.index.values import CARD_FIELDS, FIELD_DEFAULTS
from autotrack.readers.query.names import COUNTED, Name

NOTE = "note"
"""The text that is what people say of a run."""

_LONGEST_NOTE = 300


def values_of(summary: Summary) -> dict[Name, Any]:
    """Return the values that can be asked for by their names, without those that are missing or as in every run."""
    values: dict[Name, Any] = {}
    for field, default in FIELD_DEFAULTS.items():
        value = getattr(summary, field.rest)
        if field.rest in COUNTED:
            value = len(value)
        if value != default:
            values[field] = value
    for group in ("params", "tags"):
        values |= {Name(group, name): value for name, value in getattr(summary, group).items()}
    for name, metric in summary.metrics.items():
        values[Name("metrics", name)] = number(metric.last.value)
        if metric.best is not None:
            values[Name("best", name)] = number(metric.best.value)
    git = summary.environment.get("git", {})
    return values | {Name("git", name): value for name, value in git.items() if not isinstance(value, dict)}


def card_of(summary: Summary) -> dict[str, Any]:
    """Return what lists show of a run: fields of the summary, and what its metrics come to.

    That is, by name, their `last` and `best` values and their `directions`; and the names of those that the run is
    `judged_by`, the most important first; the beginning of the `note` that somebody wrote; and `kind`, `configuration`
    and `data`, which tell which runs are alike.
    """
    return {
        **{name: getattr(summary, name) for name in CARD_FIELDS},
        "params": summary.params,
        "tags": summary.tags,
        "last": {name: metric.last.value for name, metric in summary.metrics.items()},
        "best": {name: metric.best.value for name, metric in summary.metrics.items() if metric.best},
        "directions": {name: metric.better for name, metric in summary.metrics.items() if metric.better},
        "judged_by": main_metrics(summary),
        "note": summary.texts.get(NOTE, "")[:_LONGEST_NOTE],
        "kind": kind_of(summary),
        "configuration": configuration_of(summary),
        "data": data_of(summary),
    }
