"""A journal loses nothing: not to `kill -9`, a full disk, a vanished folder, threads or forks."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import time
from typing import Any

import pytest

import autotrack
from autotrack.errors import AutotrackWarning, JournalBusyError
from autotrack.journal import records
from autotrack.journal.reader import JournalReader, is_being_written
from autotrack.journal.records import AnyRecord, Metrics, Notice, RunFinished, RunStarted, Text
from autotrack.journal.writer import Journal
from autotrack.readers import catalog
from autotrack.training import start


def no_trouble(message: str) -> None:
    raise AssertionError(message)


def metrics(step: int, *, seconds_later: float = 0.0) -> Metrics:
    return Metrics(time=time() + seconds_later, values={"loss": 1 / (step + 1)}, step=step)


def steps(found: list[AnyRecord]) -> list[int | None]:
    return [record.step for record in found if isinstance(record, Metrics)]


def every_line_is_a_record(path: Path) -> bool:
    content = path.read_bytes()
    return content.endswith(b"\n") and all(records.decode(line) for line in content.splitlines())


# Appending


def test_a_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new" / "folders" / "main.jsonl", on_problem=no_trouble)
    for step in range(3):
        journal.append(metrics(step))
        assert steps(JournalReader(journal.path).read()) == list(range(step + 1))
    journal.close()


def test_a_record_is_one_write_to_a_file_opened_for_appending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write = os.write

    def counting(fd: int, data: bytes) -> int:
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND
        written.append(data)
        return write(fd, data)

    journal = Journal(tmp_path / "main.jsonl", on_problem=no_trouble)
    monkeypatch.setattr("autotrack.journal.writer.os.write", counting)
    said: list[AnyRecord] = [metrics(0), Text(time=time(), name="long", text="x" * 2**20), metrics(2)]
    for record in said:
        journal.append(record)
    assert written == [records.encode(record) + b"\n" for record in said]
    assert journal.path.read_bytes() == b"".join(written)
    journal.close()


def test_logging_metrics_is_one_write_too(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = 0
    write = os.write

    def counting(fd: int, data: bytes) -> int:
        nonlocal writes
        writes += 1
        return write(fd, data)

    with autotrack.start_run(to=store) as run:
        run.log({"loss": 0.5, "seen": 3, "bad": float("nan")})  # the first NaN is a tag as well
        monkeypatch.setattr("autotrack.journal.writer.os.write", counting)
        for _ in range(10):
            run.log({"loss": 0.5, "seen": 3, "bad": float("nan")})
        assert writes == 10


def test_a_live_journal_belongs_to_one_writer(tmp_path: Path, run_script: Callable[..., str]) -> None:
    path = tmp_path / "main.jsonl"
    journal = Journal(path, on_problem=no_trouble)
    with pytest.raises(JournalBusyError, match=r"main\.jsonl"):
        Journal(path, on_problem=no_trouble)
    attempt = """
        import sys
        from pathlib import Path
        from autotrack.errors import JournalBusyError
        from autotrack.journal.writer import Journal
        try:
            Journal(Path(sys.argv[1]), on_problem=print)
        except JournalBusyError:
            print("busy")
    """
    assert run_script(attempt, str(path)) == "busy"
    journal.close()
    assert run_script(attempt, str(path)) == ""


def test_a_closed_journal_is_taken_up_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "main.jsonl", on_problem=no_trouble)
    journal.append(metrics(0))
    journal.close()
    journal.close()
    journal.append(metrics(1))
    journal.close()
    assert steps(JournalReader(journal.path).read()) == [0, 1]


def test_a_half_line_left_by_a_killed_writer_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    long = Text(time=1.0, name="long", text="x" * 200_000)  # longer than what is looked at in one go
    for whole in (b"", records.encode(metrics(0)) + b"\n"):
        path.write_bytes(whole + records.encode(long)[:-1])
        journal = Journal(path, on_problem=no_trouble)
        journal.append(metrics(1))
        journal.close()
        assert every_line_is_a_record(path)
        assert steps(JournalReader(path).read()) == ([0, 1] if whole else [1])


# Threads and signals


def test_threads_lose_no_record_and_tear_none(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    run = autotrack.start_run(to=store)
    together = threading.Barrier(8)

    def work(thread: int) -> None:
        together.wait()
        for step in range(200):
            run.log({f"thread{thread}": step + 0.5, "x" * 300: 0.0}, step=step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    assert every_line_is_a_record(run.folder / "journal" / "main.jsonl")
    found = read_journal(run.folder)
    for thread_number in range(8):
        name = f"thread{thread_number}"
        logged = [record.values[name] for record in found if isinstance(record, Metrics) and name in record.values]
        assert logged == [step + 0.5 for step in range(200)]


def test_threads_may_log_while_the_run_finishes_and_settles(store: Path) -> None:
    run = autotrack.start_run(to=store)
    together = threading.Barrier(5)
    raised: list[Exception] = []

    def work(thread: int) -> None:
        together.wait()
        try:
            for step in range(1000):
                run.log({f"thread{thread}": float(step)}, step=step)
        except Exception as error:  # noqa: BLE001  the test is that there is none
            raised.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    together.wait()
    run.finish()
    while any(thread.is_alive() for thread in threads):
        run._release()
    run._release()
    assert raised == []
    assert [metric.count for metric in autotrack.load(run.folder).metrics.values()] == [1000] * 4


def test_threads_may_log_to_a_run_that_has_ended(store: Path) -> None:
    run = autotrack.start_run(to=store)
    run.finish()
    together = threading.Barrier(8)
    raised: list[Exception] = []

    def work() -> None:
        together.wait()
        try:
            run.log({"loss": 0.5})
        except Exception as error:  # noqa: BLE001  the test is that there is none
            raised.append(error)

    for _ in range(5):
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run._release()
    assert raised == []
    assert autotrack.load(run.folder).metrics["loss"].count == 40


def test_a_signal_handler_may_log_in_the_middle_of_a_log(store: Path) -> None:
    run = autotrack.start_run(to=store)
    handled: list[int] = []
    numbers = count()

    def handle(*_: Any) -> None:  # and another signal may come in the middle of this
        number = next(numbers)
        run.log({"signal": float(number)}, step=number)
        handled.append(number)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        logged = 0
        while len(handled) < 50:
            run.log({"loop": float(logged)}, step=logged)
            logged += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    run.finish()
    recorded = autotrack.load(run.folder)
    assert [point.step for point in recorded.history("loop")] == list(range(logged))
    steps_of_signals = [point.step for point in recorded.history("signal")]
    assert sorted(step for step in steps_of_signals if step is not None) == list(range(len(handled)))


# Killed


KILLED = """
import os, sys
import autotrack

