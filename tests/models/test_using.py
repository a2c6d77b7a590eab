"""Trying and serving registered models: data of the wrong kind are refused before anything is loaded."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli import completion
from autotrack.cli.app import app
from autotrack.errors import (
    AutotrackWarning,
    MissingLibraryError,
    ModelInputError,
    RunNotFoundError,
    UntrustedModelError,
)
from autotrack.models import environment_check, serving
from autotrack.models.entries import Origin
from autotrack.models.input_check import in_order, problems
from autotrack.models.predicting import predictions, read_data
from autotrack.models.registry import Registry
from autotrack.readers.recorded_run import RecordedRun

DATA = np.random.default_rng(0).normal(size=(3, 4))


@pytest.fixture
def store(runs: list[RecordedRun], tmp_path: Path) -> Path:
    """A store with one registered model."""
    runs[2].register("digits")
    return tmp_path / "runs"


def test_a_model_predicts_from_csv_json_and_npy(store: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", DATA)
    np.savetxt(tmp_path / "data.csv", DATA, delimiter=",")
    (tmp_path / "rows.json").write_text(json.dumps(DATA.tolist()))
    (tmp_path / "data.json").write_text(json.dumps({"inputs": DATA.tolist()}))
    model = autotrack.load_model("models:/digits", trusted=True, store=store)
    expected = model.predict(DATA).tolist()
    for name in ("data.npy", "data.csv", "rows.json", "data.json"):
        assert predictions(model, read_data(tmp_path / name)) == expected
    pd.DataFrame({"a": [1], "b": ["x"]}).to_csv(tmp_path / "table.csv", index=False)
    assert list(read_data(tmp_path / "table.csv").columns) == ["a", "b"]
    pd.DataFrame(DATA).to_csv(tmp_path / "counted.csv", index=False)  # its header is 0,1,2,3
    assert predictions(model, read_data(tmp_path / "counted.csv")) == expected
    with pytest.raises(ModelInputError, match="cannot predict from these data: ValueError: Input X contains NaN"):
        predictions(model, np.full((1, 4), np.nan))
    for name, content in (("bad.json", "{"), ("bad.npy", "no"), ("bad.txt", ""), ("pickled.npy", "\x80")):
        (tmp_path / name).write_text(content)
        with pytest.raises(ModelInputError):
            read_data(tmp_path / name)


def test_data_that_the_model_was_not_trained_on_are_refused_on_demand(store: Path) -> None:
    autotrack.load_model("models:/digits", trusted=True, store=store, inputs=DATA)
    for data, reason in (
        (DATA[:, :3], r"\(3, 3\), expected \(any, 4\)"),
        (np.full((2, 4), "x"), "text, expected float"),
    ):
        with pytest.raises(ModelInputError, match=reason):
            autotrack.load_model("models:/digits", trusted=True, store=store, inputs=data)


def test_the_model_of_a_run_is_checked_as_a_registered_one_is(
    runs: list[RecordedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs[2]
    assert run.load_model(trusted=True, inputs=DATA).predict(DATA).shape == (3,)
    for model in (run, run.folder, run.folder / "model" / "model.joblib"):
        with pytest.raises(ModelInputError, match=r"\(3, 3\), expected \(any, 4\)"):
            autotrack.load_model(model, trusted=True, inputs=DATA[:, :3])
    monkeypatch.setattr(environment_check, "_installed", lambda _: "0.1")
    for load in (run.load_model, partial(autotrack.load_model, run)):
        with pytest.warns(AutotrackWarning, match=r"scikit-learn [\d.]+, now 0\.1") as told:
            load(trusted=True)
        assert told[0].filename == __file__


def test_a_run_predicts_from_data_that_it_was_trained_on_only(
    runs: list[RecordedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_TO", str(tmp_path / "runs"))
    for name, data in (("right", DATA), ("wrong", DATA[:, :3])):
        np.save(tmp_path / f"{name}.npy", data)
    words = ["predict", str(runs[2].folder), "--trusted"]
    said = CliRunner().invoke(app, [*words, str(tmp_path / "right.npy")])
    assert json.loads(said.output) == runs[2].load_model(trusted=True).predict(DATA).tolist()
    assert isinstance(CliRunner().invoke(app, [*words, str(tmp_path / "wrong.npy")]).exception, ModelInputError)


def test_a_module_predicts_from_named_inputs_and_in_the_types_that_it_takes() -> None:
    torch: Any = pytest.importorskip("torch")

    class Pair(torch.nn.Module):  # type: ignore[misc]
        def forward(self, left: Any, right: Any) -> dict[str, Any]:
            return {"sum": left + right}

    tensor = {"shape": [None], "dtype": "float32"}
    pair = {"takes": ["left", "right"], "inputs": {"left": tensor, "right": tensor}}
    data = {"left": np.array([1, 2]), "right": np.array([3, 4])}
    assert predictions(Pair(), data, pair) == {"sum": [4.0, 6.0]}
    assert predictions(Pair(), pd.DataFrame(data), pair) == {"sum": [4.0, 6.0]}
    words = {"takes": None, "inputs": {"shape": [None, 2], "dtype": "int64"}}
    assert np.shape(predictions(torch.nn.Embedding(10, 3), np.array([[1.0, 2.0]]), words)) == (1, 2, 3)


def test_columns_that_are_missing_unknown_or_of_another_type_are_named() -> None:
    schema = [{"type": "double", "name": "a"}, {"type": "string", "name": "b"}, {"type": "long", "name": "c"}]
    assert list(problems(schema, pd.DataFrame({"a": [1], "b": ["x"], "c": [2]}))) == []
    found = list(problems(schema, pd.DataFrame({"a": [0.5], "b": [0.5], "d": [1]})))
    assert found[0] == "columns are missing: 'c'"
    assert found[1] == "columns that the model does not know: 'd'"
    assert "'b' holds float, expected text" in found[2]


def test_columns_in_another_order_are_put_in_that_of_the_training() -> None:
    schema = [{"type": "double", "name": "b"}, {"type": "double", "name": "a"}]
    table = pd.DataFrame({"a": [1.0], "b": [2.0]})
    assert list(in_order(schema, table).columns) == ["b", "a"]
    assert in_order(schema, DATA) is DATA
    assert in_order(None, table) is table


def test_a_name_without_the_scheme_is_told_how_to_load_a_registered_model(store: Path) -> None:
    with pytest.raises(RunNotFoundError, match="'models:/digits/1'"):
        autotrack.load_model("digits/1", store=store)


def test_packages_that_differ_are_named_if_that_matters(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = Origin(run="r", name="n", experiment="e", folder="e/n", packages={"a": "1.4.2", "b": "2.0.1", "c": "1"})
    monkeypatch.setattr(environment_check, "_installed", {"a": "1.5.0", "b": "2.0.7"}.get)
    found = environment_check.differences(origin)
    assert [(one.package, one.matters) for one in found] == [("a", True), ("b", False), ("c", True)]
    monkeypatch.setattr(environment_check, "_installed", lambda _: "0.1")
    with pytest.warns(AutotrackWarning, match=r"scikit-learn [\d.]+, now 0\.1"):
        autotrack.load_model("models:/digits", trusted=True, store=store)


def test_serving_needs_mlflow_and_trust(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(store)
    version = registry.model("digits").versions[1]
    with pytest.raises(UntrustedModelError, match="--trusted"):
        serving.serve(registry, "digits", version, host="127.0.0.1", port=1, trusted=False)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingLibraryError, match="pip install mlflow"):
        serving.serve(registry, "digits", version, host="127.0.0.1", port=1, trusted=True)


def test_the_tab_key_completes_registered_models(store: Path) -> None:
    assert completion.completions(["models", "show", "--store", str(store)], "di") == ["digits", "digits/1"]
    assert completion.completions(["serve", "--store", str(store)], "digits/") == ["digits/1"]
    assert completion.completions(["register", "latest", "--store", str(store)], "d") == ["digits"]
    assert completion.completions(["models"], "pro") == ["promote"]
    assert completion.completions(["models"], "ex") == ["export"]
    assert completion.completions(["models", "export", "--store", str(store)], "digits/") == ["digits/1"]
