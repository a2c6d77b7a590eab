"""Which of the params that differ follow from others: what a person has set comes before what was made of it.

Whoever gives `--epochs 6` sees `max_epochs`, `total_steps` and perhaps a width of the model change with it; who names
another optimizer gets params that only that one has; and a later version of a framework has other defaults.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from autotrack.journal.summary import Summary
from autotrack.readers.compare.cause import CONSEQUENCE, Cause
from autotrack.readers.compare.difference import Difference
from autotrack.readers.lists.param_rows import ParamRow, is_given, is_of_person, param_rows


class Setter(IntEnum):
    """Who has set a param. Of two, one rather follows from the other that more was done for."""

    NOBODY = 0
    """It is as it came out: a default, or what a framework has made of something else."""
    PERSON = 1
    """Somebody has passed it to a model, an estimator or the run, which may compute it first."""
    GIVEN = 2
    """It is an argument of the script, and was given."""


_SETTING = ("code", "config", "environment")
"""Kinds of causes by which a person sets params."""

_CLASS = re.compile(r"([\w.]+\.)?[A-Z]\w+")
_JUST_BEHIND = 0.02


class Setters:
    """Tells who has set the params of two runs."""

    def __init__(self, runs: Sequence[Summary]) -> None:
        self._runs = [(run, {row.name: row for row in param_rows(run)}) for run in runs]

    def of(self, name: str) -> Setter:
        """Return who has set a param, in the run in which most was done for it."""
        return max((_setter(rows[name], run) for run, rows in self._runs if name in rows), default=Setter.NOBODY)

    def sources(self, name: str) -> set[str]:
        """Return where the values of a param come from."""
        return {source for _, rows in self._runs if name in rows for source in rows[name].sources}

    def is_named_by_command(self, name: str) -> bool:
        """Return whether the command line of a run has the value, as of an argument that nobody parses."""
        return any(str(rows[name].value) in run.argv for run, rows in self._runs if name in rows)

    def is_left_at_default(self, name: str) -> bool:
        """Return whether it is an argument that nobody gave."""
        return self.of(name) == Setter.NOBODY and any(rows[name].is_default for _, rows in self._runs if name in rows)


def _setter(row: ParamRow, run: Summary) -> Setter:
    if is_given(row, run):
        return Setter.GIVEN
    return Setter.PERSON if is_of_person(row, run) else Setter.NOBODY


@dataclass(frozen=True)
class _Param:
    """A param that differs, what it is worth by itself, who has set it, and by how much it has changed if a number."""

    change: Difference
    cause: Cause
    setter: Setter
    factor: float | None

    @property
    def leads(self) -> bool:
        """Whether others may follow from it."""
        return self.cause.kind != "seed" and self.cause.confidence > CONSEQUENCE

    @property
    def is_of_one_run(self) -> bool:
        """Whether the other run lacks it."""
        return (self.change.before is None) != (self.change.now is None)

    @property
    def names_a_class(self) -> bool:
        """Whether it names an optimizer or the like, and now another one."""
        values = self.change.before, self.change.now
        return all(isinstance(value, str) and _CLASS.fullmatch(value) for value in values)


def behind_what_they_follow(
    params: Iterable[tuple[Difference, Cause]], others: Iterable[Cause], setters: Setters, *, is_code_equal: bool
) -> Iterator[Cause]:
    """Yield the params that differ as causes, those that follow from what else differs with less confidence.

    Args:
        params: The params, and arguments of the command line, with what they are worth by themselves.
        others: What else differs.
        setters: Who has set them.
        is_code_equal: Whether the code of both runs is known, and is the same.
    """
    found = [
        _Param(change, cause, Setter.GIVEN if cause.kind == "arguments" else setters.of(change.name), _factor(change))
        for change, cause in params
    ]
    likely = [cause for cause in others if cause.confidence > CONSEQUENCE]
    is_settled = is_code_equal and not any(cause.kind in _SETTING for cause in likely)
    given = [one.cause for one in found if one.setter == Setter.GIVEN and one.leads]
    upgrades = [cause for cause in likely if cause.kind == "packages"]
    for one in found:
        if one.setter == Setter.GIVEN or one.cause.kind == "seed":
            yield one.cause
            continue
        leaders = [other for other in found if other.setter > one.setter and other.leads]
        followed = _behind_a_change_like_it(one, leaders, is_settled=is_settled) or _behind_a_class(
            one, found, setters
        )
        if followed is None and is_settled and not setters.is_named_by_command(one.change.name):
            # nobody can have set it, for the code is the same
            followed = _behind_any(one, given or (upgrades if one.setter == Setter.NOBODY else []))
        yield followed or one.cause


def _behind_a_change_like_it(one: _Param, leaders: Sequence[_Param], *, is_settled: bool) -> Cause | None:
    """Return a param behind another that has changed in the same way, as `max_epochs` and `steps` do with `epochs`."""
    for leader in leaders:
        if _is_same_change(one.change, leader.change):
            return one.cause.less(CONSEQUENCE, f"with the same values as {leader.cause.cause}")
    for leader in leaders:
        if _are_in_step(one.factor, leader.factor):  # which may be chance
            most = CONSEQUENCE if is_settled else leader.cause.confidence - _JUST_BEHIND
            return one.cause.less(round(most, 3), f"it goes in step with {leader.cause.cause}")
    return None


def _behind_a_class(one: _Param, params: Iterable[_Param], setters: Setters) -> Cause | None:
    """Return a param that only one run has behind the class that it comes with, or its default."""
    if not one.is_of_one_run:
        return None
    if setters.is_left_at_default(one.change.name):
        return one.cause.less(CONSEQUENCE, "only one of the runs has it, at its default")
    sources = setters.sources(one.change.name)
    for other in params:
        if other.names_a_class and sources & setters.sources(other.change.name):
            return one.cause.less(CONSEQUENCE, f"it comes with {other.cause.cause}")
    return None


def _behind_any(one: _Param, roots: Sequence[Cause]) -> Cause | None:
    if not roots:
        return None
    root = max(roots, key=lambda cause: cause.confidence)
    most = round(root.confidence - _JUST_BEHIND, 3)
    return one.cause.less(most, f"the code is the same, so it may come from {root.cause}")


def _is_same_change(one: Difference, other: Difference) -> bool:
    """Return whether two params have changed from the same value to the same, which for switches means nothing."""
    values = one.before, one.now
    is_telling = None not in values and not any(isinstance(value, bool) for value in values)
    return is_telling and tuple(map(str, values)) == (str(other.before), str(other.now))


def _are_in_step(one: float | None, other: float | None) -> bool:
    """Return whether two factors are the same, or one the inverse of the other, as of batches and their size."""
    if one is None or other is None:
        return False
    return math.isclose(one, other, rel_tol=1e-6) or math.isclose(one * other, 1, rel_tol=1e-6)


def _factor(change: Difference) -> float | None:
    """Return by how much a number has changed; None for what is no number, or a switch."""
    if isinstance(change.before, bool) or isinstance(change.now, bool):
        return None
    try:
        before, now = float(change.before), float(change.now)
    except (TypeError, ValueError, OverflowError):
        return None
    return now / before if 0 < before * now < math.inf else None
