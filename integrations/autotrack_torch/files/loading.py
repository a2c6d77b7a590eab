"""Finds the run that a training goes on from: the one that holds the file from which its model was loaded."""

import os
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from autotrack.integrations import Patch, RunFiles, RunOptions
from autotrack_torch.describe.models import find_models
from autotrack_torch.files.saved_objects import tensors_in
from autotrack_torch.members import parameters_of
from autotrack_torch.watch import watch


class _Loaded:
    """A file that something was loaded from, as it was then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        files = [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
        self.stamps = {(status.st_size, status.st_mtime_ns) for status in map(os.stat, files)}


_tensors: dict[int, tuple[weakref.ref[Any], _Loaded]] = {}  # by identity: tensors that are equal are others
_modules: weakref.WeakKeyDictionary[torch.nn.Module, _Loaded] = weakref.WeakKeyDictionary()


def patches() -> Iterator[Patch]:
    """Return the hooks that note which file a model was loaded from."""
    yield Patch(torch, "load", _note_load)
    yield Patch(torch.nn.Module, "load_state_dict", _note_state)


def patches_of_safetensors(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks for `safetensors.torch`; `load_model` calls this and `load_state_dict`."""
    yield Patch(module, "load_file", _note_load)


def patches_of_fabric(module: Any) -> Iterator[Patch]:
    """Return the hook for `Fabric.load`, which reads the file by itself."""
    yield Patch(module.Fabric, "load", _note_fabric)


def patches_of_accelerate(module: Any) -> Iterator[Patch]:
    """Return the hook for `Accelerator.load_state`, which reads a folder."""
    yield Patch(module.Accelerator, "load_state", _note_accelerate)


def run_loaded_for(optimizer: Any, options: RunOptions) -> str | None:
    """Return the id of the run that holds the file which the model of an optimizer was loaded from, or None."""
    loaded = _loaded_for(optimizer)
    if loaded is None:
        return None
    return RunFiles.run_id_holding(loaded.path, loaded.stamps, options.experiment_folder)


def _loaded_for(optimizer: Any) -> _Loaded | None:
    if not _modules and not _tensors:
        return None
    known = [loaded for one in parameters_of(optimizer) if (loaded := _of_tensor(one))]
    for model in find_models(optimizer):
        known += [loaded for module in model.modules() if (loaded := _modules.get(module))]
    return known[0] if known else None


def _note_load(f: Any = None, *_args: Any, **kwargs: Any) -> Any:
    outcome = yield
    if outcome.error is not None or isinstance(outcome.result, torch.Tensor):  # which may be one of many samples
        return
    if loaded := _file(kwargs.get("filename", f)):
        for tensor in tensors_in(outcome.result):
            _tensors[id(tensor)] = (weakref.ref(tensor, _forget(id(tensor))), loaded)


def _note_state(module: torch.nn.Module, state_dict: Any = None, *_args: Any, **_kwargs: Any) -> Any:
    outcome = yield
    if outcome.error is not None or (not _tensors and watch.loop is None):
        return
    loaded = next((found for tensor in tensors_in(state_dict) if (found := _of_tensor(tensor))), None)
    if loaded is not None:
        _modules[module] = loaded
    if watch.loop is not None:
        watch.loop.trained_modules.note_restored(module, loaded.path if loaded is not None else None)


def _note_fabric(_fabric: Any, path: Any = None, state: Any = None, *_args: Any, **_kwargs: Any) -> Any:
    outcome = yield
    if outcome.error is None and isinstance(state, dict) and (loaded := _file(path)):
        _note_modules(state.values(), loaded)


def _note_accelerate(accelerator: Any, input_dir: Any = None, *_args: Any, **_kwargs: Any) -> Any:
    outcome = yield
    if outcome.error is None and (loaded := _file(input_dir)):
        _note_modules(accelerator._models, loaded)


def _note_modules(found: Iterable[Any], loaded: _Loaded) -> None:
    for module in found:
        if isinstance(module, torch.nn.Module):
            for inner in module.modules():  # what trains is the wrapped one, or the wrapper
                _modules[inner] = loaded


def _file(given: Any) -> _Loaded | None:
    if not isinstance(given, (str, os.PathLike)):
        return None
    path = Path(os.fspath(given)).absolute()
    return _Loaded(path) if path.exists() else None


def _of_tensor(tensor: Any) -> _Loaded | None:
    reference, loaded = _tensors.get(id(tensor), (None, None))
    return loaded if reference is not None and reference() is tensor else None


def _forget(identity: int) -> Any:
    return lambda _reference: _tensors.pop(identity, None)
