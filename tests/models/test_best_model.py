"""The best weights of a run are a model of MLflow's as well, made without executing anything of the training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.journal.records import Registration
from autotrack.models.registry import Registry
from autotrack.models.requests import fulfil_request
from autotrack.readers import edits
from autotrack.readers.recorded_run import RecordedRun

DATA = np.linspace(-1, 1, 40).reshape(10, 4).astype("float32")


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., RecordedRun]:
    """Trains a net that gets worse after it was saved."""
    torch: Any = pytest.importorskip("torch")

    def train(*, reset: bool = False) -> RecordedRun:
        autotrack.autolog(to=tmp_path / "runs", experiment="nets", frameworks="torch")
        try:
            with autotrack.start_run() as active:
                net, data = torch.nn.Linear(4, 1), torch.from_numpy(DATA)
                optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
                for _ in range(4):
                    optimizer.zero_grad()
                    net(data).pow(2).mean().backward()
                    optimizer.step()
                active.log({"val_loss": 0.5}, stage="validate")
                saved = torch.nn.Linear(2, 2) if reset else net
                torch.save(saved.state_dict(), tmp_path / "best.pt")
                kept = active.folder / "checkpoints" / "best.pt"
                active._record_artifact(kept, kind="checkpoint", roles=["best", "last"], metrics={"val_loss": 0.5})
                with torch.no_grad():
                    train.best = net(data).numpy()  # type: ignore[attr-defined]
                    net.weight += 1
        finally:
            autotrack.autolog(disable=True)
        return autotrack.load(active.folder)

    return train


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*type hint is inferred:UserWarning")  # MLflow's own
def test_mlflow_loads_what_is_registered_with_the_best_weights(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    run = trained()
    last, best = run.register("net"), run.register("net", weights="best")
    registry = Registry(tmp_path / "runs")
    folders = [(tmp_path / "runs" / registry.path_in_store("net", one.version, one.path)).parent.parent
               for one in (last, best)]  # fmt: skip
    models = [mlflow.pyfunc.load_model(str(folder)) for folder in folders]
    about = [model.metadata.metadata["autotrack"]["weights"] for model in models]
    assert about == ["last", "best"]
    assert models[0].metadata.model_uuid != models[1].metadata.model_uuid
    assert models[0].metadata.signature == models[1].metadata.signature is not None
    assert (models[1].predict(DATA) == trained.best).all()
    assert not (models[0].predict(DATA) == trained.best).any()
    loaded = autotrack.load_model("models:/net/2", trusted=True, store=tmp_path / "runs")
    assert (loaded.weight == run.load_model("best", trusted=True).weight).all()
    again = autotrack.load(run.folder)
    assert again.register("net", weights="best").version == 2
    assert [model.path for model in again.summary.models] == ["model", "best_model"]
    assert again.load_model(trusted=True).weight is not None
    assert again.checkpoint("best").name == "best.pt"


def test_the_process_beside_training_makes_it_too(trained: Any, tmp_path: Path) -> None:
    run = trained()
    noted: list[Any] = []
    request = Registration(time=0, id="a", name="net", weights="best")

    def note(made: list[Any]) -> None:
        noted.extend(made)
        edits.note_made(run.folder, made)

    done = fulfil_request(run.folder, request, note=note)
    assert done.request is not None
    assert done.request.path.startswith("best_model/")
    assert noted[-1].weights == "best"


def test_where_it_cannot_be_made_the_checkpoint_is_registered_and_it_is_said_why(trained: Any) -> None:
    with pytest.warns(AutotrackWarning, match="other shapes or types"):
        version = trained(reset=True).register("net", weights="best")
    assert version.path == "checkpoints/best.pt"
