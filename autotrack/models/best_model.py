"""The model of a run with its best weights, as a folder that MLflow loads like that of the last ones.

It is made when somebody asks for it, of what is in the run folder: the module or architecture of the model that
training left, with the bytes of the checkpoint in it. Neither file is loaded, so no code of the training is executed.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from time import time

import msgspec

from autotrack.errors import ModelLoadError
from autotrack.journal.records import AnyRecord, Artifact, Model, Notice
from autotrack.journal.run_folder import (
    file_status,
    files_below,
    make_folders,
    read_bytes,
    replace_file,
    replacing_file,
)
from autotrack.journal.summary import Summary
from autotrack.model_format.described import described_in
from autotrack.model_format.kept import (
    KeptModel,
    ModelLoader,
    WeightsReplacer,
    loader_of,
    model_loaders,
    with_its_name,
)
from autotrack.model_format.kept_code import FOLDER as CODE
from autotrack.model_format.mlmodel import NAME as MLMODEL
from autotrack.model_format.mlmodel import mlmodel
from autotrack.model_format.verified import copy_verified, private_folder
from autotrack.readers.kept_files import BEST_MODEL, KeptFiles
from autotrack.readers.recorded_run import RecordedRun

_MOST_BYTES = 2**24
_BLOCK_BYTES = 2**20


def best_model(run: RecordedRun) -> list[AnyRecord]:
    """Make the folder `best_model` of a run, unless it is there; return what is to be recorded of it in the run.

    Where it cannot be made, that is a notice that says why, and the checkpoint is what there is of the best weights.

    Raises `ArtifactNotFoundError` if the run has no best checkpoint, and `OSError`.
    """
    loaders, summary = model_loaders(), run.summary
    kept = KeptFiles(run.folder, summary)
    chosen = kept.model_file("best", loaders)
    if PurePosixPath(chosen.path).is_relative_to(BEST_MODEL):
        return []
    for model in sorted(summary.models, key=lambda one: len(PurePosixPath(one.path).parts)):
        final = _whole(model, summary, loaders)
        replacer = loader_of(final.path, loaders) if final is not None else None
        if final is not None and isinstance(replacer, WeightsReplacer):
            break
    else:
        return [_notice("the run has kept no whole model that they can be put into")]
    try:
        return list(_made(run, model, final, chosen, replacer))
    except ModelLoadError as fault:
        return [_notice(str(fault))]


def _made(
    run: RecordedRun, model: Model, final: Artifact, chosen: Artifact, replacer: WeightsReplacer
) -> Iterator[AnyRecord]:
    folder, own = run.folder, PurePosixPath(final.path).relative_to(model.path).as_posix()
    best = msgspec.structs.replace(
        model, time=time(), path=BEST_MODEL, weights="best",
        step=chosen.step, epoch=chosen.epoch, metrics=dict(chosen.metrics),
    )  # fmt: skip
    about = {
        "roles": ["best"], "metrics": best.metrics, "step": best.step, "epoch": best.epoch, "source": chosen.path,
    }  # fmt: skip
    others = [f"{one.path}/" for one in run.summary.models if one.path != model.path]
    saved = {one.path for one in run.summary.artifacts if one.roles}  # by the script, in a folder called like ours
    inner = [
        path.removeprefix(f"{model.path}/")
        for path in files_below(folder, model.path)
        if path not in saved and not path.startswith(tuple(others))
    ]
    with private_folder() as place:
        for part in ("model", "checkpoint", "made"):
            (place / part).mkdir()
        before = copy_verified(folder, final.path, place / "model", sha256=final.sha256)
        weights = copy_verified(folder, chosen.path, place / "checkpoint", sha256=chosen.sha256)
        given = KeptModel(weights, folder / chosen.path)
        made = place / "made" / before.name
        with_its_name(given, "put into the model", lambda: replacer.replace_weights(given, before, made))
        yield _put(folder, own, made, **about)
    for name in inner:
        if name not in (own, MLMODEL):
            yield _copied(folder, f"{model.path}/{name}", name)
    content = mlmodel(
        best,
        run.summary,
        described_in(folder, f"{model.path}/{model.described_in or ''}"),
        python=run.summary.python,
        size_bytes=sum(file_status(folder, f"{BEST_MODEL}/{name}").st_size for name in best.files),
        code=CODE if any(name.startswith(f"{CODE}/") for name in inner) else None,
    )
    replace_file(folder, f"{BEST_MODEL}/{MLMODEL}", content)  # the last one: whoever finds it finds the others
    yield _record(MLMODEL, len(content), sha256(content).hexdigest())
    yield best


def _notice(why: str) -> Notice:
    return Notice(time=time(), about="model", message=f"the best weights are not a model of MLflow's: {why}")


def _whole(model: Model, summary: Summary, loaders: list[ModelLoader]) -> Artifact | None:
    """Return the file of a model that weights can be put into, if its folder is a model of MLflow's."""
    recorded = {one.path: one for one in summary.artifacts}
    if model.path == BEST_MODEL or f"{model.path}/{MLMODEL}" not in recorded:
        return None
    paths = [f"{model.path}/{name}" for name in model.files]
    return next((recorded[path] for path in paths if path in recorded and loader_of(path, loaders)), None)


def _put(folder: Path, name: str, made: Path, **about: object) -> Artifact:
    make_folders(folder, f"{BEST_MODEL}/{name}")
    digest, size = sha256(), 0
    with made.open("rb") as content, replacing_file(folder, f"{BEST_MODEL}/{name}") as file:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            file.write(block)
    return _record(name, size, digest.hexdigest(), **about)


def _copied(folder: Path, source: str, name: str) -> Artifact:
    make_folders(folder, f"{BEST_MODEL}/{name}")
    content = read_bytes(folder, source, limit_bytes=_MOST_BYTES)
    replace_file(folder, f"{BEST_MODEL}/{name}", content)
    return _record(name, len(content), sha256(content).hexdigest())


def _record(name: str, size: int, digest: str, **about: object) -> Artifact:
    known: dict[str, object] = {"time": time(), "path": f"{BEST_MODEL}/{name}", "kind": "model", **about}
    return msgspec.convert({**known, "bytes": size, "sha256": digest, "record": "Artifact"}, Artifact)
