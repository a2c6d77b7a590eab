"""Loads the models that were kept, and puts kept weights into them."""

from typing import Any

import keras

from autotrack.integrations import KeptModel

_WEIGHTS = ".weights.h5"
_SAFE_SINCE = (3, 12)
"""Earlier versions may run code that is in a file, also in their safe mode (CVE-2025-1550, 8747, 9905, 12058)."""


def load(kept: KeptModel) -> Any:
    """Return the model in a file, or the run's model with the weights in the file."""
    if not kept.path.name.endswith(_WEIGHTS):
        return _load_model(kept, kept.path)
    if kept.model_path is None or kept.model_path.name.endswith(_WEIGHTS):
        kept.fail("holds weights, and no model to put them into was kept: make it and call its load_weights")
    model = _load_model(kept, kept.model_path)
    model.load_weights(kept.path)
    return model


def _load_model(kept: KeptModel, path: Any) -> Any:
    version = tuple(int(part) for part in keras.__version__.split(".")[:2])
    if version < _SAFE_SINCE and not kept.trusted:
        kept.refuse(f"run code that is in it, which Keras {keras.__version__} does not rule out and 3.12 does")
    try:
        return keras.saving.load_model(path, safe_mode=not kept.trusted)
    except ValueError as error:
        if "safe_mode" in str(error) or "unsafe" in str(error):
            kept.refuse("run a Lambda layer whose code is in it")
        raise