run = autotrack.start_run("killed", to=sys.argv[1])
os.write(1, f"{run.folder}\\n".encode())
done = 0
while True:
    if done % 3 == 0:
        run.log({"call": float(done)}, step=done)
    elif done % 3 == 1:
        run.log_params({"nested": {"call": done}})
    else:
        run.log_text("call", str(done) + "x" * done)
    os.write(1, b"%d\\n" % done)
    done += 1
"""


def killed_after(acknowledged: int, store: Path) -> tuple[Path, int]:
    """Run the script above, kill it once so many calls have returned, and return how many really had."""
    with subprocess.Popen([sys.executable, "-c", KILLED, str(store)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().decode().strip())
        for _ in range(acknowledged):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().count(b"\n")
    assert process.returncode == -signal.SIGKILL
    return folder, acknowledged + rest


def calls(found: list[AnyRecord]) -> list[int]:
    """Return which calls of the script above are in the journal."""
    made = []
    for record in found:
        if isinstance(record, Metrics):
            made.append(int(record.values["call"]))
        elif isinstance(record, records.Params):
            made.append(record.values["nested.call"])
        elif isinstance(record, Text):
            made.append(int(record.text.rstrip("x")))
    return made


@pytest.mark.parametrize("acknowledged", [0, 1, 2, 10, 47, 200, 333, 1000])
def test_kill_9_loses_no_call_that_had_returned(
    acknowledged: int, store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    folder, returned = killed_after(acknowledged, store)

    reader = JournalReader(folder / "journal" / "main.jsonl")
    made = calls(reader.read())
    assert made == list(range(len(made)))
    assert len(made) in (returned, returned + 1)  # the last one may not have had the time to return
    assert reader.unreadable == 0
    assert reader.unknown == {}
    assert autotrack.load(folder).status == "killed"

    run = start.resume_run(folder)
    run.log({"call": float(len(made))})
    run.finish()
    assert every_line_is_a_record(folder / "journal" / "main.jsonl")
    assert calls(read_journal(folder)) == list(range(len(made) + 1))
    assert autotrack.load(folder).status == "finished"


def test_a_torn_last_line_is_reported_and_gone_when_the_run_goes_on(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    run = autotrack.start_run("torn", to=store)
    for step in range(5):
        run.log({"loss": 0.5}, step=step)
    run._release()
    main = run.folder / "journal" / "main.jsonl"
    content = main.read_bytes()
    for cut in range(1, len(content.splitlines()[-1])):  # wherever the writer was killed
        main.write_bytes(content[: -cut - 1])
        (run.folder / "run.json").unlink(missing_ok=True)
        recorded = autotrack.load(run.folder)
        assert recorded.left_out == ["main.jsonl: the last record is incomplete"]
        assert recorded.metrics["loss"].count == 4
        again = start.resume_run(run.folder, at_step=4)
        again.log({"loss": 0.25}, step=4)
        again.finish()
        assert every_line_is_a_record(main)
        assert steps(read_journal(run.folder)) == [0, 1, 2, 3, 4]
        assert autotrack.load(run.folder).left_out == []


# A full disk


FULL_DISK = """
import os, resource, signal, sys, warnings
from time import time
import autotrack
from autotrack.journal import unwritten
from autotrack.errors import AutotrackWarning
from autotrack.journal.reader import JournalReader, is_being_written

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def full(path, room):
    # Writes get short, then fail, once the file has grown by so many bytes.
    _, highest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, highest))

