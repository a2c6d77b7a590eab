"""The packages that a pickle needs are read off its instructions, none of which is executed."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autotrack.model_format.requirements import environment_files, modules_in, requirements


class Attack:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


def test_modules_are_named_and_nothing_is_executed(tmp_path: Path) -> None:
    for protocol in (2, 4, 5):
        found = modules_in("model.joblib", io.BytesIO(pickle.dumps([Attack(), zipfile.ZipFile], protocol=protocol)))
        assert {"pathlib", "zipfile"} <= found
    assert not (tmp_path / "executed").exists()


def test_a_file_of_skops_is_read_as_an_archive() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("schema.json", '{"__class__": "Ridge", "__module__": "sklearn.linear_model._ridge"}')
    assert modules_in("model.skops", content) == {"skops", "sklearn.linear_model._ridge"}


@given(st.binary(max_size=200), st.sampled_from(["model.joblib", "model.skops", "model.keras", "model.pth"]))
def test_damaged_files_are_no_harm(content: bytes, name: str) -> None:
    modules_in(name, io.BytesIO(content))
    modules_in(name, io.BytesIO(pickle.dumps(Attack())[: len(content)] + content))


def test_versions_are_those_of_the_training() -> None:
    lines = requirements({"numpy.linalg", "yaml", "autotrack.format", "no_such_module"}, {"NumPy": "9.9+cpu"})
    assert "numpy==9.9" in lines
    assert any(line.startswith("PyYAML==") for line in lines)
    assert not any("autotrack" in line for line in lines)
    assert b"python: '3.11.7'" in environment_files(lines, "3.11.7")["python_env.yaml"]
    assert not any("\n" in line for line in requirements({"yaml"}, {"PyYAML": "1\n-e evil"}))
