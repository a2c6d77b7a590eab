"""The weights in files of PyTorch, by name: where their bytes lie. Nothing is executed, and PyTorch not needed."""

import json
import math
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from autotrack_torch.files import inert_pickle
from autotrack_torch.files.inert_pickle import Inert, Storage
from autotrack_torch.files.scripted_code import code_in, weights_by_class

_MOST_HEADER_BYTES = 2**26
_DEEPEST = 100
_MOST_MODULES = 100_000
_BYTES = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1,
    "ComplexDoubleStorage": 16, "ComplexFloatStorage": 8,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1,
    "uint16": 2, "uint32": 4, "uint64": 8,
}  # fmt: skip
"""How many bytes a number takes, by the storage it is in; of younger types, by the type."""

_SAFETENSORS = {
    "F64": "DoubleStorage", "F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage",
    "I64": "LongStorage", "I32": "IntStorage", "I16": "ShortStorage", "I8": "CharStorage", "U8": "ByteStorage",
    "BOOL": "BoolStorage", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "U16": "uint16", "U32": "uint32", "U64": "uint64",
}  # fmt: skip

_OF_YOUNG_TYPES = "torch._utils._rebuild_tensor_v3"
_REBUILT = ("torch._utils._rebuild_tensor_v2", _OF_YOUNG_TYPES)

_QUANTIZED = re.compile(r"(__torch__\.)?torch\.(ao\.)?nn\.(\w+\.)?quantized\.")
"""Modules with weights that are neither parameters nor buffers."""


class UnusualWeightsError(ValueError):
    """Weights are of a kind that cannot be told without executing something."""

    def __init__(self) -> None:
        super().__init__("it has weights of an unusual kind")


class Weight(NamedTuple):
    """A tensor: its form, its `dtype` as the name of a storage or type, and where its bytes begin in block `key`."""

    key: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    begin: int

    @property
    def size_bytes(self) -> int:
        """How many bytes it has."""
        return math.prod(self.shape) * _BYTES[self.dtype]

    @property
    def form(self) -> tuple[Any, ...]:
        """What two tensors have in common if the numbers of one can take the place of those of the other."""
        return self.shape, tuple(s for size, s in zip(self.shape, self.strides, strict=True) if size > 1)


@dataclass(frozen=True)
class WeightFile:
    """A file, what it describes, and the name that everything in its archive begins with, if it is one.

    Of a scripted module, it has the `code`, by the paths of its files.
    """

    path: Path
    content: Any
    prefix: str = ""
    code: Mapping[str, bytes] = field(default_factory=dict)

    def weights(self) -> dict[str, Weight]:
        """Return the weights of the module in it, as its `state_dict` names them. Raises `ValueError`."""
        return _weights_of_module(self.content, weights_by_class(self.code))

    def states(self) -> Iterator[dict[str, Weight]]:
        """Yield the weights by name in what a checkpoint holds: itself, or something in it."""
        classes, content = weights_by_class(self.code), self.content
        for state in (content, *(content.values() if isinstance(content, Mapping) else ())):
            try:
                if isinstance(state, Inert):
                    yield _weights_of_module(state, classes)
                elif isinstance(state, Mapping):
                    tensors = {name: one for name, one in state.items() if isinstance(name, str)}
                    yield {name: _weight(one) for name, one in tensors.items() if isinstance(one, (Inert, Weight))}
            except ValueError:
                continue

    def bytes_of(self, archive: zipfile.ZipFile | None, weight: Weight) -> bytes:
        """Return the bytes of a tensor."""
        if archive is None:
            with self.path.open("rb") as file:
                file.seek(weight.begin)
                found = file.read(weight.size_bytes)
        else:
            with archive.open(f"{self.prefix}data/{weight.key}") as file:
                file.seek(weight.begin)
                found = file.read(weight.size_bytes)
        if len(found) != weight.size_bytes:
            raise ValueError("it is truncated")
        return found


