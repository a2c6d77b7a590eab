"""Completes the folders of kept models with the rest of MLflow's format, without loading the models."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any

from autotrack.journal import shared_files
from autotrack.journal.records import Artifact, Model, RunStarted
from autotrack.journal.run_folder import link_shared, open_file, read_bytes, replace_file
from autotrack.model_format.mlmodel import NAME, mlmodel
from autotrack.model_format.requirements import environment_files, modules_in, python_version, requirements

_MOST_DESCRIPTION_BYTES = 2**24
_MOST_READ_BYTES = 2**20


def complete_model(
    folder: Path, model: Model, started: RunStarted, versions: Mapping[str, str], *, shares: bool
) -> list[Artifact]:
    """Write what the folder of a model lacks, and return the records of these files.

    Args:
        folder: The run folder.
        model: What the integration has recorded of the model.
        started: The start of the run.
        versions: The packages of the training with their versions, as far as they are known.
        shares: Whether files that are the same for other models are kept once beside the runs, and linked.

    Raises `OSError`, such as `FileNotFoundError` if the model is gone.
    """
    names = [f"{model.path}/{file}" for file in model.files]
    modules = {module for name in names for module in modules_in(name, _beginning(folder, name))}
    python = python_version()
    environment = environment_files(requirements(modules | set(model.modules), versions), python)
    if shares:
        digest = shared_files.publish(folder, {f"model/{name}": content for name, content in environment.items()})
        for name in environment:
            link_shared(folder, shared_files.shared_name(digest, f"model/{name}"), f"{model.path}/{name}")
    else:
        for name, content in environment.items():
            replace_file(folder, f"{model.path}/{name}", content)
    size = sum(_size(folder, name) for name in names)
    content = mlmodel(model, started, _described(folder, model), python=python, size_bytes=size)
    replace_file(folder, f"{model.path}/{NAME}", content)  # the last one: whoever finds it finds the others
    return [
        Artifact(
            time=time(),
            path=f"{model.path}/{name}",
            kind="model",
            bytes=len(content),
            sha256=sha256(content).hexdigest(),
        )
        for name, content in {**environment, NAME: content}.items()
    ]


def _described(folder: Path, model: Model) -> Mapping[str, Any]:
    """Return what the integration has written of inputs and outputs; nothing if that cannot be read."""
    if model.described_in is None:
        return {}
    try:
        content = read_bytes(folder, f"{model.path}/{model.described_in}", limit_bytes=_MOST_DESCRIPTION_BYTES)
        described = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return {}
    return described if isinstance(described, dict) else {}


def _beginning(folder: Path, name: str) -> bytes:
    with open(open_file(folder, name), "rb") as file:  # noqa: PTH123  a descriptor
        # The list of files in an archive stands at its end.
        return file.read() if name.endswith(".skops") else file.read(_MOST_READ_BYTES)


def _size(folder: Path, name: str) -> int:
    with open(open_file(folder, name), "rb") as file:  # noqa: PTH123  a descriptor
        return file.seek(0, 2)
