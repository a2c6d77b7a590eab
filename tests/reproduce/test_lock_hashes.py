"""An exported project has the checksums that an index gave to its lock file, for all packages or for none."""

import hashlib
import json
from pathlib import Path

import pytest

from autotrack.journal.summary import Summary
from autotrack.reproduce.lock import Lock
from autotrack.reproduce.lock_hashes import locked_hashes
from autotrack.reproduce.project_environment import project_environment, with_checksums
from tests.support.repositories import put

A, B = "a" * 64, "b" * 64

UV = f"""
version = 1
[[package]]
name = "typing-extensions"
version = "4.12.2"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "https://x/t.tar.gz", hash = "sha256:{A}" }}
wheels = [{{ url = "https://x/t.whl", hash = "sha256:{B}" }}]
[[package]]
name = "mine"
version = "0.1"
source = {{ editable = "." }}
"""
POETRY = f"""
[[package]]
name = "typing_extensions"
version = "4.12.2"
files = [{{file = "t.whl", hash = "sha256:{A}"}}, {{file = "t.tar.gz", hash = "sha256:{B}"}}]
"""
OLD_POETRY = f"""
[[package]]
name = "typing-extensions"
version = "4.12.2"
[metadata.files]
typing-extensions = [{{file = "t.whl", hash = "sha256:{A}"}}, {{file = "t.tar.gz", hash = "sha256:{B}"}}]
"""
PYLOCK = f"""
lock-version = "1.0"
[[packages]]
name = "typing-extensions"
version = "4.12.2"
sdist = {{name = "t.tar.gz", hashes = {{sha256 = "{A}"}}}}
wheels = [{{name = "t.whl", hashes = {{sha256 = "{B}"}}}}]
"""
PIPFILE = json.dumps(
    {"default": {"typing-extensions": {"version": "==4.12.2", "hashes": [f"sha256:{A}", f"sha256:{B}"]}}}
)
REQUIREMENTS = f"""
# made by pip-compile
typing_extensions==4.12.2 ; python_version > "3" \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
    # via pydantic
other==1.0
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("uv.lock", UV),
        ("poetry.lock", POETRY),
        ("poetry.lock", OLD_POETRY),
        ("pylock.toml", PYLOCK),
        ("Pipfile.lock", PIPFILE),
        ("requirements-dev.txt", REQUIREMENTS),
        ("requirements/base.txt", REQUIREMENTS),
    ],
)
def test_every_lock_file_is_read(name: str, content: str, tmp_path: Path) -> None:
    put(tmp_path, {name: content})
    assert locked_hashes(tmp_path) == {("typing-extensions", "4.12.2"): [A, B]}


@pytest.mark.parametrize(
    "content", ["", "[", "[]", "package = 3", "[[package]]\nfiles = [3]", '{"default": [1]}', '{"default": {"a": 1}}']
)
def test_a_damaged_one_has_none(content: str, tmp_path: Path) -> None:
    put(tmp_path, dict.fromkeys(("uv.lock", "Pipfile.lock", "requirements.txt"), content))
    assert locked_hashes(tmp_path) == {}


def test_all_requirements_have_checksums_or_none_has(tmp_path: Path) -> None:
    put(tmp_path, {"project/uv.lock": UV, "home/lab-1.0-py3-none-any.whl": b"w"})
    hashes = locked_hashes(tmp_path / "project")
    url = f"other @ https://example.org/other.whl#sha256={A}"
    wheel = (tmp_path / "home" / "lab-1.0-py3-none-any.whl").as_uri()
    lock = Lock("3.12.1", f"lab @ {wheel}\n{url}\ntyping_extensions==4.12.2\n", {}, ())
    made = with_checksums(project_environment(lock, Summary(), tmp_path), hashes, tmp_path)
    assert made.files("train")["requirements.txt"] == (
        f"./wheels/lab-1.0-py3-none-any.whl \\\n    --hash=sha256:{hashlib.sha256(b'w').hexdigest()}\n{url}\n"
        f"typing_extensions==4.12.2 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n"
    )
    more = Lock("3.12.1", f"{lock.requirements}tool @ git+https://example.org/tool@1\nnumpy==2.0\n", {}, ())
    lines = with_checksums(project_environment(more, Summary(), tmp_path), hashes, tmp_path).lines
    assert lines[0].endswith("not known: tool, numpy")
    assert not any("--hash" in line for line in lines)