def room_again():
    _, highest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (highest, highest))

caught = []
warnings.showwarning = lambda message, category, *_: caught.append(f"{category.__name__}: {message}")
warnings.simplefilter("always")
run = autotrack.start_run("full", to=sys.argv[1])
main = run.folder / "journal" / "main.jsonl"

def step(number):
    run.log({"loss": 1 / (number + 1)}, step=number)
"""


@pytest.mark.parametrize("room", [0, 1, 250, 5000])
def test_a_full_disk_loses_nothing_when_there_is_room_again(
    room: int, store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
step(0)
full(main, int(sys.argv[2]))
size = main.stat().st_size
for number in range(1, 200):
    step(number)
assert main.stat().st_size == size + int(sys.argv[2]), "no short write happened"
run.log_text("while full", "kept as well")
room_again()
for number in range(200, 210):
    step(number)
assert run.status == "running"
run.finish()
print(run.folder)
print(*caught, sep="\\n")
"""
    folder, *warned = run_script(FULL_DISK + script, str(store), str(room)).splitlines()
    main = Path(folder, "journal", "main.jsonl")
    assert every_line_is_a_record(main)
    found = read_journal(Path(folder))
    assert steps(found) == list(range(210))
    assert [record.text for record in found if isinstance(record, Text)] == ["kept as well"]
    (notice,) = [record.message for record in found if isinstance(record, Notice)]
    assert notice.startswith(f"File too large ({main}); what it refuses is kept in ")
    assert len(warned) == 1
    assert warned[0].startswith("AutotrackWarning: run full: journal: File too large")
    assert autotrack.load(Path(folder)).status == "finished"


