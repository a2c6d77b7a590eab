"""`kill -9` of training and of its sidecar, at random moments."""

import random
from pathlib import Path
from time import sleep

from tests.torture.acknowledged import Training, Tried, all_lost, seconds_of

_STEPS = 400


def kill_training(folder: Path, times: int, *, seed: int = 0) -> Tried:
    """Kill trainings; what they logged has to be there, and the run has to be called killed."""
    chance, longest = random.Random(seed), seconds_of(folder / "undisturbed", _STEPS)
    lost = []
    for _ in range(times):
        with Training(folder / "training", _STEPS) as training:
            sleep(chance.uniform(0.0, longest))
            training.kill()
            training.wait()
        lost.append(training.what_is_lost(ends=("killed", "finished")))
    return Tried("kill -9 of the training", times, all_lost(lost))


def kill_sidecar(folder: Path, times: int, *, seed: int = 0) -> Tried:
    """Kill sidecars; the training has to end as it would, with everything in its run."""
    chance, longest = random.Random(seed), seconds_of(folder / "undisturbed", _STEPS)
    lost = []
    for _ in range(times):
        with Training(folder / "sidecar", _STEPS) as training:
            sleep(chance.uniform(0.0, longest))
            training.kill_sidecar()
            exit_code = training.wait()
        lost.append(f"exit code {exit_code}" if exit_code else training.what_is_lost())
    return Tried("kill -9 of the sidecar", times, all_lost(lost))


def kill_both(folder: Path, times: int, *, seed: int = 0) -> Tried:
    """Kill both, the sidecar first: nobody is left to record how the run ended."""
    chance, longest = random.Random(seed), seconds_of(folder / "undisturbed", _STEPS)
    lost = []
    for _ in range(times):
        with Training(folder / "both", _STEPS) as training:
            sleep(chance.uniform(0.0, longest))
            training.kill_sidecar()
            training.kill()
            training.wait()
        lost.append(training.what_is_lost(ends=("killed", "finished")))
    return Tried("kill -9 of both", times, all_lost(lost))
