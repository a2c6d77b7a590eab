"""What `autotrack.autolog()` hooks into Keras and KerasTuner: every fit and evaluation gets the callback."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from autotrack.integrations import KeptModel, Patch


class KerasIntegration:
    """Tells autotrack about Keras; constructing it imports nothing of it."""

    name = "keras"
    modules = {  # noqa: RUF012  read-only by contract
        "keras": ("keras", "3.4", "4"),
        "keras_tuner": ("keras-tuner", "1.4", "2"),
    }
    model_suffixes = (".keras", ".weights.h5", ".h5")

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for `keras` or `keras_tuner`."""
        if module.__name__ == "keras_tuner":
            from autotrack_keras.search import make_patches as make_search_patches

            return make_search_patches(module)
        from autotrack_keras.callback import AutotrackCallback
        from autotrack_keras.hooks import make_patches

        return make_patches(module, AutotrackCallback.for_autolog)

    def load_model(self, kept: KeptModel) -> Any:
        """Return the model in a file that a run has kept."""
        from autotrack_keras.backend import import_keras

        import_keras(kept.params)
        from autotrack_keras.kept_models import load

        return load(kept)

    def replace_weights(self, kept: KeptModel, model: Path, target: Path) -> None:
        """Write the model that a run has kept with the weights of a checkpoint in it, without executing any of it."""
        from autotrack_keras.replaced_weights import replace_weights

        replace_weights(kept, model, target)
