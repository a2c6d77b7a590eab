"""A signature is what MLflow itself would say, and none where it would have to guess."""

import json
from typing import Any

import pytest

from autotrack.model_format.signature import signature_of

FLOATS = {"shape": [None, 3], "dtype": "float32"}


def inputs_of(described: Any) -> Any:
    signature = signature_of({"inputs": described})
    return signature and json.loads(signature["inputs"])


def test_the_columns_of_a_frame_have_mlflows_types() -> None:
    assert inputs_of({"columns": {"a": "int64", "b": "object", "c": "float32", "d": "bool"}}) == [
        {"type": "long", "name": "a"},
        {"type": "string", "name": "b"},
        {"type": "float", "name": "c"},
        {"type": "boolean", "name": "d"},
    ]


def test_tensors_have_an_unknown_number_of_rows() -> None:
    spec = {"dtype": "float32", "shape": [-1, 3]}
    assert inputs_of(FLOATS) == [{"type": "tensor", "tensor-spec": spec}]
    assert inputs_of({**FLOATS, "shape": [60, None, 3]})[0]["tensor-spec"]["shape"] == [-1, -1, 3]
    assert inputs_of({"left": FLOATS}) == [{"name": "left", "type": "tensor", "tensor-spec": spec}]
    assert [one["name"] for one in inputs_of([{**FLOATS, "name": "x"}, {**FLOATS, "name": "y"}])] == ["x", "y"]
    assert inputs_of({"shape": [None], "dtype": "<U7"})[0]["tensor-spec"]["dtype"] == "str"


@pytest.mark.parametrize(
    "described",
    [
        None,
        "text",
        {},
        {"kind": "builtins.list"},
        {"columns": {"day": "datetime64[ns]"}},
        {"columns": {"color": "category"}},
        {"shape": [None, 3], "dtype": "bfloat16"},
        {"shape": "many", "dtype": "float32"},
        {"shape": [None, True], "dtype": "float32"},
        [FLOATS, FLOATS],
        {"a": {"b": {"c": {"d": {"e": FLOATS}}}}},
    ],
)
def test_what_mlflow_has_no_word_for_has_no_signature(described: Any) -> None:
    assert signature_of({"inputs": described}) is None
    assert signature_of({}) is None