def opened(path: Path) -> WeightFile:
    """Return what a file describes. Raises `ValueError` for one of another kind."""
    if path.suffix == ".safetensors":
        return WeightFile(path, _safetensors(path))
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no file that PyTorch writes today")
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise ValueError("it is no file that PyTorch writes today")
        prefix = pickles[0].removesuffix("data.pkl")
        byteorder = f"{prefix}byteorder"
        if byteorder in archive.namelist() and archive.read(byteorder) != b"little":
            raise ValueError("it was written on a machine that has another order of bytes")
        code = code_in(archive, prefix) if f"{prefix}constants.pkl" in archive.namelist() else {}
        return WeightFile(path, inert_pickle.read(archive.read(pickles[0])), prefix, code)


def _weights_of_module(content: Any, classes: Mapping[str, tuple[str, ...]]) -> dict[str, Weight]:
    found: dict[str, Weight] = {}
    waiting, count = [("", content, 0)], 0
    while waiting:
        prefix, module, depth = waiting.pop()
        count += 1
        if depth > _DEEPEST or count > _MOST_MODULES:
            raise ValueError("its parts lie in each other too deeply")
        if _QUANTIZED.match(_call(module)[0]):
            raise UnusualWeightsError
        tensors, modules = _members(module, classes)
        for name, tensor in tensors.items():
            if tensor is not None:
                found[f"{prefix}{name}"] = _weight(tensor)
        waiting += [(f"{prefix}{name}.", inner, depth + 1) for name, inner in modules.items() if inner is not None]
    return found


def _members(module: Any, classes: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights and the modules that a module holds itself; `classes` are those of scripted ones."""
    attributes = module.attributes if isinstance(module, Inert) else {}
    if (names := classes.get(_call(module)[0])) is not None:
        inner = {name: one for name, one in attributes.items() if _call(one)[0] in classes}
        return {name: attributes.get(name) for name in names}, inner
    parts = [attributes.get(name) for name in ("_parameters", "_buffers", "_modules")]
    dicts: list[dict[str, Any]] = [part for part in parts if isinstance(part, dict)]
    if len(dicts) < len(parts):
        raise ValueError("it is no module that can be read without executing it")
    parameters, buffers, modules = dicts
    passing = attributes.get("_non_persistent_buffers_set") or ()
    return {**parameters, **{name: one for name, one in buffers.items() if name not in passing}}, modules


def _weight(tensor: Any) -> Weight:
    """Return the tensor that a pickle would make. Raises `ValueError` for one that is not plain."""
    if isinstance(tensor, Weight):
        return tensor
    name, arguments = _call(tensor)
    if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state") and arguments:
        return _weight(arguments[0])
    if name not in _REBUILT or len(arguments) < 4:
        raise UnusualWeightsError
    storage, offset, shape, strides = arguments[:4]
    dtype = _dtype(name, storage, arguments)
    numbers = (offset, *shape, *strides) if isinstance(shape, tuple) and isinstance(strides, tuple) else (-1,)
    if not isinstance(storage, Storage) or dtype not in _BYTES or len(shape) != len(strides):
        raise UnusualWeightsError
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("it is damaged")
    span = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if math.prod(shape) not in (0, span):  # with gaps, or with elements that lie over each other
        raise ValueError("it has weights that are views of others")
    return Weight(storage.key, dtype, shape, strides, offset * _BYTES[dtype])


def _dtype(name: str, storage: Any, arguments: tuple[Any, ...]) -> str:
    """Return the type of a tensor's numbers: that of its storage, or, of younger types, what is said beside it."""
    if name == _OF_YOUNG_TYPES:
        told = arguments[6].origin if len(arguments) > 6 and isinstance(arguments[6], Inert) else ""
        return str(told).rpartition(".")[2]
    return storage.dtype if isinstance(storage, Storage) else ""


def _call(made: Any) -> tuple[str, tuple[Any, ...]]:
    origin = made.origin if isinstance(made, Inert) else None
    return (
        (origin.origin, made.arguments) if isinstance(origin, Inert) and isinstance(origin.origin, str) else ("", ())
    )


def _safetensors(path: Path) -> dict[str, Weight]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= _MOST_HEADER_BYTES else {}
        found = {}
        for name, one in header.items():
            if name != "__metadata__":
                shape = tuple(map(int, one["shape"]))
                strides = tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))
                begin = 8 + length + int(one["data_offsets"][0])
                found[str(name)] = Weight("", _SAFETENSORS[one["dtype"]], shape, strides, begin)
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError("it is no file of safetensors that can be read") from error
    return found
