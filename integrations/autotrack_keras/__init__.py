"""Records Keras trainings, on every backend.

    from autotrack_keras import AutotrackCallback

    model.fit(x, y, callbacks=[AutotrackCallback()])

Or call `autotrack.autolog()` once and change nothing else.
"""

from typing import TYPE_CHECKING

from autotrack.errors import MissingLibraryError

if TYPE_CHECKING:
    from autotrack_keras.callback import AutotrackCallback as AutotrackCallback

__all__ = ["AutotrackCallback"]


def __getattr__(name: str) -> object:
    # On first use: autolog imports this package before Keras, which takes seconds to import.
    if name == "AutotrackCallback":
        try:
            from autotrack_keras.callback import AutotrackCallback
        except ModuleNotFoundError as error:
            raise MissingLibraryError(
                f"AutotrackCallback needs Keras and a backend, and {error.name} is not installed:\n"
                f"pip install 'autotrack-ml[keras]'"
            ) from error
        return AutotrackCallback
    raise AttributeError(f"module 'autotrack_keras' has no attribute {name!r}")
