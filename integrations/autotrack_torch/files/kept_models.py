"""Loads models that a script has saved: whole modules, scripted ones, exported programs."""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from autotrack.integrations import KeptModel
from autotrack_torch.files.weight_names import bare_name


def load(kept: KeptModel) -> Any:
    """Return the model in a file."""
    if kept.path.suffix == ".pt2":
        if not kept.trusted:
            kept.refuse("build the graph that is in it, which PyTorch does for trusted files only")
        return torch.export.load(kept.path)
    if kept.path.suffix == ".safetensors":
        return _with_weights(kept, _safetensors(kept.path))
    if _is_scripted(kept):
        if not kept.trusted:
            kept.refuse("take in the TorchScript code that is in it")
        load_scripted: Any = torch.jit.load
        return load_scripted(kept.path, map_location="cpu")
    content = _content(kept)
    if isinstance(content, (Mapping, torch.Tensor)):
        return _with_weights(kept, content)
    return content.eval() if isinstance(content, torch.nn.Module) else content


_ONLY_WEIGHTS = "holds weights and no model: make the model, and have it load them with load_state_dict"


def _with_weights(kept: KeptModel, saved: Any) -> Any:
    """Return the model that the run has kept with the weights of a checkpoint in it."""
    if kept.model_path is None or not kept.trusted:
        kept.fail(_ONLY_WEIGHTS if kept.model_path is None else f"{_ONLY_WEIGHTS}, or give trusted=True")
    model = load(replace(kept, path=kept.model_path, model_path=None))
    names = set(model.state_dict())
    for weights in _states_in(saved):
        if names <= weights.keys():
            model.load_state_dict(weights, strict=False)
            return model
    return kept.fail("has other weights than the model that the run has kept")


def _states_in(saved: Any) -> Iterator[dict[str, Any]]:
    """Yield the weights by name in a checkpoint, as the model calls them that was not wrapped."""
    for state in (saved, *(saved.values() if isinstance(saved, Mapping) else ())):
        if isinstance(state, Mapping):
            yield {bare_name(name): value for name, value in state.items() if isinstance(name, str)}
            yield {name: value for name, value in state.items() if isinstance(name, str)}


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file  # whoever has saved such a file has it

    return load_file(path)


def _is_scripted(kept: KeptModel) -> bool:
    if not zipfile.is_zipfile(kept.path):
        return False
    with zipfile.ZipFile(kept.path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _content(kept: KeptModel) -> Any:
    try:
        return torch.load(kept.path, map_location="cpu", weights_only=not kept.trusted)
    except Exception as error:
        if kept.trusted:
            raise
        kept.refuse(f"run code that is pickled in it ({str(error).splitlines()[0]:.200})")
