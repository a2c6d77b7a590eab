"""Loads the module in a checkpoint: its class is found under the name that was recorded, its arguments beside it."""

import importlib
import inspect
import sys
from collections.abc import Mapping
from typing import Any

import torch

from autotrack.integrations import KeptModel

_HPARAMS = "hyper_parameters"


def load(kept: KeptModel) -> Any:
    """Return the module with the weights in a checkpoint."""
    cls = kept.model_class or _recorded_class(kept)
    arguments = {} if _HPARAMS in _content(kept) else _accepted(cls, kept.params.get("model.init", {}))
    load_from_checkpoint: Any = getattr(cls, "load_from_checkpoint", None)
    if load_from_checkpoint is None:
        kept.fail(f"is a checkpoint of Lightning, and {cls.__name__} is no LightningModule")
    return load_from_checkpoint(kept.path, map_location="cpu", weights_only=not kept.trusted, **arguments).eval()


def _content(kept: KeptModel) -> Mapping[str, Any]:
    """Return what a checkpoint has, without running code of it unless it is trusted."""
    if kept.path.is_dir():
        kept.fail("is a checkpoint in several files, which the strategy that wrote it has to put together")
    try:
        content = torch.load(kept.path, map_location="cpu", weights_only=not kept.trusted, mmap=True)
    except Exception as error:
        if kept.trusted:
            raise
        kept.refuse(f"run code that is pickled in it ({str(error).splitlines()[0]:.200})")
    return content if isinstance(content, Mapping) else {}


def _recorded_class(kept: KeptModel) -> type:
    """Return the class of the module, which is only imported for somebody who trusts the run."""
    name = str(kept.params.get("model", {}).get("model", ""))
    module, _, qualified = name.rpartition(".")
    if not module:
        kept.fail("has weights, and the run does not say of which class; give model_class=YourModule")
    if module == kept.script and module not in sys.modules:
        module = "__main__"  # this may be the script itself; importing it would train again
    if module not in sys.modules:
        if not kept.trusted:
            kept.fail(
                f"is of the class {name}, which is not imported. Import it, give model_class=…, or, if you trust the "
                f"run, trusted=True"
            )
        importlib.import_module(module)
    found: Any = sys.modules[module]
    for part in qualified.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        kept.fail(
            f"is of the class {name}, which is not there. If the script that trained it has that class, import "
            f"it from there and give model_class={qualified}"
        )
    return found


def _accepted(cls: type, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the recorded arguments that the class takes."""
    parameters = inspect.signature(cls).parameters
    takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    return {name: value for name, value in recorded.items() if takes_all or name in parameters}
