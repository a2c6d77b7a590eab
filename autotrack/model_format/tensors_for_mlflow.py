"""Has MLflow predict with a PyTorch model that takes or returns something else than a single tensor.

A copy of this file lies in the folder `code` of such a model. It needs PyTorch and NumPy only.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "tensors_for_mlflow"
"""As which module MLflow imports the copy."""


class TensorModel:
    """A module that is given arrays, and gives arrays back, in the structure that it had in training."""

    def __init__(self, module: Any, described: Mapping[str, Any]) -> None:
        self._module, self._described = module, described
        self._torch: Any = importlib.import_module("torch")
        self._numpy: Any = importlib.import_module("numpy")

    def get_raw_model(self) -> Any:
        """Return the module itself."""
        return self._module

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return what the module makes of arrays, in the structure of its inputs or by their names."""
        columns = getattr(data, "columns", None)
        if columns is not None:
            data = {str(name): self._numpy.stack(list(data[name])) for name in columns}
        inputs = self._described["inputs"]
        if isinstance(data, Mapping) and not _is_tensor(inputs):
            data = _nested(inputs, data, "")
        given = self._tensors(inputs, data)
        with self._torch.no_grad():
            if self._described["takes"] is None:
                made = self._module(given, **(params or {}))
            else:
                made = self._module(**{name: one for name, one in given.items() if one is not None}, **(params or {}))
        return self._arrays(made)

    def _tensors(self, described: Any, value: Any) -> Any:
        if value is None or isinstance(value, self._torch.Tensor):
            return value
        if _is_tensor(described):
            array = self._numpy.asarray(value)
            dtype = getattr(self._torch, described["dtype"])
            return self._torch.from_numpy(self._numpy.ascontiguousarray(array)).to(dtype)
        if isinstance(value, Mapping):
            return {name: self._tensors((described or {}).get(name), part) for name, part in value.items()}
        if isinstance(value, (list, tuple)) and isinstance(described, list):
            return tuple(self._tensors(one, part) for one, part in zip(described, value, strict=True))
        return self._torch.as_tensor(value)

    def _arrays(self, value: Any) -> Any:
        if isinstance(value, self._torch.Tensor):
            return value.detach().cpu().numpy()
        if isinstance(value, Mapping):
            return {name: self._arrays(part) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._arrays(part) for part in value]
        return value


def _is_tensor(described: Any) -> bool:
    return isinstance(described, Mapping) and isinstance(described.get("shape"), list)


def _nested(described: Any, data: Mapping[str, Any], prefix: str) -> Any:
    """Return arrays in the structure that is described; they are given as it is, or by names such as `images.0`."""
    if isinstance(described, Mapping) and not _is_tensor(described):
        parts: Any = described.items()
    elif isinstance(described, list):
        parts = enumerate(described)
    else:
        return data.get(prefix)
    if prefix and prefix in data:
        return data[prefix]
    if not prefix and isinstance(described, Mapping) and data.keys() <= described.keys():
        return {name: data[name] for name in described if name in data}
    made = {name: _nested(part, data, f"{prefix}.{name}" if prefix else str(name)) for name, part in parts}
    return list(made.values()) if isinstance(described, list) else made


def _load_pyfunc(path: str) -> TensorModel:
    torch: Any = importlib.import_module("torch")
    folder = Path(path)
    module = torch.load(folder / "model.pth", map_location="cpu", weights_only=False).eval()
    return TensorModel(module, json.loads((folder / "inputs.json").read_text()))
