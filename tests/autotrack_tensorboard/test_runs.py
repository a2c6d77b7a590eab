"""Which run gets what a writer writes, and how a run of the writer's own ends."""

import gc
import os
import threading
from typing import Any

import pytest

import autotrack
from tests.autotrack_tensorboard.conftest import MakeWriter, OneRun, all_runs, values_of


def test_a_run_that_is_being_recorded_gets_the_values(writer: Any, recorded: OneRun) -> None:
    with autotrack.start_run(to="store", experiment="tests"):
        writer.add_scalar("loss", 0.5, 1)
        writer.add_text("note", "words")
    writer.close()
    run = recorded()
    assert (run.status, values_of(run, "loss"), run.summary.texts) == ("finished", [(1, 0.5)], {"note": "words"})


def test_what_is_written_after_a_run_belongs_to_it(writer: Any, recorded: OneRun) -> None:
    with autotrack.start_run(to="store", experiment="tests"):
        writer.add_scalar("loss", 0.5, 1)
    writer.add_hparams({"lr": 0.1}, {"best": 0.5})
    assert (recorded().params, values_of(recorded(), "best")) == ({"lr": 0.1}, [(0, 0.5)])


def test_without_a_run_a_writer_has_one_of_its_own_until_it_is_closed(
    writer: Any, library: Any, recorded: OneRun
) -> None:
    writer.add_scalar("loss", 0.5, 1)
    assert recorded().status == "running"
    writer.close()
    writer.close()
    run = recorded()
    assert (run.status, run.summary.tags, list(run.summary.frameworks)) == (
        "finished",
        {"log_dir": "events"},
        [library.__name__.partition(".")[0]],
    )


def test_its_run_is_nobody_elses(writer: Any, make_writer: MakeWriter) -> None:
    other = make_writer("others")
    writer.add_scalar("loss", 1.0, 1)
    assert autotrack.current_run() is None
    other.add_scalar("loss", 2.0, 1)
    with autotrack.start_run(to="store", experiment="tests") as mine:
        mine.log({"loss": 3.0}, step=1)
    for one in (writer, other):
        one.close()
    assert [values_of(run, "loss") for run in all_runs()] == [[(1, 1.0)], [(1, 2.0)], [(1, 3.0)]]
    assert [run.summary.parent for run in all_runs()] == [None, None, None]


def test_a_writer_that_is_opened_again_goes_on_with_its_run(writer: Any, recorded: OneRun) -> None:
    writer.add_scalar("loss", 0.5, 1)
    writer.close()
    writer.add_scalar("loss", 0.4, 2)
    assert (recorded().status, values_of(recorded(), "loss")) == ("finished", [(1, 0.5), (2, 0.4)])


def test_a_writer_that_is_only_made_leaves_no_run(writer: Any) -> None:
    writer.close()
    assert not all_runs()


def test_writers_replaced_in_a_loop_have_a_run_each(autolog: None, library: Any) -> None:
    for index in range(3):
        writer = library.SummaryWriter(f"events/{index}")
        writer.add_scalar("index", index, 0)
        writer.flush()
    assert [run.status for run in all_runs()] == ["finished", "finished", "running"]
    del writer
    gc.collect()
    assert [(run.status, values_of(run, "index")) for run in all_runs()] == [
        ("finished", [(0, index)]) for index in range(3)
    ]


def test_threads_that_share_a_writer_share_its_run(writer: Any, recorded: OneRun) -> None:
    gate = threading.Barrier(4)

    def write(index: int) -> None:
        gate.wait()
        for step in range(20):
            writer.add_scalar(f"loss{index}", step, step)

    threads = [threading.Thread(target=write, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert sorted(recorded().metrics) == ["loss0", "loss1", "loss2", "loss3"]
    assert all(len(recorded().history(name)) == 20 for name in recorded().metrics)


@pytest.mark.parametrize(("error", "status"), [(LookupError("ours"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_an_exception_that_closes_the_writer_is_how_the_run_ended(
    autolog: None, library: Any, recorded: OneRun, error: BaseException, status: str
) -> None:
    def train() -> None:
        with library.SummaryWriter("events") as writer:
            writer.add_scalar("loss", 0.5, 1)
            raise error

    with pytest.raises(type(error)):
        train()
    run = recorded()
    assert (run.status, (run.summary.error or "").partition(":")[0]) == (status, type(error).__name__)


def test_an_exception_from_before_the_run_is_not_how_it_ended(autolog: None, library: Any, recorded: OneRun) -> None:
    try:
        raise ImportError("a library that the script can do without")
    except ImportError:
        with library.SummaryWriter("events") as writer:
            writer.add_scalar("loss", 0.5, 1)
    assert recorded().status == "finished"


def test_another_rank_opens_no_run(writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    writer.add_scalar("loss", 0.5, 1)
    writer.add_text("note", "words")
    assert not all_runs()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_records_its_own_writer_and_ends_no_other_run(writer: Any, make_writer: MakeWriter) -> None:
    writer.add_scalar("loss", 0.5, 1)
    other = make_writer("others")
    pid = os.fork()
    if not pid:
        try:
            other.add_scalar("loss", 0.1, 1)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert [run.status for run in all_runs() if run.summary.pid == os.getpid()] == ["running"]
    writer.close()
    by_process = {run.summary.pid: run for run in all_runs()}
    assert set(by_process) == {os.getpid(), pid}
    own = by_process[os.getpid()]
    assert (own.status, values_of(own, "loss")) == ("finished", [(1, 0.5)])
    assert values_of(by_process[pid], "loss") == [(1, 0.1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "exit_code", "status"),
    [
        ("pass", 0, "finished"),
        ("raise LookupError('mine')", 1, "failed"),
        ("raise KeyboardInterrupt", -2, "interrupted"),
    ],
)
def test_a_script_that_leaves_its_writer_open_ends_its_run(
    run_script: Any, recorded: OneRun, ending: str, exit_code: int, status: str
) -> None:
    run_script(
        f"""
        import autotrack
        autotrack.autolog(to="store", experiment="tests")
        from torch.utils.tensorboard import SummaryWriter
        writer = SummaryWriter()
        writer.add_scalar("loss", 0.5, 1)
        {ending}
        """,
        exit_code=exit_code,
    )
    assert (recorded().status, values_of(recorded(), "loss")) == (status, [(1, 0.5)])


@pytest.mark.slow
def test_the_default_folder_of_writers_may_be_the_store(run_script: Any) -> None:
    run_script("""
        import autotrack
        autotrack.autolog(experiment="tests")
        from torch.utils.tensorboard import SummaryWriter
        for index in range(2):
            with SummaryWriter(comment=str(index)) as writer:
                writer.add_scalar("loss", index, 1)
        """)
    assert len(list(autotrack.runs("runs"))) == 2