def test_what_is_too_much_to_wait_in_memory_is_counted_in_a_notice(
    store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
unwritten.MEMORY_BYTES = 2000
step(0)
full(main, 10)
for number in range(1, 200):
    step(number)
room_again()
for number in range(200, 210):
    step(number)
run.finish()
print(run.folder)
print(*caught, sep="\\n")
"""
    folder, *warned = run_script(FULL_DISK + script, str(store)).splitlines()
    assert every_line_is_a_record(Path(folder, "journal", "main.jsonl"))
    found = read_journal(Path(folder))
    kept = [step for step in steps(found) if step is not None]
    assert kept == sorted(kept)
    assert kept[:5] == [0, 1, 2, 3, 4]
    assert kept[-10:] == list(range(200, 210))
    dropped = 210 - len(kept)
    assert dropped > 100
    notices = [record.message for record in found if isinstance(record, Notice)]
    assert f"{dropped} records were dropped because the disk did not take them in time" in notices
    assert len(warned) == 1


def test_a_record_larger_than_what_may_wait_is_not_torn(
    store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
unwritten.MEMORY_BYTES = 2000
full(main, 100)
run.log_text("long", "x" * 5000)
room_again()
run.finish()
print(run.folder)
"""
    folder = Path(run_script(FULL_DISK + script, str(store)))
    assert every_line_is_a_record(folder / "journal" / "main.jsonl")
    assert [len(record.text) for record in read_journal(folder) if isinstance(record, Text)] == [5000]


def test_a_disk_that_stays_full_is_reported_and_training_ends_as_it_would(
    store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
step(0)
full(main, 10)
for number in range(1, 50):
    step(number)
run.finish()
print(run.folder)
sys.stderr = sys.stdout
"""
    folder, *said = run_script(FULL_DISK + script, str(store)).splitlines()
    assert re.fullmatch(r"autotrack: records of full are lost, \d+ of them: no disk took them", said[-1]), said
    reader = JournalReader(Path(folder, "journal", "main.jsonl"))
    assert steps(reader.read()) == [0]
    assert reader.torn


# A vanished folder


def test_a_vanished_folder_is_made_again_and_begins_as_the_run_did(
    store: Path, monkeypatch: pytest.MonkeyPatch, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    run = autotrack.start_run("vanishing", to=store, tags={"why": "test"})
    run.log({"loss": 0.5}, step=0)
    shutil.rmtree(run.folder)
    monkeypatch.setattr("autotrack.training.metric_logger.time", lambda: time() + 1.1)
    with pytest.warns(AutotrackWarning, match=r"vanished; it was made again") as caught:
        run.log({"loss": 0.4}, step=1)
    run.log({"loss": 0.3}, step=2)
    assert len(caught) == 1
    run.finish()
    found = read_journal(run.folder)
    assert [type(record) for record in found] == [RunStarted, Notice, Metrics, Metrics, RunFinished]
    recorded = autotrack.load(run.folder)
    assert (recorded.id, recorded.name, recorded.status) == (run.id, "vanishing", "finished")
    assert [point.step for point in recorded.history("loss")] == [1, 2]
    assert [notice.about for notice in recorded.notices] == ["journal"]


def test_a_folder_may_vanish_every_second(tmp_path: Path) -> None:
    said: list[str] = []
    journal = Journal(tmp_path / "journal" / "main.jsonl", on_problem=said.append)
    for step in range(4):
        journal.append(metrics(step, seconds_later=2 * step))
        shutil.rmtree(journal.path.parent)
    journal.append(metrics(4, seconds_later=8))
    assert steps(JournalReader(journal.path).read()) == [0, 4]  # the first record, and those since
    assert len(said) == 1
    journal.close()


def test_a_folder_that_cannot_be_made_again_raises_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "journal"
    journal = Journal(folder / "main.jsonl", on_problem=said.append)
    journal.append(metrics(0))
    shutil.rmtree(folder)
    folder.write_text("a file in its place")
    journal.append(metrics(1, seconds_later=2))
    assert len(said) == 1
    assert "vanished and cannot be made again" in said[0]
    journal.close()


def test_a_folder_that_vanishes_while_a_record_is_half_written_tears_no_line(
    store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
import shutil
full(main, 30)
step(0)
assert JournalReader(main).read() and main.read_bytes()[-1:] != b"\\n"
step(1)
shutil.rmtree(run.folder)
room_again()
run._journal._next_check = 0.0  # as if a second had passed
step(2)
run.finish()
print(run.folder)
"""
    folder = Path(run_script(FULL_DISK + script, str(store)))
    assert every_line_is_a_record(folder / "journal" / "main.jsonl")
    found = read_journal(folder)
    assert steps(found) == [0, 1, 2]
    assert sum(isinstance(record, RunStarted) for record in found) == 1


def test_a_folder_that_vanishes_after_the_end_is_made_again_for_what_is_logged_then(store: Path) -> None:
    run = autotrack.start_run("ended", to=store)
    run.finish()
    shutil.rmtree(run.folder)
    run.log({"test_loss": 0.5})
    run._release()
    recorded = autotrack.load(run.folder)
    assert recorded.id == run.id
    assert [point.value for point in recorded.history("test_loss")] == [0.5]


# Forked processes


def test_a_forked_child_writes_a_journal_of_its_own_and_does_not_end_the_run(
    store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
        import os, sys
        import autotrack
        run = autotrack.start_run("forked", to=sys.argv[1])
        run.log({"parent": 0.0}, step=0)
        child = os.fork()
        if child == 0:
            for step in range(3):
                run.log({"child": float(step)}, step=step)
            grandchild = os.fork()
            if grandchild == 0:
                run.log({"grandchild": 0.5})
                os._exit(0)
            os.waitpid(grandchild, 0)
            run.finish("failed")
            sys.exit(0)  # as an ordinary process ends, with everything that is done at exit
        assert os.waitpid(child, 0)[1] == 0
        assert run.status == "running"
        run.log({"parent": 1.0}, step=1)
        run.finish()
        print(run.folder)
        print(child)
    """
    printed, child = run_script(script, str(store)).splitlines()
    folder = Path(printed)
    own = read_journal(folder, f"main-{child}")
    assert [record.values for record in own if isinstance(record, Metrics)] == [{"child": float(n)} for n in range(3)]
    main = read_journal(folder)
    assert [record.values for record in main if isinstance(record, Metrics)] == [{"parent": 0.0}, {"parent": 1.0}]
    assert [type(record) for record in main] == [RunStarted, Metrics, Metrics, RunFinished]
    assert len(list((folder / "journal").glob(f"main-{child}-*.jsonl"))) == 1

    recorded = autotrack.load(folder)
    assert recorded.status == "finished"
    assert {name: metric.count for name, metric in recorded.metrics.items()} == {
        "parent": 2,
        "child": 3,
        "grandchild": 1,
    }


def test_a_forked_child_that_leaves_the_with_block_changes_nothing(
    store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
        import os, sys
        import autotrack
        with autotrack.start_run("forked", to=sys.argv[1]) as run:
            child = os.fork()
            if child == 0:
                raise SystemExit(0)
            os.waitpid(child, 0)
            run.log({"loss": 0.5})
        print(run.folder)
    """
    folder = Path(run_script(script, str(store)))
    assert [path.name for path in (folder / "journal").iterdir()] == ["main.jsonl"]
    assert [type(record) for record in read_journal(folder)] == [RunStarted, Metrics, RunFinished]


def test_a_forked_child_leaves_what_waits_for_room_to_its_parent(
    store: Path, run_script: Callable[..., str], read_journal: Callable[..., list[AnyRecord]]
) -> None:
    script = """
full(main, 30)
step(0)
step(1)
child = os.fork()
if child == 0:
    room_again()
    run.finish()
    os._exit(len(caught) - 1)
assert os.waitpid(child, 0)[1] == 0, "the child warned of what is its parent's"
room_again()
step(2)
run.finish()
print(run.folder)
"""
    folder = Path(run_script(FULL_DISK + script, str(store)))
    assert every_line_is_a_record(folder / "journal" / "main.jsonl")
    assert steps(read_journal(folder)) == [0, 1, 2]


def test_a_child_forked_after_the_end_does_not_take_over_the_journal(
    store: Path, run_script: Callable[..., str]
) -> None:
    script = """
        import os, sys
        import autotrack
        run = autotrack.start_run("forked", to=sys.argv[1])
        run.finish()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            run.log({"child": 0.5})
            os.read(read, 1)  # lives on until the parent has logged
            os._exit(0)
        run.log({"parent": 0.5})
        os.write(write, b".")
        os.waitpid(child, 0)
        run._release()
        print(run.folder)
    """
    recorded = autotrack.load(Path(run_script(script, str(store))))
    assert {name: metric.count for name, metric in recorded.metrics.items()} == {"parent": 1, "child": 1}
    assert recorded.status == "finished"


def test_a_run_whose_child_lives_on_can_be_continued(store: Path, run_script: Callable[..., str]) -> None:
    script = """
        import os, sys
        import autotrack
        from autotrack.training import start
        run = autotrack.start_run("forked", to=sys.argv[1])
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(read, 1)
            os._exit(0)
        run.finish()
        start.resume_run(run.folder).finish()
        os.write(write, b".")
        os.waitpid(child, 0)
    """
    run_script(script, str(store))
    assert [run.status for run in catalog.runs(store)] == ["finished"]


def test_a_child_that_outlives_a_killed_training_does_not_keep_the_run_open(
    store: Path, run_script: Callable[..., str]
) -> None:
    script = """
        import os, signal, sys
        import autotrack
        run = autotrack.start_run("killed", to=sys.argv[1])
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(write)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            signal.pause()
        print(run.folder, child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    folder, child = run_script(script, str(store), exit_code=-signal.SIGKILL).split()
    try:
        assert is_being_written(Path(folder, "journal", "main.jsonl")) is False
    finally:
        os.kill(int(child), signal.SIGKILL)
