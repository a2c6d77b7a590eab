"""`autotrack.load_model`: a version of a registered model, the model of a run, or what is in a file of a run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotrack.errors import ModelLoadError, RunNotFoundError
from autotrack.model_format.kept import model_loaders
from autotrack.model_names import SCHEME
from autotrack.models import environment_check
from autotrack.models.input_check import check_inputs, schema_in
from autotrack.models.origin import packages_in
from autotrack.models.registry import Registry
from autotrack.models.version_loading import load_version
from autotrack.readers import catalog
from autotrack.readers.kept_files import KeptFiles, Weights
from autotrack.readers.recorded_run import RecordedRun, load


def load_model(
    model: RecordedRun | str | os.PathLike[str],
    *,
    weights: Weights = "last",
    trusted: bool = False,
    model_class: type | None = None,
    inputs: Any = None,
    store: str | os.PathLike[str] | None = None,
) -> Any:
    """Return a model that was kept, ready to predict.

    The checksums of its files are verified, and a warning says which packages differ from those of the training, as
    far as that matters.

    Args:
        model: A registered model: `models:/digits/3`, `models:/digits@champion`, or `models:/digits` for the latest
            version. Or a recorded run, the folder, name or id of one, or the path of a file in a run folder.
        weights: `"last"` for the model as training left it, `"best"` for the best checkpoint. A version has its own.
        trusted: Say True only if you trust whoever made the run. Pickled models, which is what scikit-learn's and
            PyTorch's mostly are, run whatever code their author wants, so they are not opened otherwise; except one
            that certainly comes from a training of yours on this machine.
        model_class: The class of a Lightning module, where it is not imported yet.
        inputs: Data that it is to predict from: they are compared with what it was trained on.
        store: The folder of runs in which names are looked for; by default the one in the settings.

    Raises:
        UntrustedModelError: Loading would run code out of the file, and `trusted` is False.
        ModelLoadError: The file is damaged, was changed since it was kept, or cannot be loaded on its own.
        ModelInputError: The `inputs` are not what the model was trained on.
        ModelNotFoundError: There is no such registered model, version or alias.
        ArtifactNotFoundError: The run has kept no such model.
        RunNotFoundError: There is no such run.
    """
    if isinstance(model, RecordedRun):
        return load_of_run(model, weights, trusted=trusted, model_class=model_class, inputs=inputs)
    if isinstance(model, str) and model.startswith(SCHEME):
        return load_version(
            model, store=catalog.store_path(store), trusted=trusted, model_class=model_class, inputs=inputs
        )
    path = Path(model).expanduser()
    around = _run_around(path)
    if around is not None:
        name = path.absolute().relative_to(around).as_posix()
        return _load_file(load(around), name, trusted=trusted, model_class=model_class, inputs=inputs)
    if isinstance(model, os.PathLike) and not path.exists():
        raise ModelLoadError(f"{path} does not exist; expected a run folder, or a file in one")
    try:
        run = catalog.load(model, store)
    except RunNotFoundError as error:
        name = str(model)
        if Registry(catalog.store_path(store)).exists(name.partition("@")[0].partition("/")[0]):
            advice = f"a registered model is loaded by {SCHEME + name!r}"
            raise RunNotFoundError(f"{error}; {advice}", reference=name) from None
        raise
    return load_of_run(run, weights, trusted=trusted, model_class=model_class, inputs=inputs)


def load_of_run(
    run: RecordedRun, weights: Weights, *, trusted: bool, model_class: type | None, inputs: Any = None
) -> Any:
    """Load the model of a run: see `load_model`."""
    folder = folder_of_run(run, weights)
    check_inputs(run.name, schema_in(run.folder, folder), inputs)
    environment_check.warn_of_differences(run.name, run.summary.python, _packages_of(run, folder))
    return KeptFiles(run.folder, run.summary).load_model(weights, trusted=trusted, model_class=model_class)


def _load_file(run: RecordedRun, name: str, *, trusted: bool, model_class: type | None, inputs: Any) -> Any:
    kept = KeptFiles(run.folder, run.summary)
    folder = kept.description_folder(name)
    check_inputs(run.name, schema_in(run.folder, folder), inputs)
    environment_check.warn_of_differences(run.name, run.summary.python, _packages_of(run, folder))
    return kept.load_file(name, trusted=trusted, model_class=model_class)


def folder_of_run(run: RecordedRun, weights: Weights) -> str | None:
    """Return the folder that describes the model of a run in MLflow's format; None if there is none.

    Raises `ArtifactNotFoundError` if the run has kept no such model.
    """
    kept = KeptFiles(run.folder, run.summary)
    return kept.description_folder(kept.model_file(weights, model_loaders()).path)


def _packages_of(run: RecordedRun, folder: str | None) -> Mapping[str, str]:
    packages = packages_in(run.folder, [folder]) if folder is not None else {}
    return packages or run.summary.frameworks


def _run_around(path: Path) -> Path | None:
    """Return the folder of the run that a file lies in; None for a run folder itself, and for what is in no run."""
    return next((folder for folder in path.absolute().parents if (folder / "journal" / "main.jsonl").is_file()), None)
