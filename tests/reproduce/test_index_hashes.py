"""An index is asked for the checksums of packages by the installer that there is."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from autotrack.errors import ReproduceError
from autotrack.reproduce.index_hashes import asked_hashes
from tests.reproduce.test_environment import VERSION, wheel
from tests.support.repositories import put


@pytest.fixture(params=["pip", "uv"])
def index(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the only index, which is asked by pip or by uv."""
    if request.param == "uv":
        if shutil.which("uv") is None:
            pytest.skip("uv is not installed")
    else:
        folders = os.environ["PATH"].split(os.pathsep)
        without = [folder for folder in folders if not Path(folder, "uv").exists()]
        monkeypatch.setenv("PATH", os.pathsep.join(without))
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, (tmp_path / "simple").as_uri())
    return tmp_path


def publish(index: Path) -> str:
    """Put the package into an index, which gives its checksum; return that."""
    path = wheel(index)
    digest = sha256(path.read_bytes()).hexdigest()
    put(index, {"simple/privately/index.html": f'<a href="{path.as_uri()}#sha256={digest}">{path.name}</a>'})
    return digest


@pytest.mark.slow
def test_versions_that_are_pinned_are_asked_for_and_nothing_else(index: Path) -> None:
    digest = publish(index)
    found = asked_hashes(["./wheels/x.whl", "privately==1.0", "tool @ git+https://example.org/tool@1"], VERSION)
    assert found == {("privately", "1.0"): [digest]}
    assert asked_hashes(["./wheels/x.whl"], VERSION) == {}


@pytest.mark.slow
def test_what_the_index_does_not_have_is_named(index: Path) -> None:
    publish(index)
    with pytest.raises(
        ReproduceError, match=r"the checksums of the packages cannot be had: .*privately.*; export without"
    ):
        asked_hashes(["privately==2.0"], VERSION)
