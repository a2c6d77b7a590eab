"""Registered models on a real server: versions, aliases and promotions arrive there, once, and through outages."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pytest
import requests
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.model_names import Reference
from autotrack.models import aliases
from autotrack.models.promotion import promote
from autotrack.models.registry import Registry
from autotrack.models.servers import send_models
from autotrack.sinks.owed import servers_with
from tests.support.chaos_proxy import ChaosProxy, Fault
from tests.support.servers import Server

pytestmark = pytest.mark.slow


def api(server: Server, path: str, **query: str) -> dict[str, object]:
    """Ask the server."""
    answer = requests.get(f"{server.url}/api/2.0/mlflow/{path}", params=query, timeout=60)
    answer.raise_for_status()
    return dict(answer.json())


def versions(server: Server, name: str) -> list[dict[str, object]]:
    """Return the versions that the server has, in the order of those here: runs are sent in any order."""
    found = api(server, "model-versions/search", filter=f"name = '{name}'").get("model_versions", [])
    return sorted(found, key=lambda one: tags_of(one)["autotrack.version"])  # type: ignore[call-overload, no-any-return]


def tags_of(version: dict[str, object]) -> dict[str, str]:
    """Return the tags of a version."""
    return {one["key"]: one["value"] for one in version["tags"]}  # type: ignore[attr-defined]


def train(store: Path, name: str, url: str | None = None, C: float = 1.0) -> autotrack.RecordedRun:  # noqa: N803
    """Train a classifier that ends as a version."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score

    X = np.random.default_rng(0).normal(size=(60, 4))  # noqa: N806
    autotrack.autolog(to=[str(store), *([url] if url else [])], experiment=name, register=name)
    try:
        with autotrack.start_run():
            model = LogisticRegression(C=C).fit(X[:40], X[:40, 0] > 0.3)
            accuracy_score(X[:, 0] > 0.3, model.predict(X))
    finally:
        autotrack.autolog(disable=True)
    return autotrack.runs(store)[0]


@pytest.fixture(params=["server", "team_server"], ids=["SQLite", "PostgreSQL"])
def any_server(request: pytest.FixtureRequest) -> Server:
    """A server on SQLite with files on disk, and one on PostgreSQL with object storage."""
    found: Server = request.getfixturevalue(request.param)
    return found


def test_versions_aliases_and_what_is_said_of_them_arrive_once(
    store: Path, any_server: Server, experiment: str
) -> None:
    server = any_server
    for C in (0.001, 10.0):  # noqa: N806
        train(store, experiment, C=C)
    registry = Registry(store)
    promote(registry, experiment, "best accuracy_score, if better than @champion")
    aliases.describe(registry, experiment, description="handwritten", tags={"team": "vision", "old": "1"})
    aliases.describe(registry, experiment, 1, description="the first", tags={"why": "paper"})
    for _ in range(2):
        outcomes = autotrack.sync(store, server.url)
        assert all(one.is_done for one in outcomes), outcomes
    first, second = versions(server, experiment)
    assert first["description"] == "the first"
    assert tags_of(first)["why"] == "paper"
    runs = {str(run.id): run for run in autotrack.runs(store)}
    tags = tags_of(second)
    assert tags["autotrack.run"] in runs
    assert "accuracy_score" in tags["autotrack.promoted.champion"]
    model = api(server, "registered-models/get", name=experiment)["registered_model"]
    assert model["description"] == "handwritten"  # type: ignore[index]
    assert [(one["alias"], one["version"]) for one in model["aliases"]] == [("champion", second["version"])]  # type: ignore[index]
    aliases.move_alias(registry, Reference(experiment, 1), "champion")
    aliases.describe(registry, experiment, removed=("old",))
    assert all(one.is_done for one in autotrack.sync(store, server.url))
    model = api(server, "registered-models/get", name=experiment)["registered_model"]
    assert [(one["alias"], one["version"]) for one in model["aliases"]] == [("champion", first["version"])]  # type: ignore[index]
    assert [one["key"] for one in model["tags"]] == ["team"]  # type: ignore[index]
    aliases.remove_alias(registry, experiment, "champion")
    assert all(one.is_done for one in autotrack.sync(store, server.url))
    assert not api(server, "registered-models/get", name=experiment)["registered_model"].get("aliases")  # type: ignore[attr-defined]


def test_a_version_is_registered_once_also_when_nothing_is_known_of_what_was_sent(
    store: Path, any_server: Server, experiment: str
) -> None:
    run, server = train(store, experiment), any_server
    for _ in range(2):
        assert all(one.is_done for one in autotrack.sync(store, server.url))
        for kept in [*run.folder.glob("remote/*.json"), *store.glob("models/*/remote/*.json")]:
            kept.unlink()
    assert len(versions(server, experiment)) == 1


def test_a_model_of_somebody_elses_run_becomes_no_version_on_a_server_by_itself(
    store: Path, server: Server, experiment: str
) -> None:
    run = train(store, experiment)
    journal = run.folder / "journal" / "main.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"host":"', b'"host":"elsewhere-'))
    said: list[str] = []
    assert all(one.is_done for one in autotrack.sync(store, server.url, on_problem=lambda _, text: said.append(text)))
    assert [text.split(":")[0] for text in said] == [f"not registered on servers as {experiment}"]
    assert versions(server, experiment) == []
    words = ["register", str(run.folder), experiment, "--to", server.url]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert len(versions(server, experiment)) == 1


