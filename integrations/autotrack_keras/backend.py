"""The backend that Keras computes with, where a model is loaded before anything else has imported Keras."""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

_BACKENDS = ("torch", "jax", "tensorflow")
_VARIABLE = "KERAS_BACKEND"


def import_keras(params: Mapping[str, Mapping[str, Any]]) -> None:
    """Import Keras with the backend that a run was trained with, unless it is imported, or the user has named one.

    By itself, Keras would take TensorFlow, which need not be installed. `params` are those that the run has recorded.
    """
    backend = str(params.get("keras", {}).get("backend"))
    if "keras" in sys.modules or _VARIABLE in os.environ:
        return
    if backend not in _BACKENDS or find_spec(backend) is None:
        return
    os.environ[_VARIABLE] = backend
    try:
        import keras  # noqa: F401  Keras reads the variable when it is imported
    finally:
        del os.environ[_VARIABLE]
