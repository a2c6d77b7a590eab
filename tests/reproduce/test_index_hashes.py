"""An index is asked for the checksums of packages by the installer that there is."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from autotrack.errors import ReproduceError
from autotrack.reproduce.index_hashes import asked_hashes
from tests.reproduce.test_environment import VERSION, wheel


@pytest.fixture(params=["pip", "uv"])
def index(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place for packages, for pip or for uv."""
    if request.param == "uv":
        if shutil.which("uv") is None:
            pytest.skip("uv is not installed")
    else:
        folders = os.environ["PATH"].split(os.pathsep)
        without = [folder for folder in folders if not Path(folder, "uv").exists()]
        monkeypatch.setenv("PATH", os.pathsep.join(without))
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    return tmp_path


@pytest.mark.slow
def test_versions_that_are_pinned_are_asked_for_and_nothing_else(index: Path) -> None:
    digest = sha256(wheel(index).read_bytes()).hexdigest()
    found = asked_hashes(["./wheels/x.whl", "privately==1.0", "tool @ git+https://example.org/tool@1"], VERSION)
    assert found == {("privately", "1.0"): [digest]}
    assert asked_hashes(["./wheels/x.whl"], VERSION) == {}


@pytest.mark.slow
def test_what_the_index_does_not_have_is_named(index: Path) -> None:
    wheel(index)
    with pytest.raises(
        ReproduceError, match=r"the checksums of the packages cannot be had: .*privately.*; export without"
    ):
        asked_hashes(["privately==2.0"], VERSION)
