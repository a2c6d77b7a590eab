"""An environment has the Python and the packages of a run, is kept for the next time, and is whole or not there."""

import json
import platform
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from autotrack.errors import ReproduceError
from autotrack.journal.summary import Summary
from autotrack.reproduce.environment import environment_for
from autotrack.reproduce.lock import Lock, read_lock

VERSION = platform.python_version()


def wheel(folder: Path, version: str = "1.0") -> Path:
    """Make a package of one module, which nobody has on an index."""
    path = folder / f"privately-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        about = f"privately-{version}.dist-info"
        archive.writestr("privately.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: privately\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


def locked(
    folder: Path, *distributions: dict[str, Any], python: str = VERSION, implementation: str = "CPython"
) -> Lock:
    """Return the lock of a run with these distributions."""
    (folder / "environment").mkdir(exist_ok=True)
    content = {"python": python, "implementation": implementation, "distributions": distributions}
    (folder / "environment" / "packages.json").write_text(json.dumps(content))
    return read_lock(folder, Summary(environment_files=["environment/packages.json"]))


def from_wheel(path: Path, digest: str | None = None) -> dict[str, Any]:
    hashes = {"sha256": digest or sha256(path.read_bytes()).hexdigest()}
    direct = {"url": path.as_uri(), "archive_info": {"hashes": hashes}}
    return {"name": "privately", "version": "1.0", "direct_url": direct}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "autotrack" / "environments"


@pytest.mark.slow
def test_what_was_installed_is_installed_again_once(tmp_path: Path, cache: Path) -> None:
    lock, said = locked(tmp_path, from_wheel(wheel(tmp_path))), list[str]()
    python = environment_for(lock, say=said.append)
    code = "import privately, autotrack, sys; print(privately.VERSION, autotrack.__file__, sys.prefix)"
    version, own, prefix = subprocess.check_output([str(python), "-c", code], text=True).split()
    assert (version, Path(prefix)) == ("1.0", python.parent.parent)
    assert Path(own).is_relative_to(cache)
    assert environment_for(lock, say=said.append) == python
    assert len(said) == 1


@pytest.mark.slow
def test_a_package_that_cannot_be_had_is_named_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    other = locked(tmp_path, from_wheel(wheel(tmp_path), digest="0" * 64))
    with pytest.raises(ReproduceError, match=r"the packages of the run cannot be installed: .*--here"):
        environment_for(other)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_another_implementation_of_python_is_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    usual = locked(tmp_path)
    pypy = locked(tmp_path, implementation="PyPy")
    assert pypy.digest != usual.digest
    with pytest.raises(ReproduceError, match=rf"used PyPy {VERSION}, and there is no PyPy"):
        environment_for(pypy)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


@pytest.mark.slow
def test_what_autotrack_comes_to_need_is_not_looked_for_in_an_older_environment(tmp_path: Path) -> None:
    lock, also = locked(tmp_path), f"privately @ {wheel(tmp_path).as_uri()}"
    without, with_it = environment_for(lock), environment_for(lock, also=[also])
    codes = [
        subprocess.run([str(python), "-c", "import privately"], capture_output=True, check=False).returncode
        for python in (without, with_it)
    ]
    assert codes == [1, 0]


def test_a_python_that_is_not_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReproduceError, match=r"used Python 3\.4\.1, and there is no Python 3\.4 here"):
        environment_for(locked(tmp_path, python="3.4.1"))
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "evil",
    [
        {"name": "--index-url=http://x", "version": "1.0"},
        {"name": "-r/etc/passwd", "version": "1.0"},
        {"name": "numpy", "version": "1.0\n--index-url http://x"},
        {"name": "numpy", "version": "1.0", "direct_url": {"url": "http://x y --pre", "archive_info": {}}},
    ],
)
def test_no_line_of_a_lock_is_an_option(tmp_path: Path, evil: dict[str, Any]) -> None:
    lines = locked(tmp_path, evil).requirements.splitlines()
    assert all(line.startswith(("numpy==", "numpy @ ")) and " -" not in line for line in lines)


def test_what_is_not_in_an_index_is_named(tmp_path: Path) -> None:
    folder = {"url": "file:///home/me/lab", "dir_info": {"editable": True}}
    lock = locked(
        tmp_path,
        {"name": "numpy", "version": "2.0.1"},
        {"name": "torch", "version": "2.6.0+cpu"},
        {"name": "lab", "version": "0.1", "direct_url": folder, "folder": "/home/me/lab"},
        {"name": "built", "version": "3", "direct_url": {"url": "file:///home/me/built", "dir_info": {}}},
        {"name": "autotrack-ml", "version": "0.1.0"},
    )
    assert lock.requirements == "numpy==2.0.1\ntorch==2.6.0\n"
    assert {name: str(place) for name, place in lock.in_place.items()} == {"lab": "/home/me/lab"}
    assert [one.what for one in lock.missing] == ["built 3"]
    again = locked(tmp_path, {"name": "torch", "version": "2.6.0+cpu"}, {"name": "numpy", "version": "2.0.1"})
    assert again.digest == lock.digest


@pytest.mark.parametrize("content", ["", "[]", '{"python": "3; rm -rf /", "distributions": []}'])
def test_a_lock_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment" / "packages.json").write_text(content)
    with pytest.raises(ReproduceError, match="--here"):
        read_lock(tmp_path, Summary(environment_files=["environment/packages.json"]))
    with pytest.raises(ReproduceError, match="not captured"):
        read_lock(tmp_path, Summary())
