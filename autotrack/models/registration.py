"""Makes the model of a run a version of a registered model."""

import hashlib
import os
import shutil
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import msgspec

from autotrack.errors import AutotrackError, AutotrackWarning, ModelRegistryError
from autotrack.escapes import printable
from autotrack.journal.records import AnyRecord, Artifact, Model, Notice, Registration
from autotrack.journal.run_folder import open_file
from autotrack.model_format.kept import model_loaders
from autotrack.model_names import checked_name
from autotrack.models.best_model import best_model
from autotrack.models.entries import Described, File, Registered
from autotrack.models.origin import origin_of
from autotrack.models.registry import VERSIONS, Registry, who
from autotrack.models.version_loading import verify
from autotrack.readers import edits
from autotrack.readers.kept_files import KeptFiles, Weights
from autotrack.readers.recorded_run import RecordedRun, load
from autotrack.redaction.record_redactor import redactor_of_this_process

_BLOCK_BYTES = 2**20


def store_of(run_folder: Path) -> Path:
    """Return the store that a run lies in: that of its experiment, also when the run is in the trash."""
    return run_folder.absolute().parent.parent


def fulfil(run: RecordedRun, request: Registration, *, registry: Registry | None = None) -> Registered:
    """Register the model of a run as somebody asked for in a record of the run; a second time, it changes nothing.

    The same files of the same run are one version, whoever asks: what is said of it in addition is added. Where files
    of that version are gone or damaged by now, they are there again afterwards.

    Raises `ModelRegistryError`, `ArtifactNotFoundError` if the run has no such model, and `OSError`.
    """
    registry = registry or Registry(store_of(run.folder))
    if not run.folder.absolute().is_relative_to(registry.store.absolute()):
        raise ModelRegistryError(f"{run.folder} lies in no store; its model cannot be registered")
    with registry.changing(request.name, creates=True) as (model, append):
        already = model.registered_as(request.id)
        if already is not None and already.version in model.versions and _is_whole(registry, request.name, already):
            _add_description(request, already, append)
            return already
        kept = KeptFiles(run.folder, run.summary)
        loaders = model_loaders()
        chosen = kept.model_file(request.weights, loaders)
        paths = kept.model_files(chosen, loaders)
        draft = _place(registry, request.name, f".draft-{os.getpid()}")
        try:
            files = [_linked(run, path, draft) for path in paths]
            same = next(
                (one for one in model.versions.values() if one.origin.run == run.id and one.files == files), None
            )
            if same is not None:
                if not _is_whole(registry, request.name, same):
                    place = draft.with_name(str(same.version))
                    place.unlink() if place.is_symlink() else shutil.rmtree(place, ignore_errors=True)
                    draft.rename(place)
                _add_description(request, same, append)
                return same
            number = _unused_number(registry, request.name, model.highest)
            draft.rename(draft.with_name(str(number)))
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        version = Registered(
            time=time(),
            by=who(),
            version=number,
            registration=request.id,
            path=chosen.path,
            files=files,
            origin=origin_of(run, registry.store, _folders_of(paths)),
            **_weights_of(run, chosen, request.weights),
            description=_clean(request.description),
            tags=_clean_tags(request.tags),
        )
        append(version)
        return version


