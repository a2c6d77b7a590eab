"""What is derived from the journals when a run ends: any number of times, with the same result."""

import hashlib
import json
from pathlib import Path

import autotrack
from autotrack.journal import records
from autotrack.journal.records import Artifact
from autotrack.training import sidecar_client
from autotrack.training.start import resume_run


def recorded_run(store: Path) -> Path:
    """Make a finished run with one artifact; return its folder."""
    source = store / "weights.bin"
    source.write_bytes(b"weights")
    with autotrack.start_run("mine", to=store, experiment="digits") as run:
        run.log({"loss": 0.5}, step=0)
        run.log_artifact(source)
    return run.folder


def artifacts_in(journal: Path) -> list[Artifact]:
    found = [records.decode(line) for line in journal.read_bytes().splitlines()]
    return [record for record in found if isinstance(record, Artifact)]


def test_settling_again_gives_the_very_same_bytes(tmp_path: Path) -> None:
    folder = recorded_run(tmp_path)
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    sidecar_client.refresh_derived(folder)
    sidecar_client.refresh_derived(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    assert folder / "run.json" in first


def test_run_json_is_what_the_journals_say(tmp_path: Path) -> None:
    folder = recorded_run(tmp_path)
    before = (folder / "run.json").read_bytes()
    (folder / "run.json").unlink()
    sidecar_client.refresh_derived(folder)
    assert (folder / "run.json").read_bytes() == before
    said = json.loads(before)
    assert (said["status"], said["metrics"]["loss"]["last"]["value"]) == ("finished", 0.5)


def test_every_file_gets_its_checksum_once(tmp_path: Path) -> None:
    folder = recorded_run(tmp_path)
    sidecar_client.refresh_derived(folder)
    added = artifacts_in(folder / "journal" / "sidecar.jsonl")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert [(one.path, one.sha256, one.bytes) for one in added] == [("artifacts/weights.bin", digest, 7)]
    assert autotrack.load(folder).artifacts == added


def test_a_folder_and_a_vanished_file_get_no_checksum(tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a.txt").write_text("a")
    (tmp_path / "gone.txt").write_text("gone")
    with autotrack.start_run("mine", to=tmp_path, experiment="digits") as run:
        run.log_artifact(tmp_path / "plots")
        run.log_artifact(tmp_path / "gone.txt")
        (run.folder / "artifacts" / "gone.txt").unlink()
    assert [(one.path, one.sha256) for one in autotrack.load(run.folder).artifacts] == [
        ("artifacts/plots", None),
        ("artifacts/gone.txt", None),
    ]


def test_a_file_that_a_resumed_run_replaced_gets_a_new_checksum(tmp_path: Path) -> None:
    folder = recorded_run(tmp_path)
    with resume_run(folder) as run:
        (tmp_path / "weights.bin").write_bytes(b"better weights")
        run.log_artifact(tmp_path / "weights.bin", kind="model")
    artifact = autotrack.load(folder).artifacts[0]
    assert (artifact.kind, artifact.bytes) == ("model", 14)
    assert artifact.sha256 == hashlib.sha256(b"better weights").hexdigest()


def test_a_file_that_a_resumed_run_removed_stays_removed(tmp_path: Path) -> None:
    folder = recorded_run(tmp_path)
    with resume_run(folder) as run:
        (folder / "artifacts" / "weights.bin").unlink()
        run._record_artifact(folder / "artifacts" / "weights.bin", kind="output", removed=True)
    assert autotrack.load(folder).artifacts == []