def test_what_a_server_that_is_away_has_not_taken_stays_owed(store: Path, server: Server, experiment: str) -> None:
    train(store, experiment)
    registry = Registry(store)
    assert all(one.is_done for one in autotrack.sync(store, server.url))
    aliases.move_alias(registry, Reference(experiment, 1), "champion")
    server.kill()
    owed = send_models(registry, [experiment], server.url, patience=0.5)
    assert f"registered model {experiment}" in owed.broken_off
    assert servers_with(store / "models" / experiment) == [server.url]
    server.restart()
    assert not send_models(registry, [experiment], server.url, patience=60)
    model = api(server, "registered-models/get", name=experiment)["registered_model"]
    assert [one["alias"] for one in model["aliases"]] == ["champion"]  # type: ignore[index]


@pytest.mark.usefixtures("everything")
def test_a_training_that_is_sent_ends_as_a_version_that_mlflow_loads(
    store: Path, any_server: Server, experiment: str, run_script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = any_server
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    monkeypatch.setenv("AUTOTRACK_PROMOTE", "best accuracy_score")
    run_script(
        f"""
        from pathlib import Path
        from tests.sinks.rest.test_registry import train
        train(Path({str(store)!r}), {experiment!r}, {server.url!r})
        """
    )
    said = run_script(
        f"""
        import mlflow, numpy as np
        mlflow.set_tracking_uri({server.url!r})
        print(mlflow.pyfunc.load_model("models:/{experiment}@champion").predict(np.zeros((2, 4))).tolist())
        """
    )
    assert said.splitlines()[-1] == "[False, False]"
    assert [one["version"] for one in versions(server, experiment)] == ["1"]


def test_a_server_that_is_too_old_for_aliases_gets_stages(
    store: Path, server: Server, experiment: str, failing: Callable[..., ChaosProxy]
) -> None:
    train(store, experiment)
    registry, proxy = Registry(store), failing()
    proxy.refuses = lambda _, path, __: 404 if "registered-models/alias" in path else None
    assert all(one.is_done for one in autotrack.sync(store, proxy.url))
    aliases.move_alias(registry, Reference(experiment, 1), "champion")
    assert not send_models(registry, [experiment], proxy.url, patience=60)
    assert [one["current_stage"] for one in versions(server, experiment)] == ["Production"]
    aliases.remove_alias(registry, experiment, "champion")
    assert not send_models(registry, [experiment], proxy.url, patience=60)
    assert [one["current_stage"] for one in versions(server, experiment)] == ["None"]
    aliases.move_alias(registry, Reference(experiment, 1), "other")
    owed = send_models(registry, [experiment], proxy.url, patience=60)
    assert "too old for aliases" in owed.refused[f"alias other of {experiment}"]


def test_what_gets_lost_on_the_way_is_registered_once(
    store: Path, any_server: Server, experiment: str, failing: Callable[..., ChaosProxy]
) -> None:
    server = any_server
    train(store, experiment)
    aliases.move_alias(Registry(store), Reference(experiment, 1), "champion")
    proxy = failing(lambda number: Fault.DROP_AFTER if number % 3 == 0 else None, url=server.url)
    assert all(one.is_done for one in autotrack.sync(store, proxy.url))
    assert len(versions(server, experiment)) == 1
    model = api(server, "registered-models/get", name=experiment)["registered_model"]
    assert [one["alias"] for one in model["aliases"]] == ["champion"]  # type: ignore[index]


def test_a_model_is_sent_by_one_process_at_a_time(store: Path, server: Server, experiment: str) -> None:
    from autotrack.sinks.rest.cursor import CursorFile

    train(store, experiment)
    registry = Registry(store)
    file = CursorFile(store / "models" / experiment, server.url)
    file.lock()
    try:
        owed = send_models(registry, [experiment], server.url, patience=5)
        assert "another process" in owed.broken_off
    finally:
        file.unlock()


@pytest.mark.parametrize("has_logged_models", [True, False], ids=["MLflow 3", "MLflow 2"])
@pytest.mark.parametrize("change", ["tampered", "linked"])
def test_a_model_that_somebody_has_changed_is_not_sent_and_becomes_no_version(
    store: Path,
    server: Server,
    failing: Callable[..., ChaosProxy],
    experiment: str,
    change: str,
    *,
    has_logged_models: bool,
) -> None:
    proxy = failing()
    if not has_logged_models:
        proxy.refuses = lambda _, path, __: 404 if "logged-models" in path else None
    run = train(store, experiment)
    (file,) = run.folder.glob("model/*.joblib")
    if change == "tampered":
        file.write_bytes(b"something else")
    else:
        outside = Path(file.rename(store.parent / "outside.joblib"))
        file.symlink_to(outside)
    (outcome,) = autotrack.sync(store, proxy.url)
    assert not outcome.is_done
    reason = "checksum differs" if change == "tampered" else "is a link"
    said = [*map(str, outcome.sent.values()), *(text for owed in outcome.owed.values() for text in owed.sentences())]
    assert any(reason in text for text in said), said
    client = mlflow.MlflowClient(server.url)
    assert not client.search_model_versions(f"name = '{experiment}'")
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    (sent,) = client.search_runs([found.experiment_id])
    names = [one.path for one in client.list_artifacts(sent.info.run_id, "model")]
    assert f"model/{file.name}" not in names, names
