"""However `fit` is called, recorded params are those in force, and recorded metrics those of Keras's history."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autotrack
from tests.autotrack_keras.conftest import X, Y, all_runs, epochs_of, make_model

NAMES = ("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data", "shuffle")
"""The first arguments of `fit`, in their order: what may be positional."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """A data set that makes its batches itself."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.asked = 0

    def __len__(self) -> int:
        return math.ceil(len(X) / self.size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.asked += 1
        part = slice(index * self.size, (index + 1) * self.size)
        return X[part], Y[part]


def generate(size: int) -> Iterator[tuple[Any, Any]]:
    while True:
        yield X[:size], Y[:size]


def data_of(kind: str, size: int) -> tuple[Any, Any]:
    match kind:
        case "numpy":
            return X, Y
        case "pandas":
            return pd.DataFrame(X, columns=list("abc")), pd.Series(Y)
        case "tensor":
            return torch.from_numpy(X), torch.from_numpy(Y)
        case "loader":
            pairs = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
            return torch.utils.data.DataLoader(pairs, batch_size=size), None
        case "dataset":
            return Batches(size), None
    return generate(size), None


@st.composite
def calls(draw: Any) -> dict[str, Any]:
    """A call of `fit`: the kind of data, all arguments, and how many of them are positional."""
    kind = draw(st.sampled_from(["numpy", "pandas", "tensor", "loader", "dataset", "generator"]))
    in_memory = kind in ("numpy", "pandas", "tensor")
    size = draw(st.sampled_from([7, 16, 40]))
    given: dict[str, Any] = {
        "batch_size": draw(st.sampled_from([size, None])) if in_memory else None,
        "epochs": draw(st.integers(1, 3)),
        "verbose": 0,
        "callbacks": draw(st.sampled_from([None, []])),
        "validation_split": draw(st.sampled_from([0.0, 0.25])) if in_memory and kind != "pandas" else 0.0,
        "validation_data": draw(st.sampled_from([None, (X[:10], Y[:10])])),
        "shuffle": draw(st.booleans()) if in_memory else False,
    }
    later = {
        "initial_epoch": draw(st.integers(0, 1)) if given["epochs"] > 1 else 0,
        "validation_freq": draw(st.sampled_from([1, 2])),
        "steps_per_epoch": 3 if kind == "generator" else draw(st.sampled_from([None, 2])) if in_memory else None,
        "class_weight": draw(st.sampled_from([None, {0: 1.0, 1: 2.0}])) if kind == "numpy" else None,
    }
    return {"kind": kind, "size": size, "given": given, "later": later, "positional": draw(st.integers(0, 9))}


@given(calls())
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_params_are_those_in_force_and_metrics_those_of_the_history(call: dict[str, Any]) -> None:
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    known = {run.id for run in all_runs()}
    x, y = data_of(call["kind"], call["size"])
    given, later = call["given"], call["later"]
    if later["class_weight"]:
        y = np.arange(len(X)) % 2
    if later["steps_per_epoch"] and given["batch_size"]:
        later["steps_per_epoch"] = None  # the data would run out
    values = {"x": x, "y": y, **given}
    count = call["positional"]
    positional = [values[name] for name in NAMES[:count]]
    keywords = {name: values[name] for name in NAMES[count:]} | later
    history = make_model().fit(*positional, **keywords)

    (run,) = (run for run in all_runs() if run.id not in known)
    params = run.params_by_source["fit"]
    for name in ("epochs", "shuffle"):
        assert params[name] == given[name]
    for name in ("initial_epoch", "validation_freq"):
        assert params[name] == later[name]
    split = 0.0 if given["validation_data"] is not None else given["validation_split"]
    assert params["validation_split"] == split
    trained = len(X) - int(len(X) * split)
    steps = later["steps_per_epoch"]
    in_memory = call["kind"] in ("numpy", "pandas", "tensor")
    expected = given["batch_size"] or (math.ceil(trained / steps) if steps else 32) if in_memory else call["size"]
    assert params["batch_size"] == expected
    assert params["steps_per_epoch"] == (steps or math.ceil(trained / expected)) == history.params["steps"]
    if later["class_weight"]:
        assert (params["class_weight.0"], params["class_weight.1"]) == (1.0, 2.0)
    for name, measured in history.history.items():
        assert epochs_of(run, name) == measured
        assert {point.stage for point in run.history(name)} == {"validate" if name.startswith("val_") else "train"}
    assert [point.epoch for point in run.history("loss")] == history.epoch
    assert set(history.history) <= set(run.metrics)


@pytest.mark.usefixtures("autolog")
def test_positional_batch_size_and_epochs_are_recorded(model: Any, recorded: Any) -> None:
    model.fit(X, Y, 16, 3, 0)
    params = recorded().params
    assert (params["batch_size"], params["epochs"], params["steps_per_epoch"]) == (16, 3, 3)


@pytest.mark.usefixtures("autolog")
def test_a_data_set_and_a_generator_are_asked_for_nothing_more_than_without(runs: Any) -> None:
    def asked(size: int) -> int:
        batches = Batches(size)
        make_model().fit(batches, epochs=2, verbose=0)
        return batches.asked

    taken = 0

    def counting() -> Iterator[tuple[Any, Any]]:
        nonlocal taken
        for batch in generate(8):
            taken += 1
            yield batch

    recorded = asked(10)
    make_model().fit(counting(), steps_per_epoch=3, epochs=2, verbose=0)
    taken_recorded, taken = taken, 0
    autotrack.autolog(disable=True)
    assert asked(10) == recorded
    make_model().fit(counting(), steps_per_epoch=3, epochs=2, verbose=0)
    assert taken == taken_recorded
    assert [run.params["batch_size"] for run in runs()] == [10, 8]


@pytest.mark.usefixtures("autolog")
def test_max_epochs_of_the_configuration_is_what_counts(model: Any, recorded: Any) -> None:
    if not hasattr(keras.config, "set_max_epochs"):
        pytest.skip("this version of Keras has no limit of epochs")
    keras.config.set_max_epochs(1)
    try:
        model.fit(X, Y, epochs=5, verbose=0)
    finally:
        keras.config.set_max_epochs(None)
    assert recorded().params["epochs"] == 1


@pytest.mark.usefixtures("autolog")
def test_sample_weights_are_recorded_by_their_shape(model: Any, recorded: Any) -> None:
    model.fit(X, Y, sample_weight=np.ones(40), verbose=0)
    assert recorded().params["sample_weight_shape"] == [40]
