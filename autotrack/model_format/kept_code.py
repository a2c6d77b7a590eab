"""The source files of a project that a model needs, which are kept beside it."""

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from autotrack.journal.records import Artifact
from autotrack.model_format.verified import copy_verified

FOLDER = "code"
"""Where they lie, in the folder of a model."""


@contextmanager
def importable_code(run_folder: Path, model: str, artifacts: Iterable[Artifact], target: Path) -> Iterator[None]:
    """Let modules that were kept beside a model be imported meanwhile, as far as they are not there otherwise.

    Args:
        run_folder: The folder that the paths of the artifacts are below.
        model: The path of the folder of the model.
        artifacts: What the run has recorded. A file without a checksum is left out.
        target: A folder that only this user may enter; the files are copied there, and verified.

    Raises as `copy_verified` does.
    """
    folder, kept = target / FOLDER, PurePosixPath(model) / FOLDER
    for one in artifacts:
        path = PurePosixPath(one.path)
        if path.is_relative_to(kept) and path.suffix == ".py" and one.sha256 is not None:
            copy = folder / path.relative_to(kept).parent
            copy.mkdir(parents=True, exist_ok=True)
            copy_verified(run_folder, one.path, copy, sha256=one.sha256)
    if not folder.exists():
        yield
        return
    sys.path.append(str(folder))  # behind all others: what the user can import is not replaced
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
