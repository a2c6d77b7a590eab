"""The files of a version: loading its model, and whether they certainly come from a training of this user."""

import hashlib
import os
import warnings
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError, AutotrackWarning, ModelLoadError
from autotrack.journal.files import safe_relative_path
from autotrack.journal.records import Artifact
from autotrack.journal.run_folder import open_file
from autotrack.journal.summary import Summary
from autotrack.model_names import Reference, parsed
from autotrack.models import environment_check
from autotrack.models.entries import Registered
from autotrack.models.input_check import check_inputs
from autotrack.models.registry import Registry
from autotrack.readers.kept_files import KeptFiles
from autotrack.readers.recorded_run import RecordedRun, load
from autotrack.readers.trust import is_ours_alone, why_foreign


def load_version(reference: str, *, store: Path, trusted: bool, model_class: type | None, inputs: Any = None) -> Any:
    """Load the model of a version: see `autotrack.load_model`."""
    registry, wanted = Registry(store), parsed(reference)
    version = registry.model(wanted.name).version(wanted)
    if inputs is not None:
        check_inputs(registry, wanted.name, version, inputs)
    differing = environment_check.that_matter(environment_check.differences(version.origin))
    if differing:
        warnings.warn(
            f"{wanted.name}/{version.version} was trained with other versions: {'; '.join(map(str, differing))}",
            AutotrackWarning,
            stacklevel=3,
        )
    own = None if trusted else run_if_own(registry, wanted.name, version)
    summary = _summary(registry, wanted.name, version, like=own.summary if own else None)
    path = registry.path_in_store(wanted.name, version.version, version.path)
    verify(registry, wanted.name, version)
    kept = KeptFiles(registry.store, summary)
    return kept.load_file(path, trusted=trusted or own is not None, model_class=model_class)


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
    files = [
        Artifact(
            time=version.time,
            path=registry.path_in_store(name, version.version, file.path),
            kind="checkpoint" if file.path == version.path and version.weights == "best" else "model",
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
