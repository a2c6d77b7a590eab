"""Readers give every whole record, also while it is being written, and report what they leave out."""

import os
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.errors import JournalFormatError
from autotrack.journal import records
from autotrack.journal.reader import JournalReader, RunReader, is_being_written
from autotrack.journal.records import AnyRecord, Metrics, RunStarted, Tags, Text
from autotrack.journal.starts import starts_in
from autotrack.journal.writer import Journal
from autotrack.readers import catalog

STARTED = RunStarted(time=1.0, id="ab12", name="brave-otter", experiment="digits")


def write(path: Path, *lines: AnyRecord | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for line in lines:
            file.write(line if isinstance(line, bytes) else records.encode(line) + b"\n")


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    write(path, STARTED)
    reader = JournalReader(path)
    assert reader.read() == [STARTED]
    assert reader.read() == []
    more = [Metrics(time=2.0, values={"loss": 0.5}, step=step) for step in range(3)]
    write(path, *more)
    assert reader.read() == more
    assert JournalReader(path, offset=reader.offset).read() == []
    assert JournalReader(path).read() == [STARTED, *more]


@given(cut=st.integers(0, 400), limit=st.integers(1, 300))
def test_wherever_a_journal_is_cut_its_whole_records_are_read_and_the_rest_later(cut: int, limit: int) -> None:
    path = Path("cut.jsonl")
    said: list[AnyRecord] = [STARTED, Text(time=2.0, name="note", text="ü\n" * 20), Tags(time=3.0, values={"a": "b"})]
    lines = [records.encode(record) + b"\n" for record in said]
    content = b"".join(lines)
    path.write_bytes(content[:cut])
    reader = JournalReader(path)
    found: list[AnyRecord] = []
    while batch := reader.read(limit_bytes=limit):
        found += batch
    boundaries = [len(b"".join(lines[:count])) for count in range(len(lines) + 1)]
    assert found == said[: sum(boundary <= cut for boundary in boundaries) - 1]
    assert reader.torn == (min(cut, len(content)) not in boundaries)
    path.write_bytes(content)
    while batch := reader.read(limit_bytes=limit):
        found += batch
    assert found == said
    assert not reader.torn
    assert reader.unreadable == 0


def test_a_long_journal_comes_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    said = [Metrics(time=1.0, values={"loss": 0.5}, step=step) for step in range(1000)]
    write(path, *said)
    reader, batches = JournalReader(path), list[list[AnyRecord]]()
    while batch := reader.read(limit_bytes=1000):
        batches.append(batch)
    assert list(chain.from_iterable(batches)) == said
    assert len(batches) > 10
    assert max(map(len, batches)) < 30


def test_texts_with_every_kind_of_line_end_are_one_record(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    text = Text(time=1.0, name="ends", text="a\nb\r\nc\rd\x0be\x0cf\x1cg\x85h\u2028i\u2029j")
    write(path, text)
    reader = JournalReader(path)
    assert reader.read() == [text]
    assert reader.unreadable == 0


def test_unknown_records_and_lines_that_are_none_are_counted_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    hologram = b'{"record":"Hologram","time":1.0}\n'
    write(path, STARTED, hologram, b"\n", b"no json\n", hologram, b"\xff\xfe\n", b"[1]\n", b"{}\n", STARTED)
    reader = JournalReader(path)
    assert reader.read() == [STARTED, STARTED]
    assert reader.unknown == {"Hologram": 2}
    assert reader.unreadable == 4


def test_records_that_cannot_be_read_do_not_end_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    write(path, *[b'{"record":"Hologram","time":1.0}\n'] * 100, STARTED)
    assert JournalReader(path).read(limit_bytes=50) == [STARTED]


def test_a_journal_of_a_newer_format_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    newer = RunStarted(time=1.0, id="a", name="b", experiment="c", format=records.FORMAT + 1)
    write(path, newer)
    with pytest.raises(JournalFormatError, match=r"format 2.*reads up to 1.*pip install --upgrade autotrack-ml"):
        JournalReader(path).read()


def test_a_journal_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        JournalReader(tmp_path / "main.jsonl").read()


def test_all_journals_of_a_run_are_read_the_main_one_first(tmp_path: Path) -> None:
    for name in ("a-sidecar", "rank1", "main", "main-17"):
        write(tmp_path / "journal" / f"{name}.jsonl", Tags(time=1.0, values={"journal": name}))
    reader = RunReader(tmp_path)
    found = [record.values["journal"] for _, batch in reader for record in batch if isinstance(record, Tags)]
    assert found == ["main", "a-sidecar", "main-17", "rank1"]
    assert list(reader) == [], "a second time only what is new"
    write(tmp_path / "journal" / "rank12-sidecar.jsonl", Tags(time=2.0, values={"journal": "late"}))
    assert [rank for rank, _ in reader] == [12]
    assert reader.position().left_out == []


def test_what_is_left_out_is_said_in_sentences_and_in_the_summary(tmp_path: Path) -> None:
    main = tmp_path / "journal" / "main.jsonl"
    write(main, STARTED, b'{"record":"Hologram","time":1.0}\n', b"no json\n", b'{"record":"Metr')
    said = [
        "main.jsonl: 1 records of the unknown type Hologram",
        "main.jsonl: 1 lines that are not records",
        "main.jsonl: the last record is incomplete",
    ]
    reader = RunReader(tmp_path)
    assert list(reader) == [(0, [STARTED])]
    assert reader.position().left_out == said
    assert catalog.load(tmp_path).left_out == said


def test_whether_a_journal_is_being_written_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    assert is_being_written(path) is False
    journal = Journal(path, on_problem=print)
    assert is_being_written(path) is True
    journal.close()
    assert is_being_written(path) is False


def test_asking_does_not_keep_a_writer_out(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    for _ in range(20):
        journal = Journal(path, on_problem=print)
        assert is_being_written(path) is True
        journal.close()


def test_starts_are_found_behind_lines_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    path = tmp_path / "journal" / "main.jsonl"
    with path.open("wb") as file:
        file.write(records.encode(STARTED) + b"\n")
        for _ in range(5):
            file.write(b"x" * 2**23)
        file.write(b"\n" + records.encode(STARTED) + b"\n" + b'{"record":"RunStarted"' + b"[" * 100_000 + b"\n")
    assert starts_in(path) == [STARTED, STARTED]


HOLE_BYTES = 2**38
"""To read so much would take minutes; the disk holds none of it."""


def measured(step: int) -> Metrics:
    return Metrics(time=2.0, values={"loss": 0.5}, step=step)


def all_of(reader: JournalReader) -> list[AnyRecord]:
    found: list[AnyRecord] = []
    while batch := reader.read():
        found += batch
    return found


def test_holes_of_a_sparse_journal_are_not_read_and_what_lies_between_them_is(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    write(path, STARTED, measured(0))
    for step in range(1, 4):
        os.truncate(path, step * HOLE_BYTES)
        write(path, b"\n", measured(step))
    os.truncate(path, 4 * HOLE_BYTES)
    reader = JournalReader(path)
    assert all_of(reader) == [STARTED, *map(measured, range(4))]
    assert reader.unreadable == 4
    assert reader.seen == path.stat().st_size
    assert starts_in(path) == [STARTED]


def test_zeros_that_a_power_cut_left_at_the_end_hide_nothing_that_is_recorded_later(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    path = folder / "journal" / "main.jsonl"
    write(path, STARTED, measured(0), b"\0" * 5000)
    before = RunReader(folder)
    assert [record for _, batch in before for record in batch] == [STARTED, measured(0)]
    journal = Journal(path, on_problem=print)
    journal.append(measured(1))
    journal.close()
    after = RunReader(folder, before.position().offsets)
    assert [record for _, batch in after for record in batch] == [measured(1)]


def test_a_run_with_a_sparse_journal_goes_on_where_its_records_end(tmp_path: Path) -> None:
    path = tmp_path / "run" / "journal" / "main.jsonl"
    write(path, STARTED, measured(0))
    os.truncate(path, HOLE_BYTES)
    journal = Journal(path, on_problem=print)
    journal.append(measured(1))
    journal.close()
    assert all_of(JournalReader(path)) == [STARTED, measured(0), measured(1)]
    assert path.stat().st_size < 1000
