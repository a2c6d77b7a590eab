"""Modules that were kept beside a model can be imported while it is loaded, and only those that were recorded."""

import hashlib
import sys
from importlib import import_module
from pathlib import Path

import pytest

from autotrack.errors import ModelLoadError
from autotrack.journal.records import Artifact
from autotrack.model_format.kept_code import importable_code


def kept(folder: Path, name: str, text: str) -> Artifact:
    """Put a source file beside the model of a run."""
    path = folder / "model" / "code" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Artifact(time=0.0, path=f"model/code/{name}", kind="model", bytes=len(text), sha256=digest)


def test_recorded_modules_are_found_behind_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, target = tmp_path / "run", tmp_path / "private"
    target.mkdir()
    recorded = [kept(run, "nets_kept/__init__.py", "WIDTH = 3"), kept(run, "json.py", "raise SystemExit")]
    kept(run, "planted.py", "raise SystemExit")
    before = list(sys.path)
    monkeypatch.delitem(sys.modules, "json")
    with importable_code(run, "model", recorded, target):
        assert import_module("nets_kept").WIDTH == 3
        assert hasattr(import_module("json"), "loads")
        with pytest.raises(ImportError):
            import_module("planted")
    assert sys.path == before
    monkeypatch.delitem(sys.modules, "nets_kept")


def test_a_module_that_was_changed_since_is_not_imported(tmp_path: Path) -> None:
    recorded = [kept(tmp_path, "nets_kept.py", "WIDTH = 3")]
    (tmp_path / "model" / "code" / "nets_kept.py").write_text("raise SystemExit")
    (tmp_path / "private").mkdir()
    with pytest.raises(ModelLoadError, match="checksum differs"):
        importable_code(tmp_path, "model", recorded, tmp_path / "private").__enter__()
