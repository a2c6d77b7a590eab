"""Records PyTorch Lightning trainings, of `lightning.pytorch` and of `pytorch_lightning`.

    from autotrack_lightning import AutotrackCallback

    trainer = Trainer(callbacks=[AutotrackCallback()])

Or call `autotrack.autolog()` once and change nothing else.
"""

from typing import TYPE_CHECKING

from autotrack.errors import MissingLibraryError

if TYPE_CHECKING:
    from autotrack_lightning.callback import AutotrackCallback as AutotrackCallback

__all__ = ["AutotrackCallback"]


def __getattr__(name: str) -> object:
    # On first use: autolog imports this package before Lightning, which takes seconds to import.
    if name == "AutotrackCallback":
        try:
            from autotrack_lightning.callback import AutotrackCallback
        except ModuleNotFoundError as error:
            raise MissingLibraryError(
                f"AutotrackCallback needs Lightning, and {error.name} is not installed:\n"
                f"pip install 'autotrack-ml[lightning]'"
            ) from error
        return AutotrackCallback
    raise AttributeError(f"module 'autotrack_lightning' has no attribute {name!r}")
