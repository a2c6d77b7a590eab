"""Private copies of what a run has kept, so that what is loaded is what was verified.

Frameworks open a model by its path, some of them several times. A store may be shared, and whoever may write to it
could exchange the file in between. So the file is copied into a folder that only its owner may enter, and the copy is
checked and loaded.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autotrack.errors import ModelLoadError
from autotrack.journal.run_folder import files_below, open_file

_BLOCK_BYTES = 2**20


@contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a new folder that only this user may enter; it is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="autotrack-model-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_verified(run_folder: Path, name: str, target: Path, *, sha256: str | None) -> Path:
    """Copy the file or folder `name` of a run into the folder `target`, and return the copy.

    Raises `ModelLoadError` if the content is not what the checksum says, and as `open_file` does. A folder has no
    checksum, and links in it are left out.
    """
    copy = target / Path(name).name
    if (run_folder / name).is_dir():
        for inner in files_below(run_folder, name):
            part = copy / Path(inner).relative_to(name)
            part.parent.mkdir(parents=True, exist_ok=True)
            _copy(run_folder, inner, part)
        return copy
    digest = _copy(run_folder, name, copy)
    if sha256 is not None and digest != sha256:
        raise ModelLoadError(
            f"{run_folder / name} is not what the run has recorded: its checksum differs. It was changed or damaged "
            f"since; nothing of it was loaded"
        )
    return copy


def _copy(run_folder: Path, name: str, target: Path) -> str:
    digest = hashlib.sha256()
    with os.fdopen(open_file(run_folder, name), "rb") as source, target.open("xb") as copy:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()
