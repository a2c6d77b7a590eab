"""A kept model in a form that needs none of the code that it was trained with."""

from pathlib import Path
from typing import Literal

from autotrack.models.entries import Registered
from autotrack.models.registry import Registry
from autotrack.models.version_loading import verified
from autotrack.readers.kept_files import KeptFiles
from autotrack.readers.recorded_run import RecordedRun

Format = Literal["pt2", "torchscript"]

_NAMES = {"pt2": "model.pt2", "torchscript": "model.torchscript.pt"}


def export_model(run: RecordedRun, to_format: Format, target: Path | None = None, *, trusted: bool = False) -> Path:
    """Write the model of a run as a program of `torch.export`, or as TorchScript, and return its path.

    Args:
        run: The run.
        to_format: The form.
        target: The file to write; one in the working folder by default.
        trusted: Say True only if you trust whoever made the run: the module is unpickled for it.

    Raises:
        UntrustedModelError: `trusted` is False.
        ModelLoadError: The model cannot be loaded, or not be written in this form.
        ArtifactNotFoundError: The run has kept no model.
        FileExistsError: There is a file already.
    """
    path = _new_file(target, to_format)
    KeptFiles(run.folder, run.summary).export_model(path, to_format=to_format, trusted=trusted)
    return path


def export_version(
    registry: Registry,
    name: str,
    version: Registered,
    to_format: Format,
    target: Path | None = None,
    *,
    trusted: bool = False,
) -> Path:
    """Write a version of a registered model as `export_model` does that of a run, with the same errors."""
    path = _new_file(target, to_format)
    kept = verified(registry, name, version, trusted=trusted)
    kept.files.export_model(path, to_format=to_format, trusted=kept.trusted, name=kept.path)
    return path


def _new_file(target: Path | None, to_format: Format) -> Path:
    path = target or Path(_NAMES[to_format])
    if path.exists():
        raise FileExistsError(f"{path} exists already")
    return path
