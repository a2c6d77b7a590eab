"""What `autotrack.autolog()` puts round Keras: the callback for every fit and evaluation."""

from collections.abc import Iterable
from types import ModuleType

from autotrack.patching import Patch


class KerasIntegration:
    """Tells autotrack about Keras; constructing it imports nothing of it."""

    name = "keras"
    modules = {"keras": ("keras", "3.4", "4")}  # noqa: RUF012  read-only by contract

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for `keras`."""
        from autotrack_keras.hooks import make_patches

        return make_patches(module)
