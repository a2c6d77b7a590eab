"""Arrays and tensors in memory: read in place, block by block, in the order of their values."""

import sys
from math import prod
from typing import Any

from autotrack.training.observe.data.fingerprint import LARGEST_UNIT_BYTES, Part

_TENSOR_VIEWS = {1: "uint8", 2: "int16", 4: "int32", 8: "int64"}


def module(name: str, attribute: str) -> Any:
    """Return a module if it has been imported completely. Nothing is imported in order to describe data."""
    imported = sys.modules.get(name)
    return imported if imported is not None and hasattr(imported, attribute) else None


def as_numpy(value: Any) -> Any:
    """Return a numpy array of the same memory for a numpy array, a numpy number or a CPU tensor; otherwise None.

    For a tensor it holds the bytes of each element as one integer, since numpy lacks some of torch's dtypes.
    """
    numpy = module("numpy", "ndarray")
    if numpy is None:
        return None
    if isinstance(value, numpy.ndarray):
        return value.view(numpy.ndarray)
    if isinstance(value, numpy.generic):
        return numpy.asarray(value)
    return _tensor_as_numpy(value, numpy) if is_tensor(value) else None


def is_tensor(value: Any) -> bool:
    """Whether this is a tensor of torch."""
    torch = module("torch", "Tensor")
    return torch is not None and isinstance(value, torch.Tensor)


def is_bytes_alone(dtype: Any) -> bool:
    """Whether the bytes of an element are its value: no reference to an object, no text kept elsewhere, no gaps."""
    return not dtype.hasobject and dtype.kind != "T" and dtype.names is None


def array_part(name: str, array: Any, dtype: str | None = None) -> Part:
    """Describe a numpy array whose elements are bytes alone. Nothing of it is copied but the block that is read."""
    shape, row_axes = tuple(array.shape), 1
    while row_axes < len(shape) and _unit_bytes(array, row_axes) > LARGEST_UNIT_BYTES:
        row_axes += 1  # a row is read in pieces
    units = prod(shape[:row_axes]) if array.size else 0
    return Part(
        name=name,
        dtype=dtype or str(array.dtype),
        shape=shape,
        size_bytes=array.nbytes,
        units=units,
        unit_cost=max(1, _unit_bytes(array, row_axes)),
        read=lambda start, stop: _read(array, shape[:row_axes], start, stop),
        by_row=row_axes == 1 and array.nbytes > 0,
    )


def tensor_part(name: str, tensor: Any) -> Part:
    """Describe a tensor; one on a device, or of an unusual layout, only by its shape and dtype."""
    dtype, shape = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)
    array = as_numpy(tensor)
    if array is None:
        return Part(name=name, dtype=dtype, shape=shape, size_bytes=tensor.numel() * tensor.element_size())
    return array_part(name, array, dtype)


def _unit_bytes(array: Any, axes: int) -> int:
    return int(prod(array.shape[axes:])) * int(array.itemsize)


def _read(array: Any, axes: tuple[int, ...], start: int, stop: int) -> bytes:
    """Return the bytes of units, in C order. A unit is what indices of these leading axes select."""
    per_line = axes[-1] if axes else 1
    pieces = []
    while start < stop:
        line, first = divmod(start, per_line)
        last = min(per_line, first + stop - start)
        block = array[_index(line, axes[:-1])][first:last] if axes else array
        pieces.append(_significant(block))
        start += last - first
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _index(number: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index = []
    for length in reversed(shape):
        number, at = divmod(number, length)
        index.append(at)
    return tuple(reversed(index))


def _significant(block: Any) -> bytes:
    numpy = sys.modules["numpy"]
    if block.dtype.char in "gG" and numpy.finfo(block.dtype).nmant == 63:
        # Extended precision of x86: ten bytes with a value, six with whatever was there.
        return numpy.ascontiguousarray(block).view("u1").reshape(-1, 16)[:, :10].tobytes()  # type: ignore[no-any-return] # numpy is not imported
    return block.tobytes()  # type: ignore[no-any-return] # as above


def _tensor_as_numpy(tensor: Any, numpy: Any) -> Any:
    torch = sys.modules["torch"]
    # Only plain tensors: subclasses may run code of their own, or have no memory.
    ours = type(tensor) is torch.Tensor or type(tensor) is torch.nn.Parameter
    if not ours or tensor.device.type != "cpu" or tensor.layout is not torch.strided:
        return None
    if tensor.is_conj() or tensor.is_neg() or tensor.is_quantized:  # their values differ from what is in their memory
        return None
    try:
        values = tensor.detach()
        if view := _TENSOR_VIEWS.get(values.element_size()):
            values = values.view(getattr(torch, view))
        # Not `Tensor.numpy()`: after it, the user's tensor could no longer be resized (torch 2.13).
        return numpy.from_dlpack(values)
    except (RuntimeError, TypeError, ValueError, BufferError):  # a tensor in name only, as while tracing
        return None
