"""The files of a version: loading its model, and whether they certainly come from a training of this user."""

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from autotrack.errors import AutotrackError, ModelLoadError
from autotrack.journal.files import safe_relative_path
from autotrack.journal.records import Artifact
from autotrack.journal.run_folder import open_file
from autotrack.journal.summary import Summary
from autotrack.model_format.mlmodel import NAME as MLMODEL
from autotrack.model_names import Reference, parsed
from autotrack.models import environment_check
from autotrack.models.entries import Registered
from autotrack.models.input_check import Schema, check_inputs, schema_in
from autotrack.models.registry import Registry
from autotrack.readers.kept_files import KeptFiles
from autotrack.readers.recorded_run import RecordedRun, load
from autotrack.readers.trust import is_ours_alone, why_foreign


def load_version(reference: str, *, store: Path, trusted: bool, model_class: type | None, inputs: Any = None) -> Any:
    """Load the model of a version: see `autotrack.load_model`."""
    registry, wanted = Registry(store), parsed(reference)
    version = registry.model(wanted.name).version(wanted)
    name = str(Reference(wanted.name, version.version))
    check_inputs(name, schema_of(registry, wanted.name, version), inputs)
    environment_check.warn_of_differences(name, version.origin.python, environment_check.packages_of(version.origin))
    kept = verified(registry, wanted.name, version, trusted=trusted)
    return kept.files.load_file(kept.path, trusted=kept.trusted, model_class=model_class)


class Verified(NamedTuple):
    """The files of a version, which are what was registered, the path of its model, and whether that is trusted."""

    files: KeptFiles
    path: str
    trusted: bool


def verified(registry: Registry, name: str, version: Registered, *, trusted: bool) -> Verified:
    """Return the files of a version. They are trusted as well if they certainly come from a training of this user.

    Raises as `verify` does.
    """
    own = None if trusted else run_if_own(registry, name, version)
    summary = _summary(registry, name, version, like=own.summary if own else None)
    verify(registry, name, version)
    path = registry.path_in_store(name, version.version, version.path)
    return Verified(KeptFiles(registry.store, summary), path, trusted or own is not None)


def schema_of(registry: Registry, name: str, version: Registered) -> Schema | None:
    """Return what a version takes; None where that is not known."""
    return schema_in(registry.store, folder_in_store(registry, name, version))


def folder_in_store(registry: Registry, name: str, version: Registered) -> str | None:
    """Return the folder of a version that MLflow can load, relative to the store; None for a bare checkpoint."""
    folder = description_folder(version)
    return None if folder is None else registry.path_in_store(name, version.version, folder)


def description_folder(version: Registered) -> str | None:
    """Return the folder of a version that MLflow can load, relative to the version; None for a bare checkpoint."""
    there = {file.path for file in version.files}
    around = [str(folder) for folder in PurePosixPath(version.path).parents]
    return next((folder for folder in around if f"{folder}/{MLMODEL}" in there), None)


def verify(registry: Registry, name: str, version: Registered) -> None:
    """Raise `ModelLoadError` if the files of a version are not what was registered."""
    for file in version.files:
        path = registry.path_in_store(name, version.version, file.path)
        if (found := _digest(registry.store, path)) != file.sha256:
            state = "is gone" if found is None else "was changed or damaged: its checksum differs"
            reference = Reference(name, version.version)
            raise ModelLoadError(f"{registry.store / path} of {reference} {state}; nothing of it was loaded")


def run_if_own(registry: Registry, name: str, version: Registered) -> RecordedRun | None:
    """Return the run that a version comes from, if it is certainly one of this user and has recorded these very files.

    The registry is no evidence: whoever can write to the store can write what they like there.
    """
    try:
        folder = registry.store / safe_relative_path(version.origin.folder)
        if folder.is_symlink() or folder.parent.is_symlink():
            return None
        run = load(folder)
        if why_foreign(run.summary, folder, strictly=True) is not None:
            return None
    except (OSError, ValueError, AutotrackError):
        return None
    recorded = {one.path: one.sha256 for one in run.summary.artifacts}
    paths = [registry.store / registry.path_in_store(name, version.version, file.path) for file in version.files]
    if any(recorded.get(file.path) != file.sha256 for file in version.files) or not is_ours_alone(paths):
        return None
    return run


def _summary(registry: Registry, name: str, version: Registered, *, like: Summary | None) -> Summary:
    """Return what `KeptFiles` has to know of a version: its files, by their paths in the store."""
    is_bare = description_folder(version) is None
    files = [
        Artifact(
            time=version.time,
            path=registry.path_in_store(name, version.version, file.path),
            kind="checkpoint" if is_bare and file.path == version.path else "model",
            bytes=file.bytes,
            sha256=file.sha256,
        )
        for file in version.files
    ]
    return Summary(
        name=str(Reference(name, version.version)),
        artifacts=files,
        params_by_source=like.params_by_source if like else version.origin.params,
        entry_point=like.entry_point if like else version.origin.entry_point,
    )


def _digest(store: Path, path: str) -> str | None:
    try:
        with os.fdopen(open_file(store, path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
