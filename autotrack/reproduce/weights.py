"""Checksums of the weights in model files, without loading them: whoever made a store may have put any code into one.

Two files with the same weights need not have the same bytes, because some formats hold the time or a path. So this
looks at the members of the file that hold the weights, where the format is known.
"""

import hashlib
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from autotrack.errors import AutotrackError
from autotrack.journal.run_folder import files_below, open_file
from autotrack.journal.summary import Summary
from autotrack.model_format.damaged_zip import DAMAGED

_STORAGE = re.compile(r"(?:.*/)?data/([0-9]{1,9})$")  # of torch.save
_KERAS = "model.weights.h5"
_KINDS = ("model", "checkpoint")
_BLOCK_BYTES = 2**20
_MOST_BYTES = 2**36
_MOST_MEMBERS = 100_000
_PICKLES = frozenset(".pkl .pickle .joblib".split())


class WeightsDifference(NamedTuple):
    """One model file of two runs; `is_same` is None where equal weights may have other bytes."""

    path: str
    is_same: bool | None


def weights_differences(original: tuple[Path, Summary], repeated: tuple[Path, Summary]) -> list[WeightsDifference]:
    """Compare the models and checkpoints that two runs have kept under the same paths."""
    (folder, summary), (other_folder, other_summary) = original, repeated
    others = set(_files(other_folder, other_summary))
    found = []
    for path in dict.fromkeys(_files(folder, summary)):
        if path in others and _holds_weights(path):
            sums = _checksum(folder, path), _checksum(other_folder, path)
            if None not in sums:
                is_same = sums[0] == sums[1]
                unsure = not is_same and Path(path).suffix in _PICKLES  # a pickle tells how objects were shared, too
                found.append(WeightsDifference(path, None if unsure else is_same))
    return found


def _files(folder: Path, summary: Summary) -> Iterator[str]:
    for artifact in summary.artifacts:
        if artifact.kind in _KINDS:
            try:
                yield from files_below(folder, artifact.path)
            except (OSError, AutotrackError):  # it has been removed, or is none
                continue


def _holds_weights(path: str) -> bool:
    """Whether this is the model itself, and not what is written about it, which has times and names in it."""
    return Path(path).name != "MLmodel" and Path(path).suffix not in (".json", ".txt", ".md", ".yaml", ".yml", ".html")


def _checksum(folder: Path, name: str) -> str | None:
    """Return the checksum of the weights in a file; None if it cannot be read."""
    try:
        with os.fdopen(open_file(folder, name), "rb") as file:
            if zipfile.is_zipfile(file):
                return _checksum_of_zip(file)
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, *DAMAGED):
        return None


def _checksum_of_zip(file: IO[bytes]) -> str:
    """Return the checksum of the tensors of `torch.save` and of Keras, in their order; else of all members."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _MOST_BYTES:
            raise zipfile.BadZipFile("larger than any model")
        stored = {int(match[1]): member for member in members if (match := _STORAGE.match(member.filename))}
        chosen = [stored[number] for number in sorted(stored)]
        chosen = chosen or [member for member in members if member.filename == _KERAS]
        chosen = chosen or sorted(members, key=lambda member: member.filename)
        digest = hashlib.sha256()
        for member in chosen:
            digest.update(f"{member.file_size}\0".encode())
            with archive.open(member) as content:
                while block := content.read(_BLOCK_BYTES):
                    digest.update(block)
        return digest.hexdigest()
