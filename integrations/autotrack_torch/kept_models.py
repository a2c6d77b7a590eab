"""Loads models that a script has saved: whole modules, scripted ones, exported programs."""

import zipfile
from collections.abc import Mapping
from typing import Any

import torch

from autotrack.integrations import KeptModel


def load(kept: KeptModel) -> Any:
    """Return the model in a file."""
    if kept.path.suffix == ".pt2":
        if not kept.trusted:
            kept.refuse("build the graph that is in it, which PyTorch does for trusted files only")
        return torch.export.load(kept.path)
    if kept.path.suffix == ".safetensors":
        kept.fail(_ONLY_WEIGHTS)
    if _is_scripted(kept):
        if not kept.trusted:
            kept.refuse("take in the TorchScript code that is in it")
        load_scripted: Any = torch.jit.load
        return load_scripted(kept.path, map_location="cpu")
    content = _content(kept)
    if isinstance(content, (Mapping, torch.Tensor)):
        kept.fail(_ONLY_WEIGHTS)
    return content.eval() if isinstance(content, torch.nn.Module) else content


_ONLY_WEIGHTS = "holds weights and no model: make the model, and have it load them with load_state_dict"


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
