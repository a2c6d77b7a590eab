"""Finds the run that a model was loaded from: the one in whose folder the file lies."""

from os import PathLike
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import keras
from keras.src.saving import saving_lib

from autotrack.integrations import RunFiles
from autotrack_keras.calls import HookPoint, Running

_files: WeakKeyDictionary[Any, Path] = WeakKeyDictionary()


def hook_points() -> list[HookPoint]:
    """Return the hooks that note which file a model or its weights were loaded from."""
    return [
        (saving_lib, "load_model", _note_model),  # all variants of `load_model` call this for `.keras` files
        (keras.Model, "load_weights", _note_weights),
    ]


def run_loaded_from(model: Any) -> str | None:
    """Return the id of the run whose folder holds the file that this model was loaded from last, or None."""
    file = _files.get(model)
    return None if file is None else RunFiles.run_id_around(file)


def _note_model(filepath: Any, *_args: Any, **_kwargs: Any) -> Running:
    outcome = yield
    if outcome.error is None:
        _note(outcome.result, filepath)


def _note_weights(model: Any, filepath: Any, *_args: Any, **_kwargs: Any) -> Running:
    outcome = yield
    if outcome.error is None:
        _note(model, filepath)


def _note(model: Any, filepath: Any) -> None:
    if isinstance(filepath, (str, PathLike)):
        _files[model] = Path(filepath).absolute()
