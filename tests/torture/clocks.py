"""A clock that jumps while a training is recorded and resumed: every point has to be there once."""

import random
from pathlib import Path

from autotrack.readers import catalog
from tests.torture.acknowledged import Training, Tried, all_lost

_JUMPS = """
import random
from autotrack.training.start import resume_run
chance, ahead, real = random.Random({seed}), 0.0, time.time
time.time = lambda: real() + ahead
import autotrack.training.logger, autotrack.training.metric_logger, autotrack.training.run, autotrack.training.start
import autotrack.journal.writer
training = autotrack.training
for module in (training.logger, training.metric_logger, training.run, training.start, autotrack.journal.writer):
    module.time = time.time
def before(step):
    global ahead, run
    if step % 50 == 25:
        ahead = chance.uniform(-1e5, 1e5)
    if step % 100 == 99:  # as if the process had crashed: it goes on from a checkpoint, ten steps before
        run.finish("failed")
        run = resume_run(run.folder, at_step=step - 10)
        for again in range(step - 10, step):
            run.log({{"loss": 1.0}}, step=again)
"""


def jump(folder: Path, times: int, *, seed: int = 0) -> Tried:
    """Let the clock of a training jump by up to a day, forwards and backwards, while it is resumed several times."""
    chance, lost = random.Random(seed), []
    for _ in range(times):
        harm = _JUMPS.format(seed=chance.randrange(10**6))
        with Training(folder / "clocks", 400, harm=harm, AUTOTRACK_SIDECAR="off") as training:
            exit_code = training.wait()
        problem = f"exit code {exit_code}" if exit_code else training.what_is_lost()
        duration = catalog.load(training.folder).duration_seconds
        if not problem and not (duration is not None and 0.0 <= duration < 600.0):
            problem = f"it took {duration} s"
        lost.append(problem)
    return Tried("a clock that jumps by up to a day", times, all_lost(lost))
