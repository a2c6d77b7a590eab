"""Finds the files that a run has kept: artifacts by their path, checkpoints and models by what they are."""

import difflib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from autotrack.errors import ArtifactNotFoundError, AutotrackError, ModelLoadError, UntrustedModelError
from autotrack.escapes import printable
from autotrack.format import some
from autotrack.journal.judging import main_metrics
from autotrack.journal.records import Artifact
from autotrack.journal.run_folder import file_status, files_below
from autotrack.journal.summary import Summary
from autotrack.model_format.described import described_in
from autotrack.model_format.kept import (
    INPUTS,
    KeptModel,
    ModelExporter,
    ModelLoader,
    WeightsReplacer,
    load_with,
    loader_of,
    model_loaders,
    with_its_name,
)
from autotrack.model_format.kept_code import importable_code
from autotrack.model_format.verified import copy_verified, private_folder
from autotrack.readers.trust import why_foreign

Weights = Literal["best", "last"]

BEST_MODEL = "best_model"
"""The folder for a model with the best weights, which is made of `model` and a checkpoint on demand."""

_ROLES = ("best", "last")
_KEPT = ("checkpoint", "model")
_DESCRIPTION = "MLmodel"


class KeptFiles:
    """The files of one run, by the artifacts that it has recorded.

    Args:
        folder: The run folder.
        summary: What the run has recorded.
    """

    def __init__(self, folder: Path, summary: Summary) -> None:
        self._folder = folder
        self._summary = summary
        self._artifacts = summary.artifacts

    def path(self, name: str) -> Path:
        """Return the path of a file or folder: see `RecordedRun.path`."""
        candidates = _named(self._artifacts, name)
        if len(candidates) > 1:
            raise ArtifactNotFoundError(
                f"run {self._summary.name} has several files called {name!r}: "
                f"{_listed(one.path for one in candidates)}; give one of them",
                reference=name,
            )
        try:
            return self._existing(candidates[0].path if candidates else name)  # or no artifact, such as output.log
        except FileNotFoundError:
            raise self._not_found(name, [artifact.path for artifact in self._artifacts]) from None

    def checkpoint(self, role: Weights) -> Path:
        """Return the path of a checkpoint: see `RecordedRun.checkpoint`."""
        return self._existing(self._in_role(role).path)

    def load_model(self, weights: Weights, *, trusted: bool, model_class: type | None) -> Any:
        """Load the model of the run: see `autotrack.load_model`."""
        loaders = model_loaders()
        chosen = self.model_file(weights, loaders)
        try:
            return self._load(chosen, loaders, trusted=trusted, model_class=model_class)
        except UntrustedModelError:
            if not self._having(weights) or self._in_role(weights) is chosen:
                raise
        # A checkpoint needs less trust than a whole model, where its class is known.
        return self._load(self._in_role(weights), loaders, trusted=trusted, model_class=model_class)

    def model_file(self, weights: Weights, loaders: list[ModelLoader]) -> Artifact:
        """Return the file that holds the model, as training left it or with the best weights.

        Raises `ArtifactNotFoundError`.
        """
        _check_role(weights)
        if weights == "last" and (final := self._final_model(loaders)) is not None:
            return final
        chosen = self._in_role(weights)
        return self._made_of(chosen, loaders) or chosen

    def model_files(self, chosen: Artifact, loaders: list[ModelLoader]) -> list[str]:
        """Return the paths of all files that belong to a model: its own, and those of the folder that describes it."""
        final = self._final_model(loaders) if not _is_in(chosen.path, [BEST_MODEL]) else None
        folders = {_folder_of_model(one.path, self._artifacts) for one in (chosen, final) if one is not None}
        described = [one.path for one in self._artifacts if one.kind == "model" and _is_in(one.path, folders)]
        own = [chosen.path, *([final.path] if final is not None else [])]
        return list(dict.fromkeys(inner for path in (*own, *described) for inner in files_below(self._folder, path)))

    def description_folder(self, path: str) -> str | None:
        """Return the folder that describes, in MLflow's format, the model in a file, or that its weights belong to."""
        final = self._final_model(model_loaders())
        paths = [path, *([final.path] if final is not None else [])]
        return next((found for one in paths if (found := _folder_of_model(one, self._artifacts)) is not None), None)

    def load_file(self, name: str, *, trusted: bool, model_class: type | None) -> Any:
        """Load the model in the file `name`, a path in the run folder: see `autotrack.load_model`."""
        return self._load(self._recorded(name), model_loaders(), trusted=trusted, model_class=model_class)

    def export_model(self, target: Path, *, to_format: str, trusted: bool, name: str | None = None) -> None:
        """Write the model of the run, or that in the file `name`, in another form: see `autotrack.models.export`."""
        loaders = model_loaders()
        chosen = self._final_model(loaders) if name is None else self._recorded(name)
        if chosen is None:
            raise self._not_found("model", [one.path for one in self._artifacts if one.kind in _KEPT])
        loader = loader_of(chosen.path, loaders)
        if not isinstance(loader, ModelExporter) or to_format not in loader.export_formats:
            raise ModelLoadError(
                f"{self._folder / chosen.path} cannot be exported as {to_format}: that is for modules of PyTorch"
            )
        with private_folder() as folder:
            path = copy_verified(self._folder, chosen.path, folder, sha256=chosen.sha256)
            trusted = trusted or self._is_own([chosen])
            described = described_in(self._folder, str(PurePosixPath(chosen.path).parent.parent / INPUTS))
            kept = KeptModel(path, self._folder / chosen.path, described=described, trusted=trusted)
            with self._code_of(chosen, folder) if trusted else nullcontext():
                with_its_name(kept, "exported", lambda: loader.export_model(kept, target, to_format=to_format))

    def _recorded(self, name: str) -> Artifact:
        self.path(name)
        chosen = next((one for one in self._artifacts if one.path == name), None)
        if chosen is None:
            raise ModelLoadError(
                f"{self._folder / name} is no file that the run has recorded, so nothing of it is loaded"
            )
        return chosen

    def _in_role(self, role: Weights) -> Artifact:
        """Return the newest file with a role; of several metrics, one saved for that which the run is judged by."""
        _check_role(role)
        having = self._having(role)
        if not having:
            raise self._not_found(f"checkpoints/{role}", [one.path for one in self._artifacts if one.kind in _KEPT])
        judged_by = main_metrics(self._summary)[:1]
        for_metric = [one for one in having if not one.metrics.keys().isdisjoint(judged_by)]
        return (for_metric or having)[-1]

    def _having(self, role: Weights) -> list[Artifact]:
        kept = [one for one in self._artifacts if one.kind in _KEPT and role in one.roles]
        return [one for one in kept if not _is_in(one.path, [BEST_MODEL])]

    def _made_of(self, checkpoint: Artifact, loaders: list[ModelLoader]) -> Artifact | None:
        """Return the model with the weights of a checkpoint, if it was made, and not of another one before."""
        for one in self._artifacts:
            of_it = (one.source, one.metrics, one.step) == (checkpoint.path, checkpoint.metrics, checkpoint.step)
            if of_it and _is_in(one.path, [BEST_MODEL]) and loader_of(one.path, loaders) is not None:
                return one
        return None

    def _final_model(self, loaders: list[ModelLoader]) -> Artifact | None:
        """Return the model that training left; of several fits in one run, that of the first."""
        models = [one for one in self._artifacts if one.kind == "model" and loader_of(one.path, loaders) is not None]
        models = [
            one for one in models if (not one.roles or "last" in one.roles) and not _is_in(one.path, [BEST_MODEL])
        ]
        return min(models, key=lambda one: len(PurePosixPath(one.path).parts), default=None)

    def _load(self, chosen: Artifact, loaders: list[ModelLoader], *, trusted: bool, model_class: type | None) -> Any:
        kept_at, final = self._folder / chosen.path, self._final_model(loaders)
        read = [chosen] if final is None else [chosen, final]
        trusted = trusted or (model_class is None and self._is_own(read))  # a class that is given needs none
        loader = loader_of(chosen.path, loaders)
        if loader is None:
            raise ModelLoadError(f"{kept_at} is not a file that an installed integration can load; open it yourself")
        self._existing(chosen.path)
        script = PurePosixPath(self._summary.entry_point or "").stem
        with private_folder() as folder:
            model_path = None
            if final is not None and final.path != chosen.path:
                (folder / "model").mkdir()
                model_path = copy_verified(self._folder, final.path, folder / "model", sha256=final.sha256)
            path = copy_verified(self._folder, chosen.path, folder, sha256=chosen.sha256)
            params = self._summary.params_by_source
            kept = KeptModel(path, kept_at, model_path, params, script, trusted=trusted, model_class=model_class)
            with self._code_of(final or chosen, folder) if trusted else nullcontext():
                return _load_or_make_whole(loader, kept, final, loaders)

    def _code_of(self, model: Artifact, folder: Path) -> AbstractContextManager[None]:
        """Let the modules be imported that were kept with a model."""
        around = _folder_of_model(model.path, self._artifacts)
        return importable_code(self._folder, around, self._artifacts, folder) if around else nullcontext()

    def _is_own(self, loaded: Sequence[Artifact]) -> bool:
        """Whether this user has certainly recorded these very files, so that what is pickled in them is their own."""
        recorded = all(one.sha256 is not None for one in loaded)  # each is verified before it is loaded
        return recorded and why_foreign(self._summary, self._folder, strictly=True) is None

    def _existing(self, name: str) -> Path:
        """Return the path of a file or folder of the run. Raises `FileNotFoundError` and `UnsafeFileError`."""
        try:
            file_status(self._folder, name)
        except IsADirectoryError:
            pass
        except NotADirectoryError as error:
            raise FileNotFoundError(str(error)) from error
        return self._folder / name

    def _not_found(self, name: str, there: Iterable[str]) -> AutotrackError:
        names = sorted(there)
        alike = difflib.get_close_matches(name, names, n=1)
        advice = f"did you mean {alike[0]!r}?" if alike else f"it has {_listed(names) or 'none'}"
        return ArtifactNotFoundError(
            printable(f"run {self._summary.name} has no file {name!r}; {advice}"), reference=name
        )


