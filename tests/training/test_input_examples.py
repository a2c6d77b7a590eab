"""Beside a model lie a few rows of what it was trained with, unless a setting says no, and no secret."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.tree import DecisionTreeClassifier

import autotrack
from autotrack.redaction import Redactor
from autotrack.training.input_examples import files_of, rows_of


def fit(store: Path, frame: Any) -> Path:
    autotrack.autolog(to=str(store), frameworks="sklearn")
    model = DecisionTreeClassifier().fit(frame, [0, 1] * (len(frame) // 2))
    assert model.get_depth()
    (run,) = autotrack.runs(store)
    return run.folder / "model"


def test_the_example_is_one_that_mlflow_reads(store: Path) -> None:
    model = fit(store, pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "count": [5, 6, 7, 8]}))
    about = yaml.safe_load((model / "MLmodel").read_text())["saved_input_example_info"]
    assert about == {
        "artifact_path": "input_example.json",
        "serving_input_path": "serving_input_example.json",
        "type": "dataframe",
        "pandas_orient": "split",
    }
    example = json.loads((model / "input_example.json").read_text())
    assert example == {"columns": ["size", "count"], "data": [[1.0, 5], [2.0, 6], [3.0, 7]]}
    assert json.loads((model / "serving_input_example.json").read_text()) == {"dataframe_split": example}


def test_a_setting_leaves_it_out(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_INPUT_EXAMPLES", "off")
    model = fit(store, np.arange(8.0).reshape(4, 2))
    assert not (model / "input_example.json").exists()
    assert "saved_input_example_info" not in yaml.safe_load((model / "MLmodel").read_text())


def test_secrets_are_taken_out_by_the_names_of_columns() -> None:
    rows = rows_of(pd.DataFrame({"api_key": ["hunter2-hunter2", "b"], "text": ["as it is", "sk-" + "a1B2" * 12]}))
    made = files_of(rows, Redactor())
    assert made is not None
    written = b"".join(made[0].values())
    assert b"as it is" in written
    assert b"hunter2" not in written
    assert b"a1B2" not in written


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((3, 20_000)),
        [np.zeros(1)] * 1000,
        np.float64(3),
        object(),
        {"a": {"b": object()}},
        pd.DataFrame(np.zeros((2, 2000))),
        None,
    ],
)
def test_what_is_large_or_something_else_has_no_example(data: Any) -> None:
    assert rows_of(data) is None


def test_several_arrays_are_named_as_in_the_signature() -> None:
    made = files_of(rows_of({"pair": (np.zeros((9, 1)), np.ones((9, 1))), "mask": None}), Redactor())
    assert made is not None
    assert json.loads(made[0]["input_example.json"]) == {"pair.0": [[0.0]] * 3, "pair.1": [[1.0]] * 3}
    assert made[1]["type"] == "ndarray"
