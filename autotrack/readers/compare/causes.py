"""Why a metric of one run differs from that of another: the likely causes, the likeliest first, with their evidence.

Two runs tell little, so this ranks by what is known to matter: data, code, params, versions of frameworks, seeds,
hardware. It weighs that by when the curves part, because what changes a training from the start cannot be why two
curves are the same for ten epochs; and it says so when the difference is no larger than what seeds make.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from autotrack.journal.params import varies_by_itself
from autotrack.journal.summary import Summary
from autotrack.readers.code.changes import CodeChanges
from autotrack.readers.compare.candidates import CREDENTIAL, UNSET_SEEDS, candidates, seeds
from autotrack.readers.compare.cause import Cause
from autotrack.readers.compare.difference import Difference
from autotrack.readers.compare.parting import Parting
from autotrack.readers.compare.repeats import Spread

_LENGTH_PARAM = re.compile(r"(^|[._/])(max_|n_|num_)?(epochs?|steps|iter(ations)?|patience|time)$", re.IGNORECASE)
_FROM_THE_START = ("data", "seed")
HARDLY = 0.1
"""Causes of which anybody is less sure than this hardly matter."""

_SHOWN = 3
_UNSEEDED = "other random numbers: no seed was set"
_ROUNDS = ("hardware", "system", "packages")
_DEMOTED = 0.25
_NOISE, _NOISE_OF_FEW = 0.95, 0.8
_ENOUGH_REPEATS = 5
_NUDGE = 0.5
_CAPTURED = {"code": ("git", "source"), "packages": ("packages",)}


def likely_causes(
    now: Summary,
    before: Summary,
    *,
    parted: Parting | None = None,
    spread: Spread | None = None,
    code: CodeChanges | None = None,
    system: Sequence[Difference] = (),
    is_same: bool = False,
) -> list[Cause]:
    """Return what may explain a difference between two runs, the likeliest first.

    Args:
        now: One run.
        before: The other one, which is the earlier of the two.
        parted: Where the curves of the metric part, if it has curves.
        spread: What seeds alone make of the metric, and how far these runs are apart, if there are repeats.
        code: The real difference of the code, as far as it can be restored.
        system: The packages of the operating system that differ, if they were looked at by name.
        is_same: Whether there is no difference to explain: the metric came to the same.
    """
    found = [_weighed(cause, parted) for cause in candidates(now, before, code, system)]
    if not is_same and all(cause.confidence < HARDLY for cause in found):
        found.append(_nothing_differs(now, before, parted))
    found.sort(key=lambda cause: -cause.confidence)
    if spread is not None and spread.is_within_noise and not is_same:
        sure = _NOISE if spread.repeats >= _ENOUGH_REPEATS else _NOISE_OF_FEW
        noise = Cause(f"the noise of seeds ({spread})", "seed", spread.evidence, sure)
        rest = [
            replace(cause, evidence=f"{cause.evidence}; not more than seeds make",
                    confidence=round(cause.confidence * _DEMOTED, 3))
            for cause in found
            if cause.kind != "seed"
        ]  # fmt: skip
        return [noise, *rest]
    return found


def has_changed(causes: Iterable[Cause]) -> bool:
    """Return whether something has changed that may matter: not random numbers alone, which nobody has set."""
    by_itself = (_UNSEEDED, UNSET_SEEDS)
    return any(cause.confidence >= HARDLY and cause.kind != "unknown" and cause.cause not in by_itself
               for cause in causes)  # fmt: skip


def in_short(causes: Sequence[Cause]) -> str:
    """Return what has changed in one line, the likeliest causes first: the first few of each kind.

    >>> in_short([Cause("lr 0.1 → 0.2", "params", "", 0.9), Cause("rich 13 → 14", "packages", "", 0.05)])
    'params (lr 0.1 → 0.2), and rich 13 → 14, which hardly matters'
    """
    told = (cause for cause in causes if not cause.evidence.startswith(CREDENTIAL))
    differing = [cause for cause in told if cause.kind != "unknown" and cause.cause != _UNSEEDED]
    by_kind: dict[str, list[str]] = {}
    for cause in differing:
        if cause.confidence >= HARDLY:
            by_kind.setdefault(cause.kind, []).append(cause.cause)
    kinds = []
    for kind, items in by_kind.items():
        more = f", {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
        kinds.append(f"{kind} ({', '.join(items[:_SHOWN])}{more})")
    rest = [cause.cause for cause in differing if cause.confidence < HARDLY]
    if not kinds:
        return f"nothing that matters changed ({', '.join(rest[:_SHOWN])})" if rest else "nothing changed"
    if not rest:
        return ", ".join(kinds)
    named = " and ".join(rest) if len(rest) < _SHOWN else str(len(rest))
    which = ", which hardly" if len(rest) < _SHOWN else " that hardly"
    return f"{', '.join(kinds)}, and {named}{which} {'matters' if len(rest) == 1 else 'matter'}"


def _weighed(cause: Cause, parted: Parting | None) -> Cause:
    """Return a cause, less likely if it does not fit to where and how the curves part."""
    if parted is None:
        return cause
    is_length = cause.kind in ("params", "arguments") and _LENGTH_PARAM.search(cause.name) is not None
    if parted.at is None:
        factor = 1.0 if is_length or not parted.is_longer else _DEMOTED  # only how long a training is
    elif parted.is_late:
        factor = _DEMOTED if cause.kind in _FROM_THE_START else 1.0
    else:
        factor = _DEMOTED if is_length and not parted.points else 1.0
    confidence = cause.confidence * factor
    if parted.is_rounding:
        confidence = min(confidence + 0.4, 0.9) if cause.kind in _ROUNDS and confidence > 0.1 else confidence * _NUDGE
    return replace(cause, evidence=f"{cause.evidence}; {parted}", confidence=round(confidence, 3))


def _knows(run: Summary, kind: str) -> bool:
    return any(run.environment.get(name) for name in _CAPTURED[kind])


def _nothing_differs(now: Summary, before: Summary, parted: Parting | None) -> Cause:
    unknown = [kind for kind in _CAPTURED if not (_knows(now, kind) and _knows(before, kind))]
    if unknown:
        evidence = f"the {' and the '.join(unknown)} of at least one of the runs were not recorded"
        return Cause("something that was not recorded", "unknown", evidence, 0.5)
    given = [name for name, value in seeds(now).items() if not varies_by_itself(name, value)]
    is_seeded = bool(given) and seeds(now) == seeds(before)
    evidence = "no difference that matters was recorded; " + (f"{parted}; " if parted is not None else "")
    if is_seeded:
        return Cause("operations that are not deterministic", "unknown", f"{evidence}the seeds are the same", 0.5)
    return Cause(_UNSEEDED, "seed", f"{evidence}nobody has set a seed", 0.8)
