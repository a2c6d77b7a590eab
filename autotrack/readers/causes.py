"""Why a metric of one run differs from that of another: the likely causes, the likeliest first, with their evidence.

Two runs tell little, so this ranks by what is known to matter: data, code, params, versions of frameworks, seeds,
hardware. It weighs that by when the curves part, because what changes a training from the start cannot be why two
curves are the same for ten epochs; and it says so when the difference is no larger than what seeds make.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autotrack.journal.params import is_place, is_seed
from autotrack.journal.records import number
from autotrack.journal.series import Point
from autotrack.journal.summary import Summary
from autotrack.readers.differences import differences
from autotrack.readers.repeats import Spread

_WEIGHTS = {"data": 0.9, "code": 0.8, "params": 0.75, "arguments": 0.7, "packages": 0.2, "seed": 0.4, "hardware": 0.15}
"""How likely a difference of each kind is to change a metric, before anything else is known of it."""

_STRONG_PARAM = re.compile(
    r"(^|[._/])(lr|learning_rate|eta|alpha|batch_?size|epochs|max_epochs|max_iter|n_estimators|optimizer|model|"
    r"weight_decay|momentum|dropout|hidden\w*|width|depth|layers?|max_depth|C|kernel|loss|penalty|gamma)$",
    re.IGNORECASE,
)
_WEAK_PARAM = re.compile(
    r"(^|[._/])(verbose|n_jobs|num_workers|log_every_n_steps|enable_\w+|pin_memory|persistent_workers|name|"
    r"version|cache\w*|progress\w*|profiler|copy_X|devices)$|callbacks?[._/]|logger",
    re.IGNORECASE,
)
_LENGTH_PARAM = re.compile(r"(^|[._/])(max_|n_|num_)?(epochs?|steps|iter(ations)?|patience|time)$", re.IGNORECASE)
_FRAMEWORK = re.compile(
    r"^(torch|lightning|pytorch-lightning|keras|tensorflow|jax|jaxlib|scikit-learn|numpy|scipy|xgboost|lightgbm|"
    r"catboost|transformers|Python)\b",
    re.IGNORECASE,
)
_FROM_THE_START = ("data", "seed", "packages", "hardware")
_DEMOTED = 0.25
_SAME = 1e-9


@dataclass(frozen=True)
class Cause:
    """A likely cause of a difference.

    Attributes:
        cause: What differs, such as `lr 0.1 → 0.01`.
        kind: `data`, `code`, `params`, `arguments`, `packages`, `seed`, `hardware`, or `unknown`.
        evidence: Why it is likely or not.
        confidence: From 0 to 1.
    """

    cause: str
    kind: str
    evidence: str
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Parting:
    """Where two curves part: the step and epoch of the first values that differ; `step` is None if none do."""

    points: int
    at: Point | None
    is_longer: bool

    def __str__(self) -> str:
        if self.at is None:
            return "the curves are the same" + (", one goes on for longer" if self.is_longer else "")
        place = f"epoch {self.at.epoch}" if self.at.epoch is not None else f"step {self.at.step}"
        return "the curves differ from the first value on" if not self.points else f"the curves part at {place}"


def parting(curve: Sequence[Point], other: Sequence[Point]) -> Parting:
    """Return where two curves of one metric part, point by point."""
    for index, (point, beside) in enumerate(zip(curve, other, strict=False)):
        if not math.isclose(number(point.value), number(beside.value), rel_tol=_SAME, abs_tol=_SAME) and not (
            math.isnan(number(point.value)) and math.isnan(number(beside.value))
        ):
            return Parting(index, point, len(curve) != len(other))
    return Parting(min(len(curve), len(other)), None, len(curve) != len(other))


def likely_causes(
    now: Summary, before: Summary, *, parted: Parting | None = None, spread: Spread | None = None
) -> list[Cause]:
    """Return what may explain a difference between two runs, the likeliest first.

    Args:
        now: One run.
        before: The other one, which is the earlier of the two.
        parted: Where the curves of the metric part, if it has curves.
        spread: What seeds alone make of the metric, and how far these runs are apart, if there are repeats.
    """
    found = [_weighed(cause, parted) for cause in _candidates(now, before)]
    found.sort(key=lambda cause: -cause.confidence)
    if not found:
        found = [_nothing_differs(now, before, parted)]
    if spread is not None and spread.is_within_noise:
        noise = Cause(f"the noise of seeds ({spread})", "seed", "repeats of one configuration differ as much", 0.95)
        rest = [
            Cause(cause.cause, cause.kind, f"{cause.evidence}; not more than seeds make", cause.confidence * _DEMOTED)
            for cause in found
            if cause.kind != "seed"
        ]
        return [noise, *rest]
    return found


def _candidates(now: Summary, before: Summary) -> Iterator[Cause]:
    changes = differences(now, before)
    for kind, phrases in changes.items():
        for phrase in phrases:
            yield _candidate(kind, phrase, now)
    seeds = _seeds(now), _seeds(before)
    if seeds[0] != seeds[1]:
        named = [phrase for phrase in changes.get("params", []) if is_seed(phrase.partition(" ")[0])]
        if not named:
            yield Cause("other seeds, which nobody set", "seed", "random numbers differ", _WEIGHTS["seed"])


def _candidate(kind: str, phrase: str, now: Summary) -> Cause:
    name = phrase.partition(" ")[0]
    if kind == "params" and is_seed(name):
        return Cause(phrase, "seed", "random numbers differ", _WEIGHTS["seed"])
    if kind in ("params", "arguments"):
        return _of_param(kind, phrase, name.lstrip("-"), now)
    if kind == "packages":
        is_framework = _FRAMEWORK.match(name) is not None
        weight = 0.55 if is_framework else _WEIGHTS[kind]
        return Cause(phrase, kind, "a framework" if is_framework else "a package that may not be used", weight)
    evidence = {"data": "training saw other values", "code": "the code is not the same", "hardware": "another machine"}
    return Cause(phrase, kind, evidence.get(kind, kind), _WEIGHTS.get(kind, 0.1))


def weight_of_param(name: str) -> int:
    """Return 1 for a param that is known to matter much, -1 for one that seldom changes a result, 0 for the others."""
    if _WEAK_PARAM.search(name) or is_place(name):
        return -1
    return 1 if _STRONG_PARAM.search(name) else 0


def _of_param(kind: str, phrase: str, name: str, now: Summary) -> Cause:
    weight, evidence = _WEIGHTS[kind], f"a {'param' if kind == 'params' else 'command line option'} that was changed"
    is_given = any(name in names for names in now.params_given.values())
    if weight_of_param(name) > 0:
        weight, evidence = weight + 0.12, "a param that is known to matter much"
    if weight_of_param(name) < 0:
        weight, evidence = 0.08, "a param that seldom changes a result"
    elif is_given:
        weight, evidence = weight + 0.05, f"{evidence}, given by hand"
    return Cause(phrase, kind, evidence, min(weight, 0.95))


def _weighed(cause: Cause, parted: Parting | None) -> Cause:
    """Return a cause, less likely if it does not fit to where the curves part."""
    if parted is None:
        return cause
    name = cause.cause.partition(" ")[0].lstrip("-")
    is_length = cause.kind in ("params", "arguments") and _LENGTH_PARAM.search(name) is not None
    if parted.at is None:
        fits = is_length or not parted.is_longer  # only how long a training is
    elif parted.points:
        fits = cause.kind not in _FROM_THE_START
    else:
        fits = not is_length
    factor = 1.0 if fits else _DEMOTED
    return Cause(cause.cause, cause.kind, f"{cause.evidence}; {parted}", round(cause.confidence * factor, 3))


def _nothing_differs(now: Summary, before: Summary, parted: Parting | None) -> Cause:
    is_seeded = bool(_seeds(now)) and bool(_seeds(before))
    evidence = "no difference was recorded; " + (f"{parted}; " if parted is not None else "")
    if is_seeded:
        return Cause("operations that are not deterministic", "unknown", f"{evidence}the seeds are the same", 0.5)
    return Cause("other random numbers: no seed was set", "seed", f"{evidence}no seed was recorded", 0.8)


def _seeds(summary: Summary) -> dict[str, Any]:
    return {name: value for name, value in summary.params.items() if is_seed(name) and value is not None}
