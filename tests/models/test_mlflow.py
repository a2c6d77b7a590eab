"""The folder of a kept model is a model of MLflow: the real one loads it, and it predicts the same bit by bit."""

from pathlib import Path

import pytest

from tests.models.thirty import TEN, all_names, problems, train


@pytest.mark.slow
@pytest.mark.usefixtures("everything")
def test_mlflow_loads_what_was_kept_and_predicts_the_same(tmp_path: Path) -> None:
    """Ten of the thirty models; `make models` loads all."""
    pytest.importorskip("mlflow")
    names = train(tmp_path, TEN)
    assert set(names) == set(TEN)
    assert problems(tmp_path, names) == dict.fromkeys(names)


def test_there_are_thirty_models() -> None:
    assert sum(map(len, all_names().values())) == 30
