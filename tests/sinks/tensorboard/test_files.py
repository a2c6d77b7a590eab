"""Event files on the disk: what is torn, whose they are, and who may write them."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_file_loader import (  # type: ignore[import-untyped]  # it has no types
    RawEventFileLoader,
)

from autotrack.journal.reader import Position
from autotrack.sinks.tensorboard import EventFileBusyError, TensorBoardSink
from autotrack.sinks.tensorboard.encoding import float32, frame, scalar_event, scalar_prefix
from autotrack.sinks.tensorboard.event_file import checkpoint, intact_records, last_checkpoint, preamble
from tests.support.event_files import event_files, metrics, open_shipment, scalars, ship, started, write

FRAMES = st.lists(st.binary(max_size=40), max_size=8)


@given(FRAMES)
def test_tensorboard_reads_the_records_that_are_written(found: list[bytes]) -> None:
    content = b"".join(frame(data) for data in found)
    assert [data for _, data in intact_records(content)] == found


@given(st.binary(max_size=300), st.floats(), st.integers(-(2**63), 2**63 - 1), st.text())
def test_tensorboard_understands_a_scalar_that_is_encoded_by_hand(
    junk: bytes, value: float, step: int, tag: str
) -> None:
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]  # it has no types

    ((_, data),) = intact_records(scalar_event(1.5, step, [scalar_prefix(tag) + float32(value)]) + junk[:7])
    event = Event.FromString(data)
    assert (event.wall_time, event.step) == (1.5, step)
    assert event.summary.value[0].tag == tag.encode(errors="replace").decode()
    assert struct.pack("<f", event.summary.value[0].simple_value) == float32(value)


@given(FRAMES, st.integers(0, 400), st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_wherever_a_file_is_cut_or_spoilt_the_last_whole_checkpoint_is_found(
    found: list[bytes], cut: int, at: int, junk: bytes
) -> None:
    content, ends = preamble(1.0), {}
    for number, data in enumerate(found):
        content += frame(b"\x09" + data) + checkpoint(1.0, {"offsets": {"main.jsonl": number}})
        ends[len(content)] = number
    torn = content[:cut] + b""
    expected = max((end for end in ends if end <= len(torn)), default=0)
    assert last_checkpoint(torn)[0] == expected
    spoilt = content[:at] + junk + content[at + len(junk) :]
    size, said = last_checkpoint(spoilt)
    assert size in ({0, *ends})
    assert said is None or said["offsets"]["main.jsonl"] == ends[size]


def test_python_s_raw_reader_reads_to_the_end(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), *[metrics(step, loss=1 / (1 + step)) for step in range(20)]))
    (path,) = event_files(tmp_path)
    assert len(list(RawEventFileLoader(str(path)).Load())) == len(list(intact_records(path.read_bytes())))


@pytest.mark.parametrize(
    "torn",
    [
        b"\x18",
        b"\x18" + 100 * b"\x00",
        frame(b"an event that nobody acknowledged"),
        frame(b"\x09 a time \x3a no session log"),
    ],
)
def test_what_is_behind_the_last_checkpoint_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    ship(write(tmp_path, started(), metrics(0, loss=1.0)))
    (path,) = event_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    ship(tmp_path)
    assert path.read_bytes() == whole
    ship(write(tmp_path, metrics(1, loss=0.5)))
    assert event_files(tmp_path) == [path]
    assert scalars(tmp_path)["metrics/loss"] == [(0, 1.0), (1, 0.5)]


def test_a_file_whose_first_flush_was_cut_off_is_made_again(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), metrics(0, loss=1.0)))
    (path,) = event_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    ship(tmp_path)
    assert scalars(tmp_path)["metrics/loss"] == [(0, 1.0)]
    assert len(event_files(tmp_path)) == 1


def test_event_files_of_others_are_left_alone_and_ours_are_read_last(tmp_path: Path) -> None:
    other = tmp_path / "events.out.tfevents.4000000000.host.1.0"
    other.write_bytes(frame(b"not ours") + b"torn")
    ship(write(tmp_path, started(), metrics(0, loss=1.0)))
    (ours,) = (path for path in event_files(tmp_path) if path != other)
    assert other.read_bytes() == frame(b"not ours") + b"torn"
    assert ours.name > other.name


def test_two_cannot_write_at_once(tmp_path: Path) -> None:
    live = open_shipment(write(tmp_path, started(), metrics(0, loss=1.0)))
    live.carry(flush=True)
    with pytest.raises(EventFileBusyError, match="another process is writing"):
        TensorBoardSink().open(tmp_path)
    write(tmp_path, metrics(1, loss=0.5))
    live.carry(flush=True)
    live.close()
    assert scalars(ship(tmp_path))["metrics/loss"] == [(0, 1.0), (1, 0.5)]


def test_of_two_that_begin_at_once_one_gives_way(tmp_path: Path) -> None:
    write(tmp_path, started(), metrics(0, loss=1.0))
    first, second = TensorBoardSink(), TensorBoardSink()
    for sink in (first, second):
        assert sink.open(tmp_path) == {}
        sink.write([started(), metrics(0, loss=1.0)])
    position = Position({"main.jsonl": (tmp_path / "journal" / "main.jsonl").stat().st_size}, {}, [])
    first.flush(position)
    with pytest.raises(EventFileBusyError):
        second.flush(position)
    first.close()
    second.close()
    assert scalars(ship(tmp_path))["metrics/loss"] == [(0, 1.0)]


@pytest.mark.slow
def test_a_process_that_is_killed_at_any_time_leaves_nothing_torn(
    tmp_path: Path, run_script: Callable[..., str]
) -> None:
    total, previous = 4000, -1
    write(tmp_path, started(), *[metrics(step, loss=1 / (1 + step), accuracy=step / total) for step in range(total)])
    code = """
        import os, sys
        from pathlib import Path
        from autotrack.journal.reader import Position
        from autotrack.journal.records import decode
        from autotrack.sinks.tensorboard import TensorBoardSink
        from autotrack.sinks.tensorboard.event_file import EventFile

        folder, limit, append = Path(sys.argv[1]), int(sys.argv[2]), EventFile.append

        def dying(self, content):
            global limit
            if limit < len(content):
                append(self, content[:limit])  # a part of it, and then the process is no more
                os.kill(os.getpid(), 9)
            limit -= len(content)
            append(self, content)

        EventFile.append = dying
        sink = TensorBoardSink()
        journal = folder / "journal" / "main.jsonl"
        with journal.open("rb") as file:
            file.seek(sink.open(folder).get(journal.name, 0))
            while lines := [line for line in (file.readline() for _ in range(100)) if line]:
                sink.write([decode(line) for line in lines])
                sink.flush(Position({journal.name: file.tell()}, {}, []))
        """
    for limit in (10, 20_000, 30_001, 77_777):
        run_script(code, str(tmp_path), str(limit), exit_code=-9)
        found = scalars(tmp_path).get("metrics/loss", []) if event_files(tmp_path) else []
        assert [step for step, _ in found] == list(range(len(found)))
        assert len(found) > previous
        previous = len(found)
    found = scalars(ship(tmp_path))["metrics/loss"]
    assert found == [(step, struct.unpack("<f", float32(1 / (1 + step)))[0]) for step in range(total)]
    assert len(event_files(tmp_path)) == 1
