"""A kept estimator predicts as the fitted one, and nothing is unpickled for somebody who does not trust the run."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import autotrack
from autotrack.errors import ModelLoadError, UntrustedModelError
from tests.autotrack_sklearn.conftest import all_runs
from tests.support.foreign_runs import made_foreign

pytestmark = pytest.mark.usefixtures("autolog", "_with_checksums")


@pytest.fixture
def _with_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_SIDECAR", "off")  # then the end of the run adds them at once


def test_a_trusted_model_predicts_the_same(wine: Any) -> None:
    model = LogisticRegression(max_iter=50).fit(*wine)
    run = all_runs()[0]
    for loaded in (
        run.load_model(trusted=True),
        autotrack.load_model(run, trusted=True),
        autotrack.load_model(run.folder / "model" / "model.joblib", trusted=True),
    ):
        assert (loaded.predict_proba(wine[0]) == model.predict_proba(wine[0])).all()


def test_a_pickle_that_this_user_certainly_made_needs_no_trust(wine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTRACK_ENVIRONMENT")
    tree = DecisionTreeClassifier().fit(*wine)
    run = all_runs()[0]
    for loaded in (run.load_model(), autotrack.load_model(run.folder / "model" / "model.joblib")):
        assert (loaded.predict(wine[0]) == tree.predict(wine[0])).all()
    with pytest.raises(UntrustedModelError):
        made_foreign(run).load_model()


def test_a_pickle_that_would_run_code_is_not_opened(wine: Any, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "executed",)

    DecisionTreeClassifier().fit(*wine)
    run = all_runs()[0]
    with pytest.raises(UntrustedModelError, match="trusted=True"):
        made_foreign(run).load_model()
    path = run.folder / "model" / "model.joblib"
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(ModelLoadError, match="checksum differs"):  # nor if it is trusted, because it was exchanged
        run.load_model(trusted=True)
    assert not (tmp_path / "executed").exists()


def test_a_truncated_model_is_damaged_and_says_so(wine: Any) -> None:
    DecisionTreeClassifier().fit(*wine)
    run = all_runs()[0]
    path = run.folder / "model" / "model.joblib"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelLoadError, match="changed or damaged"):
        run.load_model(trusted=True)


def test_of_several_fits_in_one_run_the_first_is_its_model_and_the_others_have_paths(wine: Any) -> None:
    with autotrack.start_run() as active:
        tree = DecisionTreeClassifier().fit(*wine)
        KMeans(2, n_init=1).fit(wine[0])
    run = autotrack.load(active.folder)
    assert type(run.load_model(trusted=True)) is type(tree)
    assert type(autotrack.load_model(run.path("model/KMeans/model"), trusted=True)) is KMeans


def test_a_file_of_skops_needs_no_trust_for_what_it_knows(wine: Any, recorded: Callable[[], Any]) -> None:
    pytest.importorskip("skops.io")
    model = LogisticRegression(max_iter=50).fit(*wine)
    assert (recorded().load_model().coef_ == model.coef_).all()
    schema = json.loads((recorded().folder / "model" / "schema.json").read_text())
    assert schema["class"].endswith("LogisticRegression")
