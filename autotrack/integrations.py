"""All that an integration imports of autotrack's core, beside the public names of `autotrack` itself.

An integration is a package that tells autotrack about a framework. It is found through the entry-point group
`autotrack.integrations`, whose entries name a class without arguments that follows `Integration`:

    [project.entry-points."autotrack.integrations"]
    toy = "autotrack_toy:ToyIntegration"

The class says which modules it hooks into and which versions it supports. When the user's script imports one of these
modules, `patches` returns the hooks. A hook is a generator with one `yield`: what stands before it happens before the
original is called, what stands after it happens afterwards. A hook that returns before its `yield` just lets the
original run. The core runs the original in between, so no failure of a hook ever reaches the user's code. This is a
whole integration, for a framework whose `Trainer.fit` runs epochs:

    # autotrack_toy.py
    from collections.abc import Generator, Iterable
    from types import ModuleType
    from typing import Any

    from autotrack.integrations import EpochClock, Outcome, Patch, RunOptions, attempt, end_run, is_worker, log_numbers


    class ToyIntegration:
        name = "toy"
        modules = {"toy": ("toy-trainer", "1.0", "2")}  # distribution, first supported version, first unsupported one

        def patches(self, module: ModuleType) -> Iterable[Patch]:
            yield Patch(module.Trainer, "fit", record_fit)


    def record_fit(trainer: Any, model: Any, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
        if is_worker():
            return  # only the process that trains for the user opens a run
        options = RunOptions.of_autolog()
        enclosing = options.enclosing_run()
        if enclosing is not None and enclosing.started_by != "user":
            return  # this fit is part of one that is recorded already
        run = enclosing or options.start_run(started_by="toy", frameworks={"toy": "1.0"})
        with attempt("toy params"):  # what fails in here becomes a notice, and the rest is recorded all the same
            run.log_params({"lr": trainer.lr, "epochs": trainer.epochs}, source="trainer")
        clock = EpochClock()

        def on_epoch_end(epoch: int, metrics: dict[str, Any]) -> None:
            log_numbers(run, {**metrics, **clock.metrics(samples=0)}, step=epoch, epoch=epoch, stage="train")
            clock.start()

        trainer.listeners.append(on_epoch_end)
        outcome = yield
        trainer.listeners.remove(on_epoch_end)
        end_run(run, outcome.error, is_own=enclosing is None)

Rules that `autotrack.testing.check_integration` checks: a patched callable keeps its name, signature, docstring and
pickling; taking the hooks away restores the very objects that were there; and the package imports nothing of the core
but this module. Importing the package and making the class must import no framework, because `autolog()` does both.
"""

from autotrack.journal.directions import better as direction_of
from autotrack.model_format.kept import KeptModel
from autotrack.training.autolog import Integration, is_autologging
from autotrack.training.epoch_clock import EpochClock
from autotrack.training.hooks.faults import attempt, guarded
from autotrack.training.hooks.patch import Hook, Outcome, Patch
from autotrack.training.lazy import lazy_exports
from autotrack.training.observe.observer import identify_data
from autotrack.training.ranks import is_worker
from autotrack.training.ranks import rank_from_environment as rank
from autotrack.training.run import end_run, log_numbers
from autotrack.training.run_files import RunFiles
from autotrack.training.run_options import RunArguments, RunOptions
from autotrack.training.start import attach_run, reopen_run
from autotrack.training.values import as_plain, flatten, is_on_cuda

__all__ = [
    "EpochClock",
    "Hook",
    "Integration",
    "KeptModel",
    "Outcome",
    "Patch",
    "RunArguments",
    "RunFiles",
    "RunOptions",
    "as_plain",
    "attach_run",
    "attempt",
    "direction_of",
    "end_run",
    "flatten",
    "guarded",
    "identify_data",
    "is_autologging",
    "is_on_cuda",
    "is_worker",
    "lazy_exports",
    "log_numbers",
    "rank",
    "reopen_run",
]
