"""End to end: of a training full of secrets, none is in any file of the store, and what only sounds like one is."""

import base64
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

import pytest

import autotrack
from autotrack.journal.reader import is_being_written
from autotrack.readers.recorded_run import RecordedRun
from autotrack.redaction import REDACTED
from tests.support import ordinary_values, planted_secrets
from tests.support.planted_secrets import CELLS, PLANTED, PLANTED_IN_CELLS
from tests.support.repositories import put, run_git

WAYS = {"beside": {}, "in the process": {"AUTOTRACK_SIDECAR": "off"}, "killed": {"KILLED": "1"}}
"""How a training is recorded: with a sidecar, without one, and up to the moment when it is killed."""


class Trained(NamedTuple):
    """A training that has ended, what it printed, and where."""

    project: Path
    run: RecordedRun
    printed: str
    texts: list[str]

    @property
    def folder(self) -> Path:
        return self.run.folder


@pytest.fixture(scope="module", params=WAYS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training of each way, made once."""
    folder = tmp_path_factory.mktemp("trained")
    put(folder, {"gitconfig": "[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        project = planted_secrets.make_project(folder)
        done = planted_secrets.train(project, WAYS[request.param])
    store = project / "runs"
    run = wait_for_the_sidecar(store)
    assert run.status == ("killed" if request.param == "killed" else "failed"), done.stderr
    texts = [text for path in store.rglob("*") if path.is_file() for text in readings(path)]
    return Trained(project, run, done.stdout + done.stderr, texts)


def wait_for_the_sidecar(store: Path) -> RecordedRun:
    """Return the only run of a store, once nobody writes to it any more."""
    deadline = monotonic() + 60
    [run] = autotrack.runs(store)
    while any(is_being_written(path) for path in (run.folder / "journal").iterdir()) or not is_complete(run):
        assert monotonic() < deadline, [path.name for path in run.folder.rglob("*")]
        sleep(0.02)
        [run] = autotrack.runs(store)
    return run


def is_complete(run: RecordedRun) -> bool:
    return "system_packages" in run.environment or (run.folder / "environment" / "requirements.txt").exists()


# ---- reading everything in every way that it may be hidden


def readings(path: Path) -> Iterator[str]:
    """Everything that a file says: its name, and its content in all codes that are used in a store."""
    yield str(path)
    content = path.read_bytes()
    if path.name.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar.getmembers():
                yield f"{member.name} {member.linkname}"
                file = tar.extractfile(member) if member.isfile() else None
                yield from decoded(file.read() if file else b"")
    yield from decoded(content)


def decoded(content: bytes) -> Iterator[str]:
    """A content as text of several encodings, the strings in its JSON, and the files in its patches."""
    yield content.decode(errors="replace")
    if b"\0" in content:
        yield from (content[start:].decode("utf-16-le", errors="replace") for start in (0, 1))
    for text in (content, *content.splitlines()):
        if text.startswith((b"{", b"[")):
            try:
                yield "\n".join(strings(json.loads(text)))
            except ValueError:
                continue
    for packed in re.findall(rb"(?m)^literal \d+\n((?:[A-Za-z].+\n)+)", content):
        lines = [(line[0] - (64 if line[0] <= 90 else 70), base64.b85decode(line[1:])) for line in packed.splitlines()]
        yield zlib.decompress(b"".join(part[:size] for size, part in lines)).decode(errors="replace")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


# ---- secrets


def test_there_are_enough_secrets_and_each_is_there_to_be_found(trained: Trained, tmp_path: Path) -> None:
    assert len(set(PLANTED.values())) >= 40
    (tmp_path / "given.json").write_text(
        json.dumps([planted_secrets.GIVEN, planted_secrets.ENVIRON, planted_secrets.ARGV, planted_secrets.COMMITTED])
    )
    files = [path for path in trained.project.parent.rglob("*") if path.is_file()]
    theirs = [path for path in files if not path.is_relative_to(trained.project / "runs")]
    texts = [trained.printed, *(text for path in [*theirs, tmp_path / "given.json"] for text in readings(path))]
    assert [where for where, secret in PLANTED.items() if not any(secret in text for text in texts)] == []


@pytest.mark.parametrize("where", PLANTED)
def test_no_secret_is_in_any_file_of_the_store(trained: Trained, where: str) -> None:
    secret = PLANTED[where]
    found = [text[max(0, text.index(secret) - 80) :][:200] for text in trained.texts if secret in text]
    assert found == []


def test_the_terminal_still_shows_what_the_script_prints(trained: Trained) -> None:
    for line in planted_secrets.GIVEN["out"]:
        assert trained.printed.count(line) == 2


def test_what_was_kept_out_is_said(trained: Trained) -> None:
    said = "\n".join(notice.message for notice in trained.run.notices)
    for name in ("hub.api_key", "tracking_uri", "db.password", "token", "argv[", "kept without the secrets in them"):
        assert name in said
    for file in (".env", "id_rsa", "sub/credentials.json", ".aws/config"):
        assert trained.run.environment["git"]["left_out"][file] == "may be a secret, by its name"
    assert trained.run.environment["git"]["left_out"]["data.bin"] == "there is a secret in it"


# ---- ordinary values


def test_there_are_enough_ordinary_values() -> None:
    code = [
        line for line in (*ordinary_values.CODE.splitlines(), *ordinary_values.CONFIG.splitlines()) if line.strip()
    ]
    named = [ordinary_values.PARAMS, ordinary_values.TAGS, ordinary_values.PACKAGES]
    values = [*(f"{name}={value}" for one in named for name, value in one.items()), *code]
    assert len({*values, *ordinary_values.LINES, *ordinary_values.ARGV, *ordinary_values.METRICS}) >= 200


@pytest.mark.parametrize("name", ordinary_values.PARAMS)
def test_an_ordinary_param_stays(trained: Trained, name: str) -> None:
    assert trained.run.params[name] == ordinary_values.PARAMS[name]


def test_what_is_around_secrets_stays(trained: Trained) -> None:
    params = trained.run.params
    assert params["storage"] == f"AccountName=ada;AccountKey={REDACTED};EndpointSuffix=x"
    assert params["args"] == ["--hub_token", REDACTED, "--lr", "0.1"]
    assert (params["tracking_uri"], params["password"]) == (f"https://{REDACTED}@mlflow.example.org", REDACTED)
    assert trained.run.texts["notes"].startswith(f"# Notes\n\nThe password: {REDACTED}\n")
    assert trained.run.environment["git"]["remote"] == "https://github.com/ada/digits.git"
    assert trained.run.environment["git"]["branch"] == "feature/tokenizer-cache"
    assert trained.run.environment["git"]["commit"] == run_git(trained.project, "rev-parse", "HEAD")


def test_ordinary_tags_prose_metrics_and_arguments_stay(trained: Trained) -> None:
    assert trained.run.tags.items() >= ordinary_values.TAGS.items()
    assert trained.run.texts["prose"] == ordinary_values.PROSE
    assert {metric.last.value for name, metric in trained.run.metrics.items() if name in ordinary_values.METRICS} == {
        0.5
    }
    assert trained.run.metrics.keys() >= set(ordinary_values.METRICS)
    assert trained.run.argv[-len(ordinary_values.ARGV) :] == ordinary_values.ARGV
    command = shlex.split(trained.run.environment["process"]["command"])
    assert (len(command), command[-len(ordinary_values.ARGV) :]) == (
        2 + len(trained.run.argv) - 1,
        ordinary_values.ARGV,
    )


def test_ordinary_output_stays(trained: Trained) -> None:
    lines = (trained.folder / "output.log").read_text().splitlines()
    assert [line for line in lines if line in ordinary_values.LINES] == ordinary_values.LINES
    assert "logged in with [redacted]." in lines
    assert '{"client_secret": "[redacted]", "lr": 0.1}' in lines


def test_packages_that_sound_like_secrets_stay(trained: Trained) -> None:
    assert trained.run.environment["packages"]["versions"].items() >= ordinary_values.PACKAGES.items()
    listed = json.loads((trained.folder / "environment" / "packages.json").read_bytes())["distributions"]
    assert {one["name"]: one["version"] for one in listed}.items() >= ordinary_values.PACKAGES.items()
    requirements = (trained.folder / "environment" / "requirements.txt").read_text().splitlines()
    for name, version in ordinary_values.PACKAGES.items():
        assert any(
            line.startswith((f"{name}=={version}", f"{name} @ git+https://github.com/")) for line in requirements
        )


def test_the_code_comes_back_without_the_secrets_in_it_and_otherwise_as_it_was(
    trained: Trained, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    run_git(tmp_path, "clone", "--quiet", str(trained.project), str(again))
    run_git(again, "apply", str(trained.folder / "environment" / "changes.patch"))
    with tarfile.open(trained.folder / "environment" / "untracked.tar.gz") as tar:
        tar.extractall(again, filter="data")
    for name in ("train.py", "code.py", "conf/model.yaml", "head.py"):
        assert (again / name).read_text() == (trained.project / name).read_text()
    for name in ("model.py", "old.py", "near.py", "staged.py", "train.ini", "conf/app.toml", "look.ipynb"):
        theirs, ours = ((root / name).read_text() for root in (trained.project, again))
        for secret in PLANTED.values():
            theirs = theirs.replace(secret, REDACTED)
        assert ours == theirs
    assert not (again / "gone.py").exists()


# ---- a notebook

EXPLORING = """
import json, sys, nbclient
from nbformat import v4
cells = [v4.new_code_cell(cell) for cell in json.loads(sys.argv[1])]
nbclient.NotebookClient(v4.new_notebook(cells=cells), allow_errors=True, timeout=300).execute()
"""


@pytest.fixture(scope="module", params=["on", "off"])
def explored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RecordedRun:
    """A run in a notebook, with and without a sidecar."""
    folder = tmp_path_factory.mktemp("explored")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")},
        "AUTOTRACK_SIDECAR": request.param,
        "IPYTHONDIR": str(folder / "ipython"),
    }
    subprocess.run([sys.executable, "-c", EXPLORING, json.dumps(CELLS)], cwd=folder, env=environment, check=True)
    return wait_for_the_sidecar(folder / "runs")


@pytest.mark.slow
def test_no_secret_of_a_notebook_is_in_any_file_of_the_store(explored: RecordedRun) -> None:
    assert (explored.status, explored.params) == ("finished", {"api_key": REDACTED, "max_tokens": 512})
    texts = [text for path in explored.folder.rglob("*") if path.is_file() for text in readings(path)]
    assert [where for where, secret in PLANTED_IN_CELLS.items() if any(secret in text for text in texts)] == []


@pytest.mark.slow
def test_the_cells_of_a_notebook_are_kept_without_the_secrets_in_them(explored: RecordedRun) -> None:
    kept = (explored.folder / "environment" / "source" / "cells.py").read_text()
    for cell in CELLS:
        for secret in PLANTED_IN_CELLS.values():
            cell = cell.replace(secret, REDACTED)
        assert kept.count(f"]\n{cell}\n\n") == 1


@pytest.mark.slow
def test_what_a_notebook_prints_is_kept_without_the_secrets_in_it(explored: RecordedRun) -> None:
    output = (explored.folder / "output.log").read_text()
    assert f"password: {REDACTED} {REDACTED}\n{REDACTED} is another\n" in output
    assert f"client_secret={REDACTED}" in output
