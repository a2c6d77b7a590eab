"""Promotes a version by a rule: the best one by a metric gets an alias, if it beats the one that has it."""

import math
from dataclasses import dataclass
from time import time

from autotrack.errors import ModelRegistryError
from autotrack.format import short
from autotrack.journal.directions import Direction, split_direction
from autotrack.model_names import CHAMPION
from autotrack.models.entries import AliasMoved
from autotrack.models.measures import Measured, measured
from autotrack.models.registered_model import RegisteredModel
from autotrack.models.registry import Registry, who
from autotrack.promotion_rule import Rule, is_rule, parsed


@dataclass(frozen=True)
class Decision:
    """What a rule comes to: the version to promote, or None, and why.

    Attributes:
        move: The record of the promotion, if it was made.
        may_change: Whether an evaluation that is still to come may lead to something else.
    """

    version: int | None
    reason: str
    move: AliasMoved | None = None
    may_change: bool = False


def promote(registry: Registry, name: str, rule: str) -> Decision:
    """Promote a version by a rule, and record that; or return why not.

    Raises `ModelNotFoundError`, and `ModelRegistryError` for a rule that cannot be understood.
    """
    understood = _parsed(rule)
    with registry.changing(name) as (model, append):
        decision = decide(registry, model, understood)
        if decision.version is None:
            return decision
        move = AliasMoved(
            time=time(),
            by=who(),
            alias=understood.alias,
            version=decision.version,
            before=model.aliases.get(understood.alias),
            rule=understood.text,
            reason=decision.reason,
        )
        append(move)
        return Decision(decision.version, decision.reason, move)


def usual_rules(registry: Registry, name: str) -> list[str]:
    """Return the rules that go without saying: for each metric that versions are judged by, that of the newest first.

    Raises `ModelNotFoundError`.
    """
    versions = sorted(registry.model(name).versions.items(), reverse=True)
    metrics = dict.fromkeys(metric for _, version in versions if (metric := measured(registry, version).metric))
    rules = [f"best {metric}, if better than @{CHAMPION} on the same data" for metric in metrics]
    return [rule for metric, rule in zip(metrics, rules, strict=True) if is_rule(rule, metric)]


def decide(registry: Registry, model: RegisteredModel, rule: Rule) -> Decision:
    """Return which version a rule promotes, and why, or why it promotes none."""
    versions = [measured(registry, version) for _, version in sorted(model.versions.items())]
    if not versions:
        return Decision(None, f"{model.name!r} has no version")
    metric, direction = _direction(rule, versions)
    holder = next((one for one in versions if one.version.version == model.aliases.get(rule.alias)), None)
    if holder is None:
        return _first(versions, metric, direction, rule)
    value = holder.value(metric)
    if value is None:
        reason = f"nothing is known of {metric} for the weights of {_named(holder)}, which @{rule.alias} is"
        return Decision(None, reason, may_change=True)
    doubts = {one.version.version: _doubt(one, holder, metric) for one in versions if one is not holder}
    rivals = [one for one in versions if doubts.get(one.version.version, "itself") is None]
    best = _best(rivals, metric, direction)
    newest = versions[-1]
    about, waits = doubts.get(newest.version.version), newest.value(metric) is None
    because = f"; {_named(newest)} is not compared: {about}" if about else ""
    if best is None:
        alone = (
            "it is the only version" if len(versions) == 1 else f"no other version can be compared with it{because}"
        )
        return Decision(None, f"{_named(holder)} stays @{rule.alias}: {alone}", may_change=waits)
    better = _value(best, metric)
    gain = better - value if direction == "max" else value - better
    compared = f"{metric} {short(better)} of {_named(best)}, {short(value)} of {_named(holder)}, on the same data"
    if gain <= 0 or gain < rule.margin:
        wanted = f" by {rule.margin:g}" if rule.margin and gain > 0 else ""
        return Decision(
            None, f"no version is better than @{rule.alias}{wanted}: {compared}{because}", may_change=waits
        )
    return Decision(best.version.version, f"{compared}{because}")


def _first(versions: list[Measured], metric: str, direction: Direction, rule: Rule) -> Decision:
    """Return which version becomes the first one: the best of those that were measured on the data of the newest."""
    known = [one for one in versions if one.value(metric) is not None]
    if not known:
        there = sorted({name for one in versions for name in one.metrics})
        known_ones = f"; their runs have {', '.join(there[:5])}" if there else ""
        return Decision(
            None, f"nothing is known of {metric} for the weights of any version{known_ones}", may_change=True
        )
    newest = known[-1]
    alike = [one for one in known if one is newest or _doubt(one, newest, metric) is None]
    best = _best(alike, metric, direction)
    if best is None:
        return Decision(None, f"{metric} of {_named(newest)} is no number")
    others = f", the best of {len(alike)} on the same data" if len(alike) > 1 else ""
    reason = f"there was no @{rule.alias}; {metric} {short(_value(best, metric))} of {_named(best)}{others}"
    return Decision(best.version.version, reason)


def _doubt(one: Measured, other: Measured, metric: str) -> str | None:
    """Return why two versions cannot be compared by a metric; None if they can."""
    if one.value(metric) is None:
        return f"nothing is known of {metric} for its weights"
    data, others = one.data_of(metric), other.data_of(metric)
    if data is None or others is None:
        lacking = one if data is None else other
        return f"which data {metric} of {_named(lacking)} was measured on is not known"
    if data != others:
        differing = sorted(name for name in {*data, *others} if data.get(name) != others.get(name))
        return f"{metric} was measured on other data ({', '.join(differing)} differ)"
    return None


def _best(versions: list[Measured], metric: str, direction: Direction) -> Measured | None:
    numbers = [one for one in versions if not math.isnan(_value(one, metric))]
    sign = -1 if direction == "max" else 1
    return min(numbers, key=lambda one: sign * _value(one, metric), default=None)


def _value(one: Measured, metric: str) -> float:
    value = one.value(metric)
    return math.nan if value is None else float(value)


def _direction(rule: Rule, versions: list[Measured]) -> tuple[str, Direction]:
    metric, direction = split_direction(rule.metric)
    told = [one.metrics[metric].better for one in versions if metric in one.metrics]
    if rule.metric == metric and told and told[-1] in ("min", "max"):
        direction = "max" if told[-1] == "max" else "min"
    if direction is None:
        raise ModelRegistryError(
            f"the rule {rule.text!r} does not tell whether less or more of {metric} is better; "
            f"write 'best min {metric}' or 'best max {metric}'"
        )
    return metric, direction


def _parsed(rule: str) -> Rule:
    try:
        return parsed(rule)
    except ValueError as error:
        raise ModelRegistryError(f"the rule {rule!r:.200} cannot be understood: {error}") from None


def _named(one: Measured) -> str:
    return f"version {one.version.version}"
