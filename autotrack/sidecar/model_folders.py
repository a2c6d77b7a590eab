"""Completes the folders of kept models with the rest of MLflow's format, without loading the models."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from time import time

from autotrack.journal import shared_files
from autotrack.journal.records import Artifact, Model
from autotrack.journal.run_folder import link_shared, make_folders, open_file, replace_file
from autotrack.model_format import tensors_for_mlflow
from autotrack.model_format.described import described_in
from autotrack.model_format.kept_code import FOLDER as CODE
from autotrack.model_format.mlmodel import NAME, mlmodel
from autotrack.model_format.requirements import environment_files, modules_in, python_version, requirements
from autotrack.model_format.tensors_for_mlflow import NAME as LOADER
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.model_code import code_of


def complete_model(model: Model, subject: Subject, versions: Mapping[str, str], *, shares: bool) -> list[Artifact]:
    """Write what the folder of a model lacks, and return the records of these files.

    Args:
        model: What the integration has recorded of the model.
        subject: The run, and the process that recorded it.
        versions: The packages of the training with their versions, as far as they are known.
        shares: Whether files that are the same for other models are kept once beside the runs, and linked.

    Raises `OSError`, such as `FileNotFoundError` if the model is gone.
    """
    folder, names = subject.folder, [f"{model.path}/{file}" for file in model.files]
    modules = {module for name in names for module in _modules_in(folder, name)}
    python = subject.started.python or python_version()
    environment = environment_files(requirements(modules | set(model.modules), versions), python)
    _put_environment(folder, model.path, environment, shares=shares)
    code = {f"{CODE}/{name}": content for name, content in code_of(modules, subject).items()}
    if any(options.get("loader_module") == LOADER for options in model.flavors.values()):
        code[f"{CODE}/{LOADER}.py"] = Path(tensors_for_mlflow.__file__).read_bytes()
    for name, content in code.items():
        make_folders(folder, f"{model.path}/{name}")
        replace_file(folder, f"{model.path}/{name}", content)
    content = mlmodel(
        model,
        subject.started,
        described_in(folder, f"{model.path}/{model.described_in or ''}"),
        python=python,
        size_bytes=sum(_size(folder, name) for name in names),
        code=CODE if code else None,
    )
    replace_file(folder, f"{model.path}/{NAME}", content)  # the last one: whoever finds it finds the others
    written = {**environment, **code, NAME: content}
    at = max(time(), model.time)  # the model may come from a host whose clock is ahead, and is described by now
    return [_record(f"{model.path}/{name}", content, at) for name, content in written.items()]


def _put_environment(folder: Path, path: str, files: Mapping[str, bytes], *, shares: bool) -> None:
    if not shares:
        for name, content in files.items():
            replace_file(folder, f"{path}/{name}", content)
        return
    digest = shared_files.publish(folder, {f"model/{name}": content for name, content in files.items()})
    for name in files:
        link_shared(folder, shared_files.shared_name(digest, f"model/{name}"), f"{path}/{name}")


def _record(path: str, content: bytes, at: float) -> Artifact:
    return Artifact(time=at, path=path, kind="model", bytes=len(content), sha256=sha256(content).hexdigest())


def _modules_in(folder: Path, name: str) -> set[str]:
    with open(open_file(folder, name), "rb") as file:  # noqa: PTH123  a descriptor
        return modules_in(name, file)


def _size(folder: Path, name: str) -> int:
    with open(open_file(folder, name), "rb") as file:  # noqa: PTH123  a descriptor
        return file.seek(0, 2)
