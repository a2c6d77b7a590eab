"""Records PyTorch Lightning trainings, of `lightning.pytorch` and of `pytorch_lightning`.

    from autotrack_lightning import AutotrackCallback

    trainer = Trainer(callbacks=[AutotrackCallback()])

Or call `autotrack.autolog()` once and change nothing else.
"""

from typing import TYPE_CHECKING

from autotrack.integrations import lazy_exports

if TYPE_CHECKING:
    from autotrack_lightning.callback import AutotrackCallback as AutotrackCallback

__all__ = ["AutotrackCallback"]

__getattr__ = lazy_exports(
    __name__, {"AutotrackCallback": "autotrack_lightning.callback"}, library="Lightning", extra="lightning"
)
