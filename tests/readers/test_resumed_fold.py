"""Runs that go on: reading them costs what is new, and they come to the same as if they were read whole."""

import shutil
from pathlib import Path

import msgspec
import pytest

from autotrack.journal.fold import Fold
from autotrack.journal.reader import RunReader, journal_sizes
from autotrack.journal.records import AnyRecord, Metrics, Params, RunFinished, RunStarted, Tags
from autotrack.journal.summary import Summary
from autotrack.readers.resumed_fold import summary_of_journals
from tests.journal.test_records import ONE_OF_EACH
from tests.support import journals


def summary(folder: Path, *, least_bytes: int = 1) -> Summary:
    return summary_of_journals(folder, journal_sizes(folder), least_bytes=least_bytes)


def read_whole(folder: Path) -> Summary:
    fold, reader = Fold(), RunReader(folder)
    for rank, batch in reader:
        fold.add(batch, rank=rank)
    fold.left_out(reader.position().left_out)
    return fold.summary()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    journals.add(folder, [journals.start(), Params(time=101.0, values={"lr": 0.1})])
    journals.add(folder, journals.steps(0, 40, names=["loss", "val_loss"]))
    return folder


def test_every_kind_of_record_is_kept(run: Path) -> None:
    journals.add(run, [one for one in ONE_OF_EACH if not isinstance(one, (RunStarted, RunFinished))])
    for more in (journals.steps(40, 42), journals.steps(42, 44)):
        journals.add(run, more)
        assert msgspec.to_builtins(summary(run)) == msgspec.to_builtins(read_whole(run))


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of journals each call of `read` has handed out."""
    found: list[int] = []
    read_lines = RunReader._batches.__globals__["JournalReader"]._read_lines

    def noting(*args: object) -> bytes:
        block: bytes = read_lines(*args)
        found.append(len(block))
        return block

    monkeypatch.setattr("autotrack.journal.reader.JournalReader._read_lines", staticmethod(noting))
    return found


def test_looking_again_reads_what_is_new(run: Path, bytes_read: list[int]) -> None:
    assert summary(run) == read_whole(run)
    bytes_read.clear()
    assert summary(run).metrics["loss"].count == 40
    assert sum(bytes_read) == 0
    before = journal_sizes(run)["main.jsonl"]
    journals.add(run, journals.steps(40, 45))
    assert summary(run).metrics["loss"].count == 45
    assert sum(bytes_read) == journal_sizes(run)["main.jsonl"] - before


def test_it_comes_to_the_same_as_reading_everything(run: Path) -> None:
    journals.add(run, [journals.start(102.0, rank=1), *journals.steps(0, 5)], "rank1")
    later: list[list[AnyRecord]] = [
        [*journals.steps(40, 47), Metrics(time=1.0, values={"loss": "NaN", "n": 7}, epoch=4, stage="test")],
        [Tags(time=1.0, values={"why": "paper"}), *journals.steps(47, 60, names=["val_loss"])],
        [Metrics(time=2.0, values={"loss": -1.5}, step=61, epoch=6), journals.end()],
    ]
    for more in later:
        journals.add_bytes(run, b"no record\n")
        journals.add(run, more)
        assert msgspec.to_builtins(summary(run)) == msgspec.to_builtins(read_whole(run))


def test_training_that_goes_back_is_read_again(run: Path) -> None:
    summary(run)
    journals.add(run, [journals.start(200.0, step=30), *journals.steps(30, 35)])
    for _ in range(2):
        assert msgspec.to_builtins(summary(run)) == msgspec.to_builtins(read_whole(run))
    assert summary(run).metrics["loss"].count == 35


def test_another_run_in_the_same_place_is_read_anew(run: Path) -> None:
    summary(run)
    kept = run.with_name("before")
    run.rename(kept)
    shutil.copytree(kept, run)
    path = run / "journal" / "main.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"otter"', b'"raven"'))
    assert summary(run).name == "raven"


@pytest.mark.parametrize("damage", [b"", b"\x80", b"\xff" * 100])
def test_what_is_kept_and_damaged_does_not_count(run: Path, damage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = run.parent / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    summary(run)
    (kept,) = cache.rglob("*.msgpack")
    kept.write_bytes(damage)
    assert summary(run) == read_whole(run)


def test_a_small_run_leaves_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = run.parent / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    summary(run, least_bytes=2**20)
    assert not list(cache.rglob("*"))
