"""Puts the weights of a checkpoint into a kept module, as bytes: nothing of either file is executed."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from autotrack.integrations import KeptModel
from autotrack_torch.files.precision import converted, is_exact
from autotrack_torch.files.weight_files import UnusualWeightsError, Weight, WeightFile, opened
from autotrack_torch.files.weight_names import bare_name

_ALIGNMENT = 64
"""Where PyTorch begins a block of numbers, so that it can be mapped into memory."""

_LOCAL_HEADER_BYTES = 30
_PADDING = b"FB"
_BLOCK_BYTES = 2**20


def replace_weights(kept: KeptModel, model: Path, target: Path) -> None:
    """Write the module in the file `model` to `target`, with the weights in `kept.path`.

    Raises `ModelLoadError` where they do not fit, or are of a kind that cannot be told without executing something.
    """
    try:
        before, checkpoint = opened(model), opened(kept.path)
        try:
            pairs = _pairs(before.weights(), checkpoint)
        except UnusualWeightsError:
            if not before.code or before.code != checkpoint.code:
                raise
            shutil.copyfile(kept.path, target)  # it is the same scripted module, and whole
        else:
            _write(before, checkpoint, pairs, target)
    except (ValueError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, EOFError) as error:
        kept.fail(f"cannot be put into the model that the run has kept: {error}")


def _pairs(wanted: Mapping[str, Weight], checkpoint: WeightFile) -> list[tuple[Weight, Weight]]:
    """Return each tensor of a module, and that of the checkpoint that takes its place.

    Of a tensor with several names, which are layers that share it, the checkpoint may have one name.
    """
    for state in checkpoint.states():
        for weights in ({bare_name(name): one for name, one in state.items()}, state):
            found = {old: weights[name] for name, old in wanted.items() if name in weights}
            if found and found.keys() == set(wanted.values()):
                if any(old.form != new.form or not is_exact(new.dtype, old.dtype) for old, new in found.items()):
                    raise ValueError("its weights have other shapes or types")
                return list(found.items())
    raise ValueError("it has other weights")


def _write(model: WeightFile, checkpoint: WeightFile, pairs: list[tuple[Weight, Weight]], target: Path) -> None:
    by_block: dict[str, list[tuple[Weight, Weight]]] = {}
    for old, new in pairs:
        by_block.setdefault(f"{model.prefix}data/{old.key}", []).append((old, new))
    source = zipfile.ZipFile(checkpoint.path) if checkpoint.prefix else None
    try:
        with zipfile.ZipFile(model.path) as before, target.open("wb") as file, zipfile.ZipFile(file, "w") as after:
            for entry in before.infolist():
                with after.open(_aligned(entry, file), "w", force_zip64=False) as written:
                    if entry.filename in by_block:
                        block = bytearray(before.read(entry))
                        for old, new in by_block[entry.filename]:
                            _put(block, old, converted(checkpoint.bytes_of(source, new), new.dtype, old.dtype))
                        written.write(block)
                    else:
                        with before.open(entry) as content:
                            while part := content.read(_BLOCK_BYTES):
                                written.write(part)
    finally:
        if source is not None:
            source.close()


def _put(block: bytearray, weight: Weight, content: bytes) -> None:
    end = weight.begin + weight.size_bytes
    if end > len(block):
        raise ValueError("the model is damaged")
    block[weight.begin : end] = content


def _aligned(entry: zipfile.ZipInfo, file: IO[bytes]) -> zipfile.ZipInfo:
    """Return an entry of the same name whose content begins where PyTorch has it."""
    made = zipfile.ZipInfo(entry.filename, entry.date_time)
    made.file_size = entry.file_size
    begin = file.tell() + _LOCAL_HEADER_BYTES + len(made.filename.encode()) + 4
    padding = -begin % _ALIGNMENT
    made.extra = _PADDING + padding.to_bytes(2, "little") + b"Z" * padding
    return made
