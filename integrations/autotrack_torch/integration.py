"""What `autotrack.autolog()` hooks into PyTorch: steps of optimizers, calls of `backward`, passes over data."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from autotrack.integrations import KeptModel, Patch


class TorchIntegration:
    """Tells autotrack about plain PyTorch; constructing it imports nothing of it."""

    name = "torch"
    modules = {  # noqa: RUF012  read-only by contract
        "torch": ("torch", "2.2", "3"),
        "safetensors.torch": ("safetensors", "0.4", "2"),
        "accelerate.accelerator": ("accelerate", "0.30", "3"),
        "lightning.fabric": ("lightning", "2.2", "3"),
        "lightning_fabric": ("lightning-fabric|pytorch-lightning", "2.2", "3"),
    }
    export_formats = ("pt2", "torchscript")
    model_suffixes = (".pt", ".pth", ".pt2", ".bin", ".safetensors")

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for `torch`, all of whose parts have been imported by now, or for what is used with it."""
        from autotrack_torch import hooks
        from autotrack_torch.files import loading, saving

        match module.__name__:
            case "torch":
                return hooks.patches()
            case "safetensors.torch":
                return (*saving.patches_of_safetensors(module), *loading.patches_of_safetensors(module))
            case "accelerate.accelerator":
                return (*saving.patches_of_accelerate(module), *loading.patches_of_accelerate(module))
        return (*saving.patches_of_fabric(module), *loading.patches_of_fabric(module))

    def load_model(self, kept: KeptModel) -> Any:
        """Return the model in a file that a run has kept."""
        from autotrack_torch.files.kept_models import load

        return load(kept)

    def replace_weights(self, kept: KeptModel, model: Path, target: Path) -> None:
        """Write the module that a run has kept with the weights of a checkpoint in it, without executing any of it."""
        from autotrack_torch.files.replaced_weights import replace_weights

        replace_weights(kept, model, target)

    def export_model(self, kept: KeptModel, target: Path, *, to_format: str) -> None:
        """Write the module in a file that a run has kept in a form that needs no code."""
        from autotrack_torch.files.exporting import export

        export(kept, target, to_format=to_format)
