"""Prints reach the runs around them, and the streams stay what they are."""

import contextlib
import contextvars
import io
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from autotrack.redaction import Redactor
from autotrack.sidecar.output.log import OutputLog
from autotrack.training.hooks import current_run
from autotrack.training.observe.output.streams import choose_receivers, forget, listen
from tests.support.output_logs import lines_of, no_problem


@pytest.fixture
def log(tmp_path: Path) -> Iterator[OutputLog]:
    log = OutputLog(tmp_path / "run" / "output.log", Redactor({}), on_problem=no_problem)
    yield log
    forget(log)
    log.close()


@pytest.fixture
def listening(log: OutputLog) -> OutputLog:
    listen(log)
    return log


# Streams


def test_streams_stay_what_they_are_and_are_left_as_they_were(log: OutputLog, tmp_path: Path) -> None:
    stream, before = sys.stdout, dict(vars(sys.stdout))
    facts = (stream.isatty(), stream.encoding, stream.errors, stream.write.__name__)
    listen(log)
    assert sys.stdout is stream
    assert (stream.isatty(), stream.encoding, stream.errors, stream.write.__name__) == facts
    assert stream.write("four") == 4
    with pytest.raises(TypeError):
        stream.write(b"bytes")  # type: ignore[arg-type]
    second = OutputLog(tmp_path / "second.log", Redactor({}), on_problem=no_problem)
    listen(second)
    listen(second)
    forget(log)
    print(" and more")
    assert vars(stream) != before
    forget(second)
    assert vars(stream) == before
    print("nobody listens")
    second.close()
    log.close()
    assert (lines_of(log), lines_of(second)) == (["four"], [" and more"])


@pytest.mark.parametrize(
    "error", [BrokenPipeError(32, "Broken pipe"), ValueError("I/O operation on closed file"), KeyboardInterrupt()]
)
def test_an_exception_of_the_stream_is_the_users(
    log: OutputLog, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    class Broken(io.StringIO):
        broken = True

        def write(self, text: str) -> int:
            if self.broken:
                raise error
            return super().write(text)

    stream = Broken()
    monkeypatch.setattr(sys, "stdout", stream)
    listen(log)
    with pytest.raises(type(error)) as caught:
        print("lost")
    assert caught.value is error
    assert caught.value.__context__ is None
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert files == [__file__, __file__], "this print and the stream's own write"
    stream.broken = False
    print("kept")
    assert lines_of(log) == ["kept"]
    assert stream.getvalue() == "kept\n"


def test_streams_that_cannot_be_captured_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ReadOnly:
        __slots__ = ()

        def write(self, text: str) -> int:
            return len(text)

    class Property(io.StringIO):
        @property
        def write(self) -> Callable[[str], int]:  # type: ignore[override]
            return super().write

    closed = io.StringIO()
    closed.close()
    for stdout, stderr, expected in (
        (None, closed, "not captured: sys.stdout is None, sys.stderr is closed"),
        (Property(), io.StringIO(), "not captured: sys.stdout is a Property, whose write cannot be replaced"),
        (ReadOnly(), io.StringIO(), "not captured: sys.stdout is a ReadOnly, whose write cannot be replaced"),
    ):
        said: list[str] = []
        log = OutputLog(tmp_path / "output.log", Redactor({}), on_problem=said.append)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", stdout)
            patched.setattr(sys, "stderr", stderr)
            listen(log)
            print("goes on")
            forget(log)
        log.close()
        assert said == [expected]


def test_somebody_elses_write_stays_in_place(log: OutputLog, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    before: list[str] = []
    inner = stream.write
    stream.write = lambda text: before.append(text) or inner(text)  # type: ignore[method-assign, func-returns-value]
    theirs = stream.write
    listen(log)
    forget(log)
    assert stream.write is theirs

    listen(log)
    ours, after = stream.write, list[str]()
    stream.write = lambda text: after.append(text) or ours(text)  # type: ignore[method-assign, func-returns-value]
    outermost = stream.write
    for turn in range(50):  # as many runs: nothing piles up
        forget(log)
        print("off")
        listen(log)
        assert stream.write is outermost
        print("on", turn)
    assert lines_of(log) == [f"on {turn}" for turn in range(50)]
    assert before == after
    assert stream.getvalue().count("\n") == 100


def test_an_object_round_a_stream_is_changed_and_not_what_it_wraps(
    log: OutputLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tqdm = pytest.importorskip("tqdm.contrib")
    inner = io.StringIO()
    wrapper = tqdm.DummyTqdmFile(inner)
    monkeypatch.setattr(sys, "stdout", wrapper)
    for turn in range(3):
        listen(log)
        assert "write" not in vars(inner)
        print(turn)
        forget(log)
        assert "write" not in vars(wrapper)
    assert lines_of(log) == ["0", "1", "2"]


def test_what_goes_to_another_object_is_not_captured(listening: OutputLog) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as kept:
        print("elsewhere")
    print("here")
    assert kept.getvalue() == "elsewhere\n"
    assert lines_of(listening) == ["here"]


def test_the_output_stream_of_a_notebook_is_captured(log: OutputLog, monkeypatch: pytest.MonkeyPatch) -> None:
    iostream = pytest.importorskip("ipykernel.iostream")
    session = pytest.importorskip("jupyter_client.session").Session(key=b"a key")
    sent: list[str] = []

    def send(thread: Any, message: list[bytes], **options: Any) -> None:
        sent.append(session.deserialize(session.feed_identities(message)[1])["content"]["text"])

    methods = {
        "__init__": lambda thread: None,
        "schedule": lambda thread, action: None,  # flushed by hand below
        "send_multipart": send,
        "io_loop": None,
        "thread": threading.current_thread(),
    }
    thread = type("ThreadWithoutLoop", (iostream.IOPubThread,), methods)
    stream = iostream.OutStream(session, thread(), "stdout", watchfd=False)
    monkeypatch.setattr(sys, "stdout", stream)
    listen(log)
    print("in a cell")
    forget(log)
    assert "write" not in vars(stream)
    assert lines_of(log) == ["in a cell"]
    monkeypatch.undo()
    stream._flush()
    assert "".join(sent) == "in a cell\n"


# Which run


def test_a_text_goes_to_the_runs_around_it_and_from_other_threads_to_all() -> None:
    logs = [cast("OutputLog", object()) for _ in range(3)]
    outer, inner, other = logs
    assert choose_receivers(logs, [inner, outer]) == [inner, outer]
    assert choose_receivers(logs, []) == logs
    assert choose_receivers([outer, other], [inner, outer]) == [outer]
    assert choose_receivers([outer, other], [inner]) == [outer, other]


def test_runs_in_different_contexts_do_not_mix_their_output(tmp_path: Path) -> None:
    logs = [OutputLog(tmp_path / f"{name}.log", Redactor({}), on_problem=no_problem) for name in "ab"]

    def in_run(log: OutputLog) -> None:
        current_run.enter(cast("Any", SimpleNamespace(status="running", outer=None, output=log)))
        print(log.path.stem)

    for log in logs:
        listen(log)
    for log in logs:
        contextvars.Context().run(in_run, log)
    contextvars.Context().run(print, "for all")
    for log in logs:
        forget(log)
        log.close()
    assert [lines_of(log) for log in logs] == [["a", "for all"], ["b", "for all"]]


def test_it_imports_nothing_slow(run_script: Callable[..., str]) -> None:
    found = run_script("import sys, autotrack.training.observe.output.streams; print(*sys.modules)").split()
    assert not {"asyncio", "logging", "subprocess", "multiprocessing", "tempfile"} & set(found)
