"""Promotion by rule: only what was measured on the same data is compared, and each decision is said and recorded."""

import json
import sys
from pathlib import Path

import pytest

import autotrack
from autotrack.errors import ModelRegistryError, SettingsError
from autotrack.model_names import Reference
from autotrack.models import aliases
from autotrack.models.announcing import announce
from autotrack.models.entries import Announced
from autotrack.models.promotion import promote
from autotrack.models.registry import Registry
from autotrack.models.requests import fulfil_request
from autotrack.promotion_rule import parsed
from autotrack.readers.recorded_run import RecordedRun
from tests.models.conftest import fit

RULE = "best accuracy_score, if better than @champion on the same data"


def test_the_best_becomes_champion_and_a_worse_one_does_not(runs: list[RecordedRun], registry: Registry) -> None:
    for run in runs[:2]:
        run.register("digits")
    assert promote(registry, "digits", RULE).version is not None
    runs[2].register("digits")
    decision = promote(registry, "digits", RULE)
    assert (decision.version, decision.move and decision.move.before) == (3, 1)
    assert "accuracy_score" in decision.reason
    assert "on the same data" in decision.reason
    again = promote(registry, "digits", RULE)
    assert again.move is None
    assert "no version is better than @champion" in again.reason
    move = registry.model("digits").moves("champion")[-1]
    assert (move.rule, move.by != "") == (RULE, True)
    assert aliases.undo_move(registry, "digits", "champion").version == 1


def test_by_how_much_it_has_to_be_better_can_be_said(runs: list[RecordedRun], registry: Registry) -> None:
    for run in runs:
        run.register("digits")
    aliases.move_alias(registry, Reference("digits", 1), "live")
    refused = promote(registry, "digits", "best accuracy_score if better than @live by 0.9")
    assert refused.move is None
    assert "by 0.9" in refused.reason
    assert promote(registry, "digits", "best accuracy_score if better than @live by 0.01").version == 3


def test_what_was_measured_on_other_data_is_not_compared_and_that_is_said(store: Path) -> None:
    fit(store, register="digits", C=0.001)
    registry = Registry(store)
    promote(registry, "digits", RULE)
    with autotrack.start_run("by hand", to=store, experiment="digits", register="digits") as run:
        folder = run.folder / "model"
        folder.mkdir()
        (folder / "model.joblib").write_bytes(b"a model")
        run._record_artifact(folder / "model.joblib", kind="model")
        run.log({"accuracy_score": 1.0}, stage="test")
        run.log_dataset("test", [1, 2, 3])
    decision = promote(registry, "digits", RULE)
    assert decision.version is None
    assert "version 2 is not compared: accuracy_score was measured on other data (test" in decision.reason


def test_a_metric_whose_direction_or_value_is_unknown_promotes_nothing(
    runs: list[RecordedRun], registry: Registry
) -> None:
    runs[0].register("digits")
    with pytest.raises(ModelRegistryError, match="best min my_cost"):
        promote(registry, "digits", "best my_cost")
    assert "nothing is known of my_cost" in promote(registry, "digits", "best min my_cost").reason


@pytest.mark.parametrize(
    "text", ["", "val_acc", "best", "best a b", "best val_acc, if", "best x if better than champion"]
)
def test_a_rule_that_cannot_be_understood_is_refused(text: str, registry: Registry) -> None:
    with pytest.raises(ValueError, match="expected a rule"):
        parsed(text)
    with pytest.raises(SettingsError, match="promote"):
        autotrack.settings.resolve(promote=text or "nothing")


def test_a_training_promotes_by_the_rule_in_pyproject_and_tells_the_command_there(store: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    command = f"{sys.executable} -c \"import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))\" {told}"
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.autotrack]\nregister = 'digits'\npromote = '{RULE}'\non_promote = '''{command}'''\n"
    )
    fit(store, C=0.001)
    fit(store, C=10.0)
    fit(store, C=0.001)
    contents = [json.loads(line) for line in told.read_text().splitlines()]
    assert [(one["version"], one["alias"], one["before"]) for one in contents] == [
        (1, "champion", None),
        (2, "champion", 1),
    ]
    assert Path(contents[0]["file"]).is_file()
    history = Registry(store).model("digits").history
    assert [one.problem for one in history if isinstance(one, Announced)] == ["", ""]
    latest, promoted, _ = autotrack.runs(store)
    said = [notice.message for notice in latest.notices if notice.about == "promote"]
    assert "no version is better than @champion" in said[0]
    (request,) = promoted.summary.registrations
    again = fulfil_request(promoted.folder, request, note=lambda _: None, promote=RULE)
    assert again.problem == "", "it was promoted before"


def test_a_command_or_url_that_fails_is_recorded_and_takes_nothing_back(
    runs: list[RecordedRun], registry: Registry
) -> None:
    runs[0].register("digits")
    move = promote(registry, "digits", RULE).move
    assert move is not None
    for to, problem in (
        (f"{sys.executable} -c 'import sys; sys.exit(\"no room\")'", "it ended with 1: no room"),
        ("no-such-command", "it cannot be run"),
        ("http://ann:secret@127.0.0.1:9/hook", "it does not answer"),
    ):
        told = announce(registry, "digits", move, to)
        assert told.problem.startswith(problem)
        assert "secret" not in (registry.store / "models" / "digits" / "records.jsonl").read_text()
    assert registry.model("digits").aliases == {"champion": 1}
