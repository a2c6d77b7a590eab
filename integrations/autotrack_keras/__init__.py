"""Records Keras trainings, on every backend.

    from autotrack_keras import AutotrackCallback

    model.fit(x, y, callbacks=[AutotrackCallback()])

Or call `autotrack.autolog()` once and change nothing else.
"""

from typing import TYPE_CHECKING

from autotrack.integrations import lazy_exports

if TYPE_CHECKING:
    from autotrack_keras.callback import AutotrackCallback as AutotrackCallback

__all__ = ["AutotrackCallback"]

__getattr__ = lazy_exports(__name__, {"AutotrackCallback": "autotrack_keras.callback"}, library="Keras", extra="keras")
