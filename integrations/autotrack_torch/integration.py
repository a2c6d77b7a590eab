"""What `autotrack.autolog()` hooks into PyTorch: steps of optimizers, calls of `backward`, passes over data."""

from collections.abc import Iterable
from types import ModuleType

from autotrack.integrations import Patch


class TorchIntegration:
    """Tells autotrack about plain PyTorch; constructing it imports nothing of it."""

    name = "torch"
    modules = {"torch": ("torch", "2.2", "3")}  # noqa: RUF012  read-only by contract

    def patches(self, module: ModuleType) -> Iterable[Patch]:  # noqa: ARG002  it is torch
        """Return the hooks for `torch`, all of whose parts have been imported by now."""
        from autotrack_torch import hooks

        return hooks.patches()
