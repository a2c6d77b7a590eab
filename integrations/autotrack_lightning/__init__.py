"""Records PyTorch Lightning trainings, of `lightning.pytorch` and of `pytorch_lightning`.

    from autotrack_lightning import AutotrackCallback

    trainer = Trainer(callbacks=[AutotrackCallback()])

Or call `autotrack.autolog()` once and change nothing else.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autotrack_lightning.callback import AutotrackCallback as AutotrackCallback

__all__ = ["AutotrackCallback"]


def __getattr__(name: str) -> object:
    # On first use: autolog imports this package before Lightning, which takes seconds to import.
    if name == "AutotrackCallback":
        from autotrack_lightning.callback import AutotrackCallback

        return AutotrackCallback
    raise AttributeError(f"module 'autotrack_lightning' has no attribute {name!r}")
