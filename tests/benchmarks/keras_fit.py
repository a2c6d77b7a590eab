"""What a Keras fit takes with autotrack, `CSVLogger` and MLflow's autolog, beside the same one without any."""

import gc
import os
import random
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from autotrack.errors import AutotrackWarning
from tests.benchmarks import peers, tables

if TYPE_CHECKING:
    from tests.benchmarks.keras_trainings import Contender, Fit

ROUNDS = 15
EPOCHS = 4
BATCHES = 57
"""An epoch: 1797 digits, 32 at a time."""


def measure(folder: Path, *, quick: bool = False) -> str:
    """Train in turn with every contender; return the table."""
    if not peers.is_installed("keras torch"):
        return "### A Keras fit\n\nKeras is not installed here, and this part is left out."
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import torch

    from tests.benchmarks.keras_trainings import CONTENDERS

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", AutotrackWarning)  # a fault of ours would make the figures mean nothing
    here = [contender for contender in CONTENDERS if peers.is_installed(contender.needs)]
    absent = [contender.name for contender in CONTENDERS if contender not in here]
    rounds, epochs = (2, 1) if quick else (ROUNDS, EPOCHS)
    found = _measure(here, folder, rounds=rounds, epochs=epochs)
    what = f"{epochs} epochs of {BATCHES} batches, every one recorded where that can be"
    title = f"### A Keras fit of the digits on torch: {what}, {rounds} fits with each"
    return "\n\n".join(
        filter(None, [title, _table(found), _about_ours(found, epochs * BATCHES), tables.left_out(absent)])
    )


def _measure(
    contenders: list["Contender"], folder: Path, *, rounds: int, epochs: int
) -> dict["Contender", list["Fit"]]:
    """Train with every contender in every round, in another order each time."""
    from tests.benchmarks.keras_trainings import OURS, fit

    def train(contender: "Contender", epochs: int) -> "Fit":
        gc.collect()
        return fit(contender, folder / f"{contenders.index(contender)}", epochs=epochs)

    for contender in contenders:  # imports, schemas and caches
        train(contender, 1)
    found: dict[Contender, list[Fit]] = {contender: [] for contender in contenders}
    dice = random.Random(0)
    gc.freeze()
    for _ in range(rounds):
        for contender in dice.sample(contenders, k=len(contenders)):
            found[contender].append(train(contender, epochs))
    gc.unfreeze()
    journals = (folder / f"{contenders.index(OURS)}").rglob("main.jsonl")
    recorded = sum(journal.read_bytes().count(b'"record":"Metrics"') for journal in journals)
    batches = rounds * epochs * BATCHES
    if recorded < batches:
        raise RuntimeError(f"autotrack recorded {recorded} steps of {batches}: the figures mean nothing")
    return found


def _table(found: dict["Contender", list["Fit"]]) -> str:
    from tests.benchmarks.keras_trainings import NONE

    rows = []
    for contender, fits in found.items():
        pairs = list(zip(fits, found[NONE], strict=True))
        ratios = [mine.loop_seconds / none.loop_seconds for mine, none in pairs]
        outside = [(mine.outside_seconds - none.outside_seconds) * 1000 for mine, none in pairs]
        least, most = tables.interval(ratios)
        compared = [f"{tables.median(ratios):.3f}", f"{least:.3f} to {most:.3f}", f"{tables.median(outside):.0f}"]
        milliseconds = tables.median([fit.loop_seconds for fit in fits]) * 1000
        rows.append([contender.name, f"{milliseconds:.0f}", *(["1", "", ""] if contender is NONE else compared)])
    return tables.table(["fit with", "ms in the loop", "to no tracker", "95 % interval", "ms outside it, more"], rows)


def _about_ours(found: dict["Contender", list["Fit"]], batches: int) -> str:
    from tests.benchmarks.keras_trainings import OURS, WITH_MODEL

    ours, keeping = found[OURS], found[WITH_MODEL]
    share = tables.median([fit.loop_own_seconds / fit.loop_seconds for fit in ours])
    step_us = tables.median([fit.loop_own_seconds for fit in ours]) / batches * 1e6
    outside = tables.median([fit.outside_own_seconds for fit in ours]) * 1000
    model = tables.median([fit.outside_own_seconds for fit in keeping]) * 1000 - outside
    weights = tables.median([fit.loop_own_seconds / fit.loop_seconds for fit in keeping])
    return "\n".join(
        [
            tables.goal("Goal: under 1 % of the loop is spent inside autotrack",
                        f"{share:.2%}, {step_us:.0f} µs a batch", met=share < 0.01),
            tables.goal("Goal: under 50 ms a fit outside the loop, by autotrack's own count",
                        f"{outside:.1f} ms", met=outside < 50),
            f"- Keeping weights and the model is extra: {weights:.2%} of the loop in all, {model:.1f} ms at the end.",
        ]
    )  # fmt: skip
