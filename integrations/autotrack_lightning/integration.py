"""What `autotrack.autolog()` hooks into Lightning: every fit gets the callback, arguments of modules are noted."""

from collections.abc import Generator, Iterable
from types import ModuleType
from typing import Any

from autotrack.integrations import Outcome, Patch


class LightningIntegration:
    """Tells autotrack about Lightning; constructing it imports nothing of it."""

    name = "lightning"
    modules = {  # noqa: RUF012  read-only by contract
        "lightning.pytorch": ("lightning", "2.2", "3"),
        "pytorch_lightning": ("pytorch-lightning", "2.2", "3"),
    }

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for `lightning.pytorch` or `pytorch_lightning`."""
        from autotrack_lightning.arguments import remember_arguments

        for name in ("fit", "validate", "test"):
            yield Patch(module.Trainer, name, _with_callback)
        yield Patch(module.LightningModule, "__init__", remember_arguments)
        yield Patch(module.LightningDataModule, "__init__", remember_arguments)


def _with_callback(trainer: Any, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
    """Give the trainer a callback of ours while it works, unless the user gave it one."""
    from autotrack_lightning.callback import AutotrackCallback, callback_of

    before = trainer.callbacks
    if any(isinstance(callback, AutotrackCallback) for callback in before):
        return
    ours = callback_of(trainer)
    trainer.callbacks = [ours, *before]  # first, so that the user's callbacks find a current run
    yield
    kept = [callback for callback in trainer.callbacks if callback is not ours]
    unchanged = len(kept) == len(before) and all(one is two for one, two in zip(kept, before, strict=True))
    trainer.callbacks = before if unchanged else kept
