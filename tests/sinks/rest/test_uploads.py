"""The files of a run that goes on: they come and go while they are uploaded, and hold nothing else up."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from autotrack.journal.records import Artifact, RunFinished
from autotrack.sinks.rest import RestSink, artifacts, sink
from autotrack.sinks.rest.artifact_streams import FileSource, SourceLost
from autotrack.sinks.shipment import Shipment
from tests.sinks.rest.test_sink import START, losses, read, recorded, send, steps_of
from tests.support.server_reader import ServerReader
from tests.support.servers import Server


def checkpoint(folder: Path, name: str, content: str = "weights") -> Artifact:
    path = folder / "checkpoints" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return Artifact(time=START, path=f"checkpoints/{name}", kind="checkpoint", bytes=len(content))


def test_a_checkpoint_that_goes_while_it_is_uploaded_is_nothing_to_tell(
    server: Server, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, dropped, lost = (checkpoint(tmp_path, name) for name in ("kept", "dropped", "lost"))
    recorded(tmp_path, experiment, kept, dropped, lost)

    def vanish(file: Path, **about: Any) -> FileSource:
        if file.name != "kept":
            file.unlink()
        return FileSource(file, **about)

    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "FileSource", vanish)
        assert send(tmp_path, server) == []
    recorded(tmp_path, experiment, replace(dropped, removed=True), replace(kept, time=START + 1))
    assert send(tmp_path, server) == []
    recorded(tmp_path, experiment, RunFinished(time=START + 9, status="finished"))
    assert send(tmp_path, server) == ["checkpoints/lost was not sent: it is no longer there"]
    assert ServerReader(server.url).files(read(server, experiment)) == {"checkpoints/kept": 7}


def test_a_checkpoint_that_is_replaced_while_it_is_uploaded_arrives_as_it_is_at_the_end(
    server: Server, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checkpoint(tmp_path, "last")
    recorded(tmp_path, experiment, first)

    def gone(file: Path, **_: Any) -> FileSource:
        raise SourceLost(f"{file}: No such file or directory")

    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "FileSource", gone)
        assert send(tmp_path, server) == []
    recorded(tmp_path, experiment, RunFinished(time=START + 9, status="finished"))
    assert send(tmp_path, server) == []
    assert ServerReader(server.url).artifact(read(server, experiment), "checkpoints/last") == b"weights"


def test_between_two_files_of_a_run_that_goes_on_its_curves_are_sent(
    server: Server, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "_UPLOAD_SECONDS", 0.0)
    recorded(tmp_path, experiment, *[checkpoint(tmp_path, f"{number}") for number in range(3)])
    said, seen = list[str](), list[tuple[int, int]]()
    shipment = Shipment(tmp_path, RestSink(server.url, stop=Event(), on_problem=said.append), on_problem=said.append)
    for step in range(4):
        recorded(tmp_path, experiment, *losses([step]))
        shipment.carry(flush=True)
        found = read(server, experiment)
        seen.append((len(steps_of(found)), len(ServerReader(server.url).files(found))))
    shipment.close()
    assert (seen, said) == ([(1, 1), (2, 2), (3, 3), (4, 3)], [])


def test_files_that_were_left_for_later_are_sent_by_whoever_sends_the_run_next(
    server: Server, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "_UPLOAD_SECONDS", 0.0)
    recorded(tmp_path, experiment, *[checkpoint(tmp_path, f"{number}") for number in range(3)])
    shipment = Shipment(tmp_path, RestSink(server.url, stop=Event()), on_problem=pytest.fail)
    shipment.carry(flush=True)
    shipment.close()
    assert send(tmp_path, server) == []
    assert len(ServerReader(server.url).files(read(server, experiment))) == 3
