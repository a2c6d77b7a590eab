"""A registry that somebody else has made or changed: a clear error, and nothing executed."""

import hashlib
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

import autotrack
from autotrack.errors import ModelLoadError, ModelNotFoundError, UnsafeFileError, UntrustedModelError
from autotrack.models.announcing import announce
from autotrack.models.entries import AliasMoved
from autotrack.models.registry import Registry
from autotrack.models.servers import follow_up
from autotrack.readers.recorded_run import RecordedRun
from autotrack.sinks.owed import servers_with
from tests.models.conftest import fit
from tests.support.traps import Trap


@pytest.fixture
def records(runs: list[RecordedRun], registry: Registry) -> Path:
    """The records of a model with one version."""
    runs[0].register("digits")
    return registry.store / "models" / "digits" / "records.jsonl"


def changed(records: Path, fields: Mapping[str, object]) -> None:
    """Change the entry of the version as somebody might who can write to the store."""
    entry = json.loads(records.read_text()) | fields
    records.write_text(f"{json.dumps(entry)}\n")


def test_a_file_that_was_tampered_with_or_cut_off_or_is_gone_is_not_loaded(records: Path, tmp_path: Path) -> None:
    file = next(records.parent.rglob("*.joblib"))
    content, sprung = file.read_bytes(), tmp_path / "sprung"
    for damaged in (pickle.dumps(Trap(sprung)), content[:-5], b""):
        file.unlink()  # it is a hard link
        file.write_bytes(damaged)
        with pytest.raises(ModelLoadError, match="checksum differs; nothing of it was loaded"):
            autotrack.load_model("models:/digits/1", trusted=True, store=tmp_path / "runs")
    file.unlink()
    with pytest.raises(ModelLoadError, match="is gone"):
        autotrack.load_model("models:/digits/1", trusted=True, store=tmp_path / "runs")
    assert not sprung.exists()


def test_links_out_of_the_store_are_not_followed(records: Path, registry: Registry, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    records.parent.rename(outside)
    records.parent.symlink_to(outside)
    assert registry.names() == []
    with pytest.raises((UnsafeFileError, ModelNotFoundError)):
        autotrack.load_model("models:/digits/1", trusted=True, store=tmp_path / "runs")
    with pytest.raises((UnsafeFileError, ModelNotFoundError)):
        registry.remove("digits")
    assert (outside / "records.jsonl").exists()
    records.parent.unlink()
    outside.rename(records.parent)
    (records.parent / "versions").rename(outside)
    (records.parent / "versions").symlink_to(outside)
    with pytest.raises(UnsafeFileError, match="is a link"):
        autotrack.load_model("models:/digits/1", trusted=True, store=tmp_path / "runs")
    with pytest.raises(UnsafeFileError, match="a link"):
        registry.delete_files("digits", 1)
    assert (outside / "1").is_dir()


def test_paths_in_an_entry_that_lead_elsewhere_are_not_opened(records: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    (tmp_path / "runs" / "trap.joblib").write_bytes(pickle.dumps(Trap(sprung)))
    for path in ("../../../../trap.joblib", str(tmp_path / "runs" / "trap.joblib"), "/etc/passwd"):
        changed(records, {"path": path, "files": [{"path": path, "sha256": "0" * 64, "bytes": 1}]})
        with pytest.raises(autotrack.AutotrackError):
            autotrack.load_model("models:/digits/1", trusted=True, store=tmp_path / "runs")
    assert not sprung.exists()


def test_nobody_is_told_of_a_file_elsewhere(records: Path, registry: Registry, tmp_path: Path) -> None:
    changed(records, {"path": "/etc/passwd"})
    move, told = AliasMoved(time=1.0, alias="champion", version=1), tmp_path / "told"
    with pytest.raises(autotrack.AutotrackError, match="cannot name a file"):
        announce(registry, "digits", move, f"touch {told}")
    assert not told.exists()


def test_a_pickle_of_somebody_else_is_opened_only_when_it_is_trusted(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs"
    assert records.exists()
    with pytest.raises(UntrustedModelError, match="trusted=True"):  # nothing is known of who recorded it
        autotrack.load_model("models:/digits/1", store=store)
    monkeypatch.delenv("AUTOTRACK_ENVIRONMENT")
    run = fit(tmp_path / "own", register="mine")
    autotrack.load_model("models:/mine", store=tmp_path / "own")
    journal = run.folder / "journal" / "main.jsonl"
    journal.chmod(0o666)
    with pytest.raises(UntrustedModelError):
        autotrack.load_model("models:/mine", store=tmp_path / "own")
    journal.chmod(0o644)
    autotrack.load_model("models:/mine", store=tmp_path / "own")
    trap = Registry(tmp_path / "own").store / "models" / "mine" / "records.jsonl"
    sprung, file = tmp_path / "sprung", next(trap.parent.rglob("*.joblib"))
    file.unlink()
    file.write_bytes(pickle.dumps(Trap(sprung)))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    entry = json.loads(trap.read_text())
    files = [{**one, "sha256": digest} if one["path"] == entry["path"] else one for one in entry["files"]]
    changed(trap, {"files": files})
    with pytest.raises(UntrustedModelError):  # the registry now vouches for it, but the run does not
        autotrack.load_model("models:/mine", store=tmp_path / "own")
    assert not sprung.exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes with names")
def test_records_that_are_no_file_and_lines_that_are_none_are_said_to_be_so(records: Path, registry: Registry) -> None:
    good = records.read_bytes()
    records.write_bytes(b"[" * 100_000 + b"\n" + b'{"record":"Registered","version":-3}\n\xff\xfe\n' + good)
    assert sorted(registry.model("digits").versions) == [1]
    assert registry.model("digits").unread == 3
    records.unlink()
    os.mkfifo(records)
    assert registry.names() == []
    with pytest.raises(UnsafeFileError):
        registry.model("digits")


def test_a_server_that_only_the_store_names_is_not_asked(records: Path, registry: Registry) -> None:
    place = records.parent / "remote"
    place.mkdir()
    (place / "evil.json").write_text('{"url": "http://127.0.0.1:9", "run_id": "digits"}')
    assert servers_with(records.parent) == ["http://127.0.0.1:9"]
    assert follow_up(registry, "digits", [], patience=0.1) == {}
    assert follow_up(registry, "digits", ["http://ann@127.0.0.1:9"], patience=0.1) != {}


def test_a_summary_that_was_swapped_vouches_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTRACK_ENVIRONMENT")
    run = fit(tmp_path / "own", register="mine")
    autotrack.load_model("models:/mine", store=tmp_path / "own")
    (run.folder / "run.json").chmod(0o666)
    with pytest.raises(UntrustedModelError):
        autotrack.load_model("models:/mine", store=tmp_path / "own")
    (run.folder / "run.json").chmod(0o644)
    added = run.folder / "journal" / "rank1.jsonl"
    added.touch(mode=0o622)
    added.chmod(0o622)
    with pytest.raises(UntrustedModelError):
        autotrack.load_model("models:/mine", store=tmp_path / "own")
