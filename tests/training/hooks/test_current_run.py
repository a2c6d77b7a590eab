"""Which run is being recorded here: one for every thread and task, and none that has ended."""

import asyncio
import contextvars
import threading
from pathlib import Path

import autotrack
from autotrack import Run
from autotrack.training.hooks.current_run import enter, leave
from autotrack.training.run import current_run


def seen_in_a_thread() -> Run | None:
    seen: list[Run | None] = []
    thread = threading.Thread(target=lambda: seen.append(current_run()))
    thread.start()
    thread.join()
    return seen[0]


def test_there_is_a_current_run_from_its_start_to_its_end(store: Path) -> None:
    assert current_run() is None
    run = autotrack.start_run(to=store)
    assert current_run() is run
    run.finish()
    assert current_run() is None
    run.log({"loss": 0.5})  # belongs to the run, but does not make it current again
    assert current_run() is None


def test_the_innermost_run_is_the_current_one(store: Path) -> None:
    with autotrack.start_run(to=store) as outer:
        with autotrack.start_run(to=store) as inner:
            assert current_run() is inner
        assert current_run() is outer
    assert current_run() is None


def test_runs_may_end_in_any_order(store: Path) -> None:
    outer, inner = autotrack.start_run(to=store), autotrack.start_run(to=store)
    outer.finish()
    assert current_run() is inner
    inner.finish()
    assert current_run() is None


def test_a_failed_run_is_not_current_any_more(store: Path) -> None:
    try:
        with autotrack.start_run(to=store):
            raise ValueError
    except ValueError:
        assert current_run() is None


def test_a_thread_has_no_run_until_it_is_given_one(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        assert seen_in_a_thread() is None
        seen: list[Run | None] = []
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(lambda: seen.append(current_run()),))
        thread.start()
        thread.join()
        assert seen == [run]


def test_a_run_of_a_thread_is_not_current_elsewhere(store: Path) -> None:
    ready, done = threading.Event(), threading.Event()
    seen: list[bool] = []

    def work() -> None:
        with autotrack.start_run(to=store) as run:
            ready.set()
            done.wait(60)
            seen.append(current_run() is run)

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(60)
    assert current_run() is None
    with autotrack.start_run(to=store) as mine:
        assert mine.outer is None
    done.set()
    thread.join()
    assert seen == [True]


def test_tasks_do_not_mix_their_runs(store: Path) -> None:
    async def train(name: str) -> bool:
        with autotrack.start_run(name, to=store) as run:
            for step in range(3):
                await asyncio.sleep(0)
                found = current_run()
                assert found is run
                found.log({name: 0.5}, step=step)
            return current_run() is run

    async def train_all() -> list[bool]:
        return await asyncio.gather(*[train(name) for name in ("a", "b", "c")])

    assert asyncio.run(train_all()) == [True] * 3
    assert {run.name: list(run.metrics) for run in autotrack.runs(store)} == {"a": ["a"], "b": ["b"], "c": ["c"]}
    assert [run.parent for run in autotrack.runs(store)] == [None] * 3


def test_leaving_a_run_that_is_not_current_changes_nothing(store: Path) -> None:
    with autotrack.start_run(to=store) as outer, autotrack.start_run(to=store) as inner:
        leave(outer)
        assert current_run() is inner
        leave(inner)
        assert current_run() is outer
        enter(inner)
        assert current_run() is inner
