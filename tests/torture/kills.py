"""`kill -9` of training and of its sidecar, at random moments."""

import random
from collections.abc import Callable
from pathlib import Path
from time import sleep

from tests.torture.acknowledged import Training, Tried, all_lost, seconds_of

_STEPS = 400


def kill_training(folder: Path, times: int, *, seed: int = 0) -> Tried:
    """Kill trainings; what they logged has to be there, and the run has to be called killed."""
    return _tried("kill -9 of the training", folder / "training", times, seed, Training.kill)


def kill_sidecar(folder: Path, times: int, *, seed: int = 0) -> Tried:
    """Kill sidecars; the training has to end as it would, with everything in its run."""
    return _tried(
        "kill -9 of the sidecar", folder / "sidecar", times, seed, Training.kill_sidecar, training_goes_on=True
    )


def kill_both(folder: Path, times: int, *, seed: int = 0) -> Tried:
    """Kill both, the sidecar first: nobody is left to record how the run ended."""
    return _tried("kill -9 of both", folder / "both", times, seed, Training.kill_sidecar, Training.kill)


def _tried(
    what: str,
    folder: Path,
    times: int,
    seed: int,
    *strikes: Callable[[Training], object],
    training_goes_on: bool = False,
) -> Tried:
    chance, longest = random.Random(seed), seconds_of(folder.parent / "undisturbed", _STEPS)
    lost = []
    for _ in range(times):
        with Training(folder, _STEPS) as training:
            sleep(chance.uniform(0.0, longest))
            for strike in strikes:
                strike(training)
            exit_code = training.wait()
        if not training_goes_on:
            lost.append(training.what_is_lost(ends=("killed", "finished")))
        else:
            lost.append(f"exit code {exit_code}" if exit_code else training.what_is_lost())
    return Tried(what, times, all_lost(lost))
