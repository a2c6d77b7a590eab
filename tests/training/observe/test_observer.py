"""What only the process itself can see is recorded at the beginning of a run, and no longer after its end."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from autotrack.journal.records import AnyRecord, Artifact, Environment, Notice
from autotrack.redaction import Redactor
from autotrack.settings import Settings
from autotrack.sidecar.output.log import OUTPUT as OUTPUT_LOG
from autotrack.training.observe import observer
from autotrack.training.observe.observer import Observer

NOTHING = Settings(environment=False, output=False)
PROCESS, OUTPUT = Settings(output=False), Settings(environment=False)


@pytest.fixture
def found() -> list[AnyRecord]:
    return []


@pytest.fixture
def seen(tmp_path: Path, found: list[AnyRecord]) -> Observer:
    return Observer(tmp_path, Redactor({"A_TOKEN": "x8Kq-71zz-0pLm"}), found.append)


def kinds(found: list[AnyRecord]) -> list[str]:
    return [record.kind for record in found if isinstance(record, (Environment, Artifact))]


def test_the_process_is_described_with_its_random_states_beside(
    seen: Observer, found: list[AnyRecord], tmp_path: Path
) -> None:
    seen.begin(PROCESS)
    seen.end()
    (record,) = found
    assert isinstance(record, Environment)
    assert (record.kind, record.files) == ("process", ["environment/random_states.json"])
    assert record.values["interpreter"] == sys.executable
    assert "python" in json.loads((tmp_path / record.files[0]).read_bytes())


def test_what_is_switched_off_is_not_looked_at(seen: Observer, found: list[AnyRecord], tmp_path: Path) -> None:
    seen.begin(NOTHING)
    assert seen.output is None
    seen.end()
    assert found == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_printed_is_kept_until_the_end(seen: Observer, found: list[AnyRecord], tmp_path: Path) -> None:
    print("before")
    seen.begin(OUTPUT)
    assert found == []
    print("logged in with x8Kq-71zz-0pLm")
    assert kinds(found) == ["output"]
    print("a warning", file=sys.stderr)
    seen.end()
    print("after")
    assert kinds(found) == ["output"]
    assert (tmp_path / "output.log").read_text() == "logged in with [redacted]\na warning\n"


def test_of_a_run_that_prints_nothing_there_is_no_file(seen: Observer, found: list[AnyRecord], tmp_path: Path) -> None:
    seen.begin(OUTPUT)
    seen.end()
    assert found == []
    assert list(tmp_path.iterdir()) == []


def test_what_only_a_forked_child_has_printed_is_recorded_at_the_end(
    seen: Observer, found: list[AnyRecord], tmp_path: Path
) -> None:
    seen.begin(OUTPUT)
    child = os.fork()
    if not child:
        print("from the child")
        os._exit(0)
    os.waitpid(child, 0)
    seen.end()
    assert kinds(found) == ["output"]
    assert (tmp_path / "output.log").read_text() == "from the child\n"


def test_streams_and_sys_exit_are_put_back(seen: Observer, found: list[AnyRecord]) -> None:
    def state() -> list[object]:
        return [sys.exit, sys.stdout, sys.stderr, sys.stdout.write, "write" in vars(sys.stdout)]

    before = state()
    seen.begin(Settings())
    seen.end()
    assert state() == before
    already = list(found)
    seen.end()
    assert found == already


def test_a_stream_that_cannot_be_listened_to_is_a_notice_at_the_end(
    seen: Observer, found: list[AnyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    seen.begin(OUTPUT)
    seen.end()
    (notice,) = found
    assert isinstance(notice, Notice)
    assert (notice.about, notice.message) == ("output", "not captured: sys.stdout is None")


def test_the_cells_of_a_notebook_are_kept_at_the_beginning_and_again_at_the_end(
    seen: Observer, found: list[AnyRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = ["", "token = 'x8Kq-71zz-0pLm'"]
    shell = SimpleNamespace(history_manager=SimpleNamespace(input_hist_raw=inputs))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    seen.begin(PROCESS)
    assert kinds(found) == ["process", "notebook"]
    inputs.append("fit()")
    seen.end()
    *_, record = found
    assert isinstance(record, Environment)
    assert record.values == {"cells": 2}
    assert (tmp_path / record.files[0]).read_text() == "# %% [1]\ntoken = '[redacted]'\n\n# %% [2]\nfit()\n\n"


def test_cells_are_not_kept_when_the_environment_is_not(
    seen: Observer, found: list[AnyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(history_manager=SimpleNamespace(input_hist_raw=["", "fit()"]))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    seen.begin(NOTHING)
    seen.end()
    assert found == []


def test_data_is_described_by_role_and_name(seen: Observer) -> None:
    described = seen.describe("train", [[1, 2], [3, 4]], "digits")
    assert (described.role, described.name) == ("train", "digits")


def test_every_file_lies_in_the_run_folder() -> None:
    for name in (OUTPUT_LOG, observer._STATES, observer._CELLS):
        assert not Path(name).is_absolute()
