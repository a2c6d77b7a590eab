"""A run that starts in the objective of a search by Optuna knows its trial."""

from typing import Any

import pytest

import autotrack
from autotrack.training.search_trial import search_trial

optuna = pytest.importorskip("optuna")


def test_runs_of_trials_are_labelled_with_them() -> None:
    def objective(trial: Any) -> float:
        lr: float = trial.suggest_float("lr", 0.1, 1.0)
        with autotrack.start_run(to="runs", experiment="search") as run:
            run.log({"loss": lr})
        return lr

    study = optuna.create_study(study_name="rates")
    study.optimize(objective, n_trials=2)
    study.optimize(objective, n_trials=2, n_jobs=2)
    runs = sorted(autotrack.runs("runs"), key=lambda run: run.tags["trial"])
    assert [(run.tags["trial"], run.tags["study"]) for run in runs] == [(str(number), "rates") for number in range(4)]
    assert [run.params["lr"] for run in runs] == [trial.params["lr"] for trial in study.trials]
    assert search_trial() is None
