"""What happens after a step of an optimizer: the first one starts a run, and each is recorded."""

from typing import Any

import torch

import autotrack
from autotrack.integrations import RunOptions, guarded, is_worker, log_numbers
from autotrack_torch import learning_rates, losses
from autotrack_torch.compiling import is_compiling, not_compiled
from autotrack_torch.loop import Loop, current_loop, set_current_loop

STARTED_BY = "torch"


@not_compiled
def after_step(optimizer: Any, _args: Any, _kwargs: Any) -> None:
    """Hook that PyTorch calls after every step of any optimizer."""
    if not is_compiling():
        _record(optimizer)


@guarded
def _record(optimizer: Any) -> None:
    run = autotrack.current_run()
    loop = current_loop()
    if run is not None and run.started_by != "user" and (loop is None or run is not loop.run):
        return  # another integration records this
    loop = loop or _begin()
    if loop is None:
        return
    loop.step += 1
    values = losses.take()
    values.update(learning_rates.of([optimizer]))
    if (loop.step + 1) % loop.every_n_steps == 0:
        log_numbers(loop.run, values, loop.step, epoch=loop.epoch, stage="train")


def _begin() -> Loop | None:
    if is_worker():
        return None
    options = RunOptions.of_autolog()
    enclosing = options.enclosing_run()
    run = enclosing or options.start_run(started_by=STARTED_BY, frameworks={"torch": str(torch.__version__)})
    loop = Loop(run, options, is_own=enclosing is None)
    set_current_loop(loop)
    return loop