def register(
    run: RecordedRun,
    name: str,
    *,
    weights: Weights = "last",
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> Registered:
    """Register the model of a run, and note that in the run: see `RecordedRun.register`."""
    checked_request(name, weights, description, tags)
    if run.status == "running":
        raise ModelRegistryError(f"run {run.name} is being recorded; call `register` of the run, or wait for its end")
    asked = [one for one in run.summary.registrations if (one.name, one.weights) == (name, weights)]
    request = Registration(
        time=time(),
        id=asked[0].id if asked else uuid4().hex,
        name=name,
        weights=weights,
        description=description,
        tags=dict(tags or {}),
    )
    if weights == "best":
        run, problem = with_best_model(run, partial(edits.note_made, run.folder))
        if problem:
            warnings.warn(problem, AutotrackWarning, stacklevel=3)
    version = fulfil(run, request)
    if not any(one.version for one in asked):
        known = {"id": request.id, "path": version.path, "version": version.version}
        edits.register(run.folder, msgspec.structs.replace(request, **known))
    return version


def with_best_model(run: RecordedRun, note: Callable[[list[AnyRecord]], None]) -> tuple[RecordedRun, str]:
    """Make a model of a run's best checkpoint; return the run with it, and why there is none, if there is none.

    `note` is given what is to be recorded in the run.
    """
    made = best_model(run)
    problem = next((one.message for one in made if isinstance(one, Notice)), "")
    if not made or problem in [one.message for one in run.summary.notices]:
        return run, problem
    note(made)
    return load(run.folder), problem


def checked_request(name: object, weights: object, description: object, tags: Mapping[str, object] | None) -> None:
    """Raise `ModelRegistryError` for what cannot be asked for."""
    try:
        checked_name(name)
    except ValueError as error:
        raise ModelRegistryError(f"the model cannot be registered as {name!r:.100}: {error}") from None
    if weights not in ("best", "last"):
        raise ModelRegistryError(f"the weights are {weights!r:.100}; expected 'best' or 'last'")
    if tags is not None and not isinstance(tags, Mapping):
        raise ModelRegistryError(f"the tags are {tags!r:.100}; expected names and texts, as in {{'why': 'paper'}}")
    texts = [description, *(text for pair in (tags or {}).items() for text in pair)]
    if not all(isinstance(text, str) for text in texts):
        raise ModelRegistryError("descriptions and tags are texts, as in {'why': 'paper'}")


def _is_whole(registry: Registry, name: str, version: Registered) -> bool:
    try:
        verify(registry, name, version)
    except (AutotrackError, OSError):
        return False
    return True


def _place(registry: Registry, name: str, folder: str) -> Path:
    """Return a new folder for files of a version."""
    versions = registry.store / "models" / name / VERSIONS
    if versions.is_symlink():
        raise ModelRegistryError(f"{versions} is a link; nothing is written there")
    place = versions / folder
    shutil.rmtree(place, ignore_errors=True)  # of a process that was killed
    place.mkdir(parents=True)
    return place


def _unused_number(registry: Registry, name: str, highest: int) -> int:
    number = highest + 1
    while os.path.lexists(registry.store / registry.path_in_store(name, number)):  # of a process that was killed
        number += 1
    return number


def _linked(run: RecordedRun, path: str, draft: Path) -> File:
    """Put a file of the run into the folder of the version; it has to be what the run has recorded."""
    target = draft / path
    digest = hashlib.sha256()
    with os.fdopen(open_file(run.folder, path), "rb") as source:  # which refuses a path that leads elsewhere
        target.parent.mkdir(parents=True, exist_ok=True)
        seen = os.fstat(source.fileno())
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
        with suppress(OSError):  # a file system without links
            os.link(run.folder / path, target, follow_symlinks=False)
        if not target.exists() or not os.path.samestat(target.lstat(), seen):
            target.unlink(missing_ok=True)
            source.seek(0)
            with target.open("xb") as copy:
                shutil.copyfileobj(source, copy, _BLOCK_BYTES)
    recorded = _recorded(run.summary.artifacts, path)
    if recorded is not None and recorded.sha256 not in (None, digest.hexdigest()):
        raise ModelRegistryError(
            printable(
                f"{run.folder / path} is not what the run has recorded: its checksum differs; it is not registered"
            )
        )
    return File(path=path, sha256=digest.hexdigest(), bytes=seen.st_size)


def _weights_of(run: RecordedRun, chosen: Artifact, wanted: str) -> dict[str, Any]:
    """Return which weights a file has. The model that training left need not have those of its last step."""
    about: Artifact | Model = chosen
    for model in run.summary.models:
        if chosen.path in [f"{model.path}/{name}" for name in model.files]:
            about, wanted = model, model.weights
    return {"weights": wanted, "epoch": about.epoch, "step": about.step, "saved_for": dict(about.metrics)}


def _recorded(artifacts: list[Artifact], path: str) -> Artifact | None:
    return next((one for one in artifacts if one.path == path), None)


def _add_description(request: Registration, version: Registered, append: Callable[..., None]) -> None:
    if request.description or request.tags:
        said = _clean(request.description) or None
        append(
            Described(time=time(), by=who(), version=version.version, description=said, tags=_clean_tags(request.tags))
        )


def _clean(text: str) -> str:
    return redactor_of_this_process().redact_text(text)[0] if text else ""


def _clean_tags(tags: Mapping[str, str]) -> dict[str, str]:
    clean, _ = redactor_of_this_process().redact(dict(tags))
    return {str(name): str(value) for name, value in clean.items()}


def _folders_of(paths: list[str]) -> list[str]:
    return list(dict.fromkeys(path.rpartition("/")[0] for path in paths))
