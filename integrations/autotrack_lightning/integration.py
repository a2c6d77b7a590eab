"""What `autotrack.autolog()` hooks into Lightning: every fit gets the callback, arguments of modules are noted."""

import sys
from collections.abc import Generator, Iterable
from types import ModuleType
from typing import Any

from autotrack.integrations import KeptModel, Outcome, Patch

_WORK = ("fit", "validate", "test")


class LightningIntegration:
    """Tells autotrack about Lightning; constructing it imports nothing of it."""

    name = "lightning"
    modules = {  # noqa: RUF012  read-only by contract
        "lightning.pytorch": ("lightning", "2.2", "3"),
        "pytorch_lightning": ("pytorch-lightning", "2.2", "3"),
    }
    model_suffixes = (".ckpt",)

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for `lightning.pytorch` or `pytorch_lightning`."""
        from autotrack_lightning import attached, binding, loggers
        from autotrack_lightning.arguments import remember_arguments

        for name in _WORK:
            yield Patch(module.Trainer, name, _with_callback)
        yield Patch(module.Trainer, "_run", _with_callback_in_rank)
        yield Patch(module.LightningModule, "__init__", remember_arguments)
        yield Patch(module.LightningDataModule, "__init__", remember_arguments)
        yield Patch(sys.modules[f"{module.__name__}.core.saving"], "_load_state", binding.remember_loaded)
        calls = sys.modules[f"{module.__name__}.trainer.call"]
        yield Patch(calls, "_call_callback_hooks", attached.call_hook, concerns=attached.has_hook)
        yield Patch(calls, "_call_callbacks_on_load_checkpoint", attached.load_checkpoint)
        yield Patch(calls, "_call_callbacks_on_save_checkpoint", attached.save_checkpoint)
        yield Patch(module.callbacks.LearningRateFinder, "lr_find", attached.look_away)
        yield Patch(module.callbacks.BatchSizeFinder, "scale_batch_size", attached.look_away)
        yield from loggers.patches(module)

    def load_model(self, kept: KeptModel) -> Any:
        """Return the model in a file that a run has kept."""
        from autotrack_lightning.kept_models import load

        return load(kept)


def _with_callback(trainer: Any, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
    """Let a callback of ours hear what the trainer does, unless the user gave it one."""
    if (ours := _attach_callback(trainer)) is not None:
        yield
        ours.detach(trainer)


def _with_callback_in_rank(trainer: Any, model: Any, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
    """Do the same in a process that a strategy has started, where `fit` itself is not called."""
    if trainer.state.fn.value in _WORK and (ours := _attach_callback(trainer)) is not None:
        outcome = yield
        if outcome.error is not None:  # nobody tells callbacks of it there
            ours.attached_to(trainer).on_exception(trainer, model, outcome.error)
        ours.detach(trainer)


def _attach_callback(trainer: Any) -> Any:
    """Attach a callback to the trainer and return the module that detaches it; None if the trainer has one already."""
    from autotrack_lightning import attached
    from autotrack_lightning.callback import AutotrackCallback, callback_of

    if attached.attached_to(trainer) or any(isinstance(one, AutotrackCallback) for one in trainer.callbacks):
        return None
    attached.attach(callback_of(trainer), trainer)
    return attached
