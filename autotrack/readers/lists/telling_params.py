"""Which params of a run tell something: those that a person set, and those that differ from the runs around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autotrack.journal.params import is_renumbered, varies_by_itself
from autotrack.journal.summary import Summary
from autotrack.readers.lists.param_rows import ParamRow, is_of_person, param_rows
from autotrack.readers.recorded_run import RecordedRun

_OF_EVERYBODY = frozenset("max_epochs epochs max_steps batch_size lr learning_rate optimizer".split())
"""What people look for first, whoever has set it."""


@dataclass(frozen=True)
class TellingParam:
    """A param that tells something, and its values in the runs around, as far as they are others."""

    row: ParamRow
    others: list[Any]


def telling_params(
    summary: Summary, around: Sequence[RecordedRun]
) -> tuple[list[TellingParam], list[ParamRow], list[ParamRow]]:
    """Return the params that tell something, the others, and those that were left at their default.

    `around` are runs to compare with, such as the one before and the best.
    """
    telling: list[TellingParam] = []
    others: list[ParamRow] = []
    defaults: list[ParamRow] = []
    told: set[tuple[str, str]] = set()
    elsewhere = [run.card()["params"] for run in around]
    for row in sorted(param_rows(summary), key=lambda row: not is_of_person(row, summary)):
        compared = [_other(row, params) for params in elsewhere]
        name = row.name.rpartition(".")[2]
        if (name, repr(row.value)) in told and name != row.name:  # as `lr` of the optimizer, said already
            others.append(row)
        elif any(value is not _SAME for value in compared) or (not row.is_default and _tells(row, summary)):
            told.add((name, repr(row.value)))
            telling.append(TellingParam(row, [None if value is _SAME else value for value in compared]))
        else:
            (defaults if row.is_default else others).append(row)
    return telling, others, defaults


_SAME = object()


def _other(row: ParamRow, params: dict[str, Any]) -> Any:
    """Return the value of another run, if it is another one and says something."""
    if row.name not in params or params[row.name] == row.value:
        return _SAME
    other = params[row.name]
    varies = varies_by_itself(row.name, row.value) or varies_by_itself(row.name, other)
    return _SAME if varies or is_renumbered(row.name, row.value, other) else other


def _tells(row: ParamRow, summary: Summary) -> bool:
    return bool(row.default) or is_of_person(row, summary) or row.name.rpartition(".")[2] in _OF_EVERYBODY
