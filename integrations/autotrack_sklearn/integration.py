"""What `autotrack.autolog()` puts round scikit-learn."""

from collections.abc import Iterable
from types import ModuleType

from autotrack.patching import Patch


class SklearnIntegration:
    """Tells autotrack about scikit-learn; constructing it imports nothing of it."""

    name = "sklearn"
    modules = {"sklearn": ("scikit-learn", "1.4", "2")}  # noqa: RUF012  read-only by contract

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for `sklearn`."""
        return []
