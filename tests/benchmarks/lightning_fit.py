"""What a Lightning training takes with autotrack and with Lightning's own loggers, beside the same one without any."""

import gc
import logging
import random
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from autotrack.errors import AutotrackWarning
from tests.benchmarks import peers, tables

if TYPE_CHECKING:
    from tests.benchmarks.trainings import Contender, Fit

ROUNDS = 25
STEPS = 120


def measure(folder: Path, *, quick: bool = False) -> str:
    """Train in turn with every logger; return the table."""
    if not peers.is_installed("lightning torch"):
        return "### A Lightning training\n\nLightning is not installed here, and this part is left out."
    import torch

    from tests.benchmarks.trainings import CONTENDERS

    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", AutotrackWarning)  # a fault of ours would make the figures mean nothing
    here = [contender for contender in CONTENDERS if peers.is_installed(contender.needs)]
    absent = [contender.name for contender in CONTENDERS if contender not in here]
    rounds, steps = (2, 20) if quick else (ROUNDS, STEPS)
    found = _measure(here, folder, rounds=rounds, steps=steps)
    title = f"### A Lightning training: {steps} steps a fit, five metrics every step, {rounds} fits with each"
    return "\n\n".join(filter(None, [title, _table(found, steps), _about_ours(found, steps), tables.left_out(absent)]))


def _measure(
    contenders: list["Contender"], folder: Path, *, rounds: int, steps: int
) -> dict["Contender", list["Fit"]]:
    """Train with every contender in every round, in another order each time."""
    from tests.benchmarks.trainings import OURS, fit

    def train(contender: "Contender", steps: int) -> "Fit":
        gc.collect()
        return fit(contender, folder / f"{contenders.index(contender)}", steps=steps)

    for contender in contenders:  # imports, schemas and caches
        train(contender, 10)
    found: dict[Contender, list[Fit]] = {contender: [] for contender in contenders}
    dice = random.Random(0)
    gc.freeze()
    for _ in range(rounds):
        for contender in dice.sample(contenders, k=len(contenders)):
            found[contender].append(train(contender, steps))
    gc.unfreeze()
    journals = (folder / f"{contenders.index(OURS)}").rglob("main.jsonl")
    recorded = sum(journal.read_bytes().count(b'"record":"Metrics"') for journal in journals)
    if recorded < rounds * steps:
        raise RuntimeError(f"autotrack recorded {recorded} steps of {rounds * steps}: the figures mean nothing")
    return found


def _ratios(fits: list["Fit"], to: list["Fit"]) -> list[float]:
    return [mine.loop_seconds / theirs.loop_seconds for mine, theirs in zip(fits, to, strict=True)]


def _table(found: dict["Contender", list["Fit"]], steps: int) -> str:
    from tests.benchmarks.trainings import NONE

    rows = []
    for contender, fits in found.items():
        milliseconds = tables.median([fit.loop_seconds for fit in fits]) / steps * 1000
        ratios = _ratios(fits, found[NONE])
        (low, high), (least, most) = tables.quartiles(ratios), tables.interval(ratios)
        compared = [f"{tables.median(ratios):.3f}", f"{low:.3f} to {high:.3f}", f"{least:.3f} to {most:.3f}"]
        rows.append([contender.name, f"{milliseconds:.2f}", *(["1"] + [""] * 2 if contender is NONE else compared)])
    return tables.table(["fit with", "ms a step", "loop, to no logger", "middle half", "95 % interval"], rows)


def _about_ours(found: dict["Contender", list["Fit"]], steps: int) -> str:
    from tests.benchmarks.trainings import NO_OP, NONE, OURS

    ours = found[OURS]
    share = tables.median([fit.loop_own_seconds / fit.loop_seconds for fit in ours])
    step_us = tables.median([fit.loop_own_seconds for fit in ours]) / steps * 1e6
    mine, idle = (tables.interval(_ratios(found[one], found[NONE])) for one in (OURS, NO_OP))
    outside = tables.median(
        [mine.outside_seconds - none.outside_seconds for mine, none in zip(ours, found[NONE], strict=True)]
    )
    own_outside = tables.median([fit.outside_own_seconds for fit in ours])
    more = f"{outside * 1000:.1f} ms a fit more than without autotrack, {own_outside * 1000:.1f} ms by its own count"
    return "\n".join(
        [
            tables.goal("Goal: under 1 % of the loop is spent inside autotrack",
                        f"{share:.2%}, {step_us:.0f} µs a step", met=share < 0.01),
            tables.goal("Goal: the loop cannot be told from one with a logger that does nothing (intervals overlap)",
                        f"{mine[0]:.3f} to {mine[1]:.3f} against {idle[0]:.3f} to {idle[1]:.3f}",
                        met=mine[0] <= idle[1] and idle[0] <= mine[1]),
            f"- Outside the loop, start and finish together: {more}.",
        ]
    )  # fmt: skip
