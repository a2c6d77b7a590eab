"""Captures run one by one: one that fails, hangs or cannot start a thread leaves a notice, and the others go on."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import time

import pytest

from autotrack.journal.records import AnyRecord, Environment, Notice, RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import runner
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.runner import Captures

TOKEN = "x8Kq-71zz-0pLm"


class Waiting:
    """A run that waits for its captures."""

    def __init__(self, folder: Path, *, began: bool = True) -> None:
        started = RunStarted(time=time(), id="1", name=folder.name, experiment="tests", cwd=str(folder.parent))
        self.subject = Subject(folder, started, Redactor({"A_TOKEN": TOKEN})) if began else None
        self.found: list[AnyRecord] = []

    def put(self, found: Iterable[AnyRecord]) -> None:
        self.found += found

    @property
    def said(self) -> list[str]:
        return [f"{one.about}: {one.message}" if isinstance(one, Notice) else one.kind for one in self.found
                if isinstance(one, (Notice, Environment))]  # fmt: skip


class Counting:
    """A capture that writes one file, and counts how often it was made."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.made = 0

    def __call__(self, subject: Subject) -> list[AnyRecord]:
        self.made += 1
        file = subject.write(f"{self.kind}.json", f"{self.made}".encode())
        return [Environment(time=time(), kind=self.kind, values={"made": self.made}, files=[file])]


def failing(subject: Subject) -> list[AnyRecord]:
    raise PermissionError(f"no access with {TOKEN}")


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Counting]:
    """Have `git` and `hardware` captured, by stand-ins that count."""
    made = {name: Counting(name) for name in ("git", "hardware")}
    monkeypatch.setattr(runner, "CAPTURES", {name: (capture, 30.0) for name, capture in made.items()})
    return made


@pytest.fixture
def hanging() -> Iterator[Callable[[Subject], list[AnyRecord]]]:
    """A capture that waits for something which comes when the test is over."""
    over = threading.Event()

    def wait(subject: Subject) -> list[AnyRecord]:
        over.wait()
        return []

    yield wait
    over.set()


def take(*runs: Waiting, names: Iterable[str] | None = None, by: Captures | None = None) -> None:
    (by or Captures()).take(runs, runner.CAPTURES if names is None else names)


def test_each_capture_adds_what_it_found(tmp_path: Path, captures: dict[str, Counting]) -> None:
    run = Waiting(tmp_path / "run")
    take(run)
    assert run.said == ["git", "hardware"]
    assert (run.subject and run.subject.folder / "environment/git.json").read_bytes() == b"1"  # type: ignore[union-attr]


def test_one_that_fails_leaves_a_notice_without_secrets_and_the_others_are_made(
    tmp_path: Path, captures: dict[str, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(runner.CAPTURES, "git", (failing, 30.0))
    run = Waiting(tmp_path / "run")
    take(run)
    assert run.said == ["git: not captured: PermissionError: no access with [redacted]", "hardware"]


def test_one_that_hangs_is_left_after_its_time_and_the_others_are_made(
    tmp_path: Path,
    captures: dict[str, Counting],
    monkeypatch: pytest.MonkeyPatch,
    hanging: Callable[[Subject], list[AnyRecord]],
) -> None:
    monkeypatch.setitem(runner.CAPTURES, "git", (hanging, 0.05))
    run = Waiting(tmp_path / "run")
    take(run)
    assert run.said == ["git: not captured: it took longer than 0 s", "hardware"]


def test_where_no_thread_can_be_started_it_is_done_without(
    tmp_path: Path, captures: dict[str, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    run = Waiting(tmp_path / "run")
    take(run)
    assert run.said == ["git", "hardware"]


def test_only_those_that_are_asked_for_are_made(tmp_path: Path, captures: dict[str, Counting]) -> None:
    run = Waiting(tmp_path / "run")
    take(run, names=["hardware"])
    assert run.said == ["hardware"]


def test_a_folder_without_a_run_is_not_captured_for(tmp_path: Path, captures: dict[str, Counting]) -> None:
    run = Waiting(tmp_path / "run", began=False)
    take(run)
    assert run.found == []


def test_runs_of_the_same_moment_share_what_was_found(tmp_path: Path, captures: dict[str, Counting]) -> None:
    outer, inner = Waiting(tmp_path / "outer"), Waiting(tmp_path / "inner")
    take(outer, inner)
    assert [capture.made for capture in captures.values()] == [1, 1]
    assert outer.said == inner.said == ["git", "hardware"]
    files = [tmp_path / run / "environment" / "git.json" for run in ("outer", "inner")]
    assert [file.read_bytes() for file in files] == [b"1", b"1"]
    assert files[0].samefile(files[1])


def test_a_later_run_gets_the_code_anew_and_the_machine_as_it_was(
    tmp_path: Path, captures: dict[str, Counting]
) -> None:
    by = Captures()
    for name in ("first", "second", "third"):
        run = Waiting(tmp_path / name)
        take(run, by=by)
        assert run.said == ["git", "hardware"]
    assert [capture.made for capture in captures.values()] == [3, 1]
    assert (tmp_path / "third/environment/git.json").read_bytes() == b"3"
    assert (tmp_path / "third/environment/hardware.json").read_bytes() == b"1"


def test_the_machine_is_looked_at_again_after_a_while(
    tmp_path: Path, captures: dict[str, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    by = Captures()
    take(Waiting(tmp_path / "first"), by=by)
    monkeypatch.setattr(runner, "_REUSED_SECONDS", 0.0)
    take(Waiting(tmp_path / "second"), by=by)
    assert captures["hardware"].made == 2


def test_a_run_whose_predecessor_was_deleted_is_captured_all_the_same(
    tmp_path: Path, captures: dict[str, Counting]
) -> None:
    by = Captures()
    take(Waiting(tmp_path / "first"), by=by)
    for file in (tmp_path / "first/environment").iterdir():
        file.unlink()
    second = Waiting(tmp_path / "second")
    take(second, by=by)
    assert second.said == ["git", "hardware"]
    assert (tmp_path / "second/environment/hardware.json").read_bytes() == b"2"


def test_files_are_copied_where_they_cannot_be_shared(
    tmp_path: Path, captures: dict[str, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr("autotrack.journal.files.os.link", refuse)
    take(Waiting(tmp_path / "outer"), Waiting(tmp_path / "inner"))
    assert (tmp_path / "inner/environment/git.json").read_bytes() == b"1"


def test_what_is_captured_for_real_has_its_names() -> None:
    assert list(runner.CAPTURES) == ["git", "source", "used", "hardware", "packages", "system_packages"]
    assert all(0 < limit_seconds <= 30 for _, limit_seconds in runner.CAPTURES.values())
