"""What a training loop in plain PyTorch takes with autotrack, beside the same one without."""

import gc
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.training.hooks.overhead import overhead
from tests.benchmarks import peers, tables

ROUNDS = 25
NONE, AGAIN, OURS = "without autotrack", "without, once more", "with autotrack"


@dataclass(frozen=True)
class Size:
    """A net and a number of steps; `goal` is the share of the loop that autotrack may take."""

    step: str
    width: int
    batch: int
    steps: int
    goal: float


SIZES = [Size("1 ms", 32, 32, 800, 0.02), Size("5 ms", 192, 160, 200, 0.01)]
"""Sized for steps of about 1 and 5 ms on the two shared cores that this was written on."""


@dataclass(frozen=True)
class Loop:
    """The medians over the steps of one loop but the first ones, in which the run starts.

    Other work on the machine makes some steps many times as long, which would make means say more about it than us.
    """

    seconds: float
    own_seconds: float


def measure(folder: Path, *, quick: bool = False) -> str:
    """Train in turn with autotrack and without, by steps of two sizes; return the tables."""
    if not peers.is_installed("torch"):
        return "### A loop in plain PyTorch\n\nPyTorch is not installed here, and this part is left out."
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("error", AutotrackWarning)  # a fault of ours would make the figures mean nothing
    rounds = 2 if quick else ROUNDS
    title = f"### A loop in plain PyTorch: every step recorded, {rounds} trainings with each"
    return "\n\n".join([title, *(_measure(size, folder, rounds=rounds, quick=quick) for size in SIZES)])


def _measure(size: Size, folder: Path, *, rounds: int, quick: bool) -> str:
    steps = 20 if quick else size.steps
    found: dict[str, list[Loop]] = {name: [] for name in (NONE, AGAIN, OURS)}
    dice = random.Random(0)
    for name in found:  # imports and caches
        _train(name, folder, size, steps=10)
    recorded = _recorded(folder)
    gc.freeze()
    for _ in range(rounds):
        for name in dice.sample(list(found), k=len(found)):
            gc.collect()
            found[name].append(_train(name, folder, size, steps=steps))
    gc.unfreeze()
    if _recorded(folder) - recorded < rounds * steps:
        raise RuntimeError("autotrack has not recorded every step: the figures mean nothing")
    return f"{_table(found)}\n\n{_about_ours(size, found)}"


def _train(name: str, folder: Path, size: Size, *, steps: int) -> Loop:
    """Train for so many steps, as most scripts do."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    samples = torch.randn((steps + 1) * size.batch, 64)
    loader: Any = DataLoader(TensorDataset(samples, samples.sum(dim=1, keepdim=True)), batch_size=size.batch)
    layers = (torch.nn.Linear(64, size.width), torch.nn.ReLU(), torch.nn.Linear(size.width, 1))
    model = torch.nn.Sequential(*layers)
    with _autolog(folder) if name == OURS else nullcontext():
        optimizer = torch.optim.Adam(model.parameters())
        times, own = [], []
        for inputs, targets in loader:
            times.append(perf_counter())
            own.append(overhead.seconds())
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        first = min(100, steps // 2)
        return Loop(_median_step(times[first:]), _median_step(own[first:]))


def _median_step(times: list[float]) -> float:
    return tables.median([after - before for before, after in pairwise(times)])


@contextmanager
def _autolog(folder: Path) -> Iterator[None]:
    autotrack.autolog(to=folder)
    yield
    autotrack.autolog(disable=True)
    while (run := autotrack.current_run()) is not None:
        run.finish()


def _recorded(folder: Path) -> int:
    """Return how many losses are in the journals."""
    return sum(journal.read_bytes().count(b'"loss":') for journal in folder.rglob("main.jsonl"))


def _ratios(loops: list[Loop], to: list[Loop]) -> list[float]:
    return [mine.seconds / theirs.seconds for mine, theirs in zip(loops, to, strict=True)]


def _table(found: dict[str, list[Loop]]) -> str:
    rows = []
    for name, loops in found.items():
        milliseconds = tables.median([loop.seconds for loop in loops]) * 1000
        ratios = _ratios(loops, found[NONE])
        (low, high), (least, most) = tables.quartiles(ratios), tables.interval(ratios)
        compared = [f"{tables.median(ratios):.3f}", f"{low:.3f} to {high:.3f}", f"{least:.3f} to {most:.3f}"]
        rows.append([name, f"{milliseconds:.2f}", *(["1"] + [""] * 2 if name == NONE else compared)])
    return tables.table(["loop", "ms a step", "to none", "middle half", "95 % interval"], rows)


def _about_ours(size: Size, found: dict[str, list[Loop]]) -> str:
    share = tables.median([loop.own_seconds / loop.seconds for loop in found[OURS]])
    step_us = tables.median([loop.own_seconds for loop in found[OURS]]) * 1e6
    goal = f"Goal: under {size.goal:.0%} of a loop with steps of about {size.step} is spent inside autotrack"
    return tables.goal(goal, f"{share:.2%}, {step_us:.0f} µs a step", met=share < size.goal)