def _load_or_make_whole(
    loader: ModelLoader, kept: KeptModel, final: Artifact | None, loaders: list[ModelLoader]
) -> Any:
    """Load a file; where it is a checkpoint that does not do alone, load the whole model with its weights.

    That is so where the class of its module is in the script: the model has the class with it.
    """
    try:
        return load_with(loader, kept)
    except UntrustedModelError:
        raise
    except ModelLoadError:
        whole = loader_of(final.path, loaders) if final is not None else None
        if kept.model_path is None or whole is loader or kept.model_class or not kept.trusted:
            raise
        if not isinstance(whole, ModelLoader) or not isinstance(whole, WeightsReplacer):
            raise
        target = kept.path.with_name(f"whole-{kept.model_path.name}")
        whole.replace_weights(kept, kept.model_path, target)
        return load_with(whole, replace(kept, path=target, model_path=None))


def _folder_of_model(path: str, artifacts: Sequence[Artifact]) -> str | None:
    """Return the folder around a file of a model that describes it in MLflow's format; None if there is none."""
    described = {
        str(PurePosixPath(one.path).parent) for one in artifacts if PurePosixPath(one.path).name == _DESCRIPTION
    }
    return next((str(folder) for folder in PurePosixPath(path).parents if str(folder) in described), None)


def _is_in(path: str, folders: Iterable[str | None]) -> bool:
    return any(folder is not None and PurePosixPath(path).is_relative_to(folder) for folder in folders)


def _check_role(role: str) -> None:
    if role not in _ROLES:
        raise ValueError(f"the checkpoint is {role!r:.100}; expected 'best' or 'last'")


def _named(artifacts: Sequence[Artifact], name: str) -> list[Artifact]:
    """Return the artifacts with this path, or with this path but for the suffix, or with this folder and role."""
    path = PurePosixPath(name)
    exact = [one for one in artifacts if one.path == str(path)]
    bare = [one for one in artifacts if one.path.startswith(f"{path}.")]
    if all(one.kind == "model" for one in bare):
        bare = bare[:1]  # one model in several formats; the first needs the least trust
    in_role = [one for one in artifacts if path.name in one.roles and PurePosixPath(one.path).parent == path.parent]
    return exact or in_role or bare


def _listed(names: Iterable[str]) -> str:
    return some(list(names), 10)
