"""Fits in processes that the script starts are runs of their own; those of searches and ranks are not."""

import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack

pytestmark = pytest.mark.slow

SCRIPT = """
    import multiprocessing, os
    from pathlib import Path
    from concurrent.futures import ProcessPoolExecutor
    import joblib
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier
    import autotrack

    X, y = load_iris(return_X_y=True)

    def train(depth):
        DecisionTreeClassifier(max_depth=depth).fit(X, y)

    class Committee(ClassifierMixin, BaseEstimator):  # which trains its members in processes, as some libraries do
        def fit(self, X, y):
            tasks = [joblib.delayed(DecisionTreeClassifier(max_depth=depth).fit)(X, y) for depth in (1, 2)]
            self.members_ = joblib.Parallel(n_jobs=2)(tasks)
            return self

    if __name__ == "__main__":
        os.makedirs("work")
        os.chdir("work")  # spawned processes start where the script did
        autotrack.autolog(to="runs", experiment="tests", tags={{"why": "processes"}})
        {main}
"""

JOBLIB = "joblib.Parallel(n_jobs=2)(joblib.delayed(train)(depth) for depth in (7, 8))"

EVERY_KIND = """
    workers = [context.Process(target=train, args=(depth,)) for depth in (1, 2)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not any(worker.exitcode for worker in workers)
    with context.Pool(1) as pool:
        pool.map(train, (3, 4))
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        list(executor.map(train, (5, 6)))
"""


def script(*parts: str) -> str:
    """The script whose main part is all of these."""
    main = "\n".join(textwrap.dedent(part).strip() for part in parts)
    return textwrap.dedent(SCRIPT).format(main=textwrap.indent(main, " " * 4).lstrip())


@pytest.fixture
def recorded(run_script: Callable[..., str], tmp_path: Path) -> Callable[..., list[autotrack.RecordedRun]]:
    def run(*parts: str) -> list[autotrack.RecordedRun]:
        run_script(script(*parts))
        assert not (tmp_path / "runs").exists()
        found = sorted(autotrack.runs(tmp_path / "work" / "runs"), key=lambda run: str(run.folder))
        assert not [notice for run in found for notice in run.notices]
        return found

    return run


@pytest.mark.parametrize(("method", "also", "depths"), [("fork", JOBLIB, range(1, 9)), ("spawn", "", range(1, 7))])
def test_a_fit_in_a_process_is_a_run_that_names_the_one_it_was_started_in(
    method: str, also: str, depths: range, recorded: Callable[..., list[autotrack.RecordedRun]]
) -> None:
    """Joblib's processes are the same in both cases, so one has them."""
    context = f"context = multiprocessing.get_context('{method}')"
    kinds = (EVERY_KIND, also)
    runs = recorded(context, *kinds, "run = autotrack.start_run('mine')", *kinds, "run.finish()")
    (parent,) = [run for run in runs if run.name == "mine"]
    assert not parent.params
    fits = [run for run in runs if run is not parent]
    for named in (None, parent.id):
        assert sorted(run.params["max_depth"] for run in fits if run.parent == named) == [*depths]
    assert {(run.status, run.tags["why"]) for run in fits} == {("finished", "processes")}


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_a_fit_in_a_worker_of_joblib_belongs_to_the_script(
    backend: str, recorded: Callable[..., list[autotrack.RecordedRun]]
) -> None:
    """Its main module may be a file of joblib, in an environment that lies in another repository."""
    runs = recorded("train(6)", f"with joblib.parallel_backend('{backend}'):\n    {JOBLIB}")
    assert len(runs) == 3
    (entry_point,) = {run.entry_point for run in runs}
    assert entry_point is not None
    assert Path(entry_point).name == "script.py"


def test_a_run_that_is_over_is_nobodys_parent(recorded: Callable[..., list[autotrack.RecordedRun]]) -> None:
    """Workers of a pool live on after the run that they were started in."""
    main = """
        run = autotrack.start_run("mine")
        pool = multiprocessing.get_context("fork").Pool(1)
        pool.map(train, [1])
        run.finish()
        pool.map(train, [2])
        pool.close()
        pool.join()
    """
    runs = {run.params.get("max_depth"): run for run in recorded(main)}
    assert (runs[1].parent, runs[2].parent) == (runs[None].id, None)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_that_is_older_than_a_run_works_for_that_run(
    method: str, recorded: Callable[..., list[autotrack.RecordedRun]]
) -> None:
    main = f"""
        with multiprocessing.get_context("{method}").Pool(1) as pool, ProcessPoolExecutor(1) as executor:
            pool.map(train, [1])
            list(executor.map(train, [2]))
            with autotrack.start_run("mine"):
                pool.map(train, [3])
                list(executor.map(train, [4]))
            pool.map(train, [5])
    """
    runs = recorded(main)
    (parent,) = [run for run in runs if run.name == "mine"]
    assert {run.params["max_depth"] for run in runs if run.parent == parent.id} == {3, 4}
    assert {run.params["max_depth"] for run in runs if run.parent is None and run is not parent} == {1, 2, 5}


def test_the_workers_of_a_search_and_of_an_estimator_that_trains_others_open_none(
    recorded: Callable[..., list[autotrack.RecordedRun]],
) -> None:
    """Also when the workers are there already, from an earlier fit and from tasks of the user's own."""
    search = """
        for backend in ("loky", "multiprocessing", "threading"):
            with joblib.parallel_backend(backend):
                GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2, n_jobs=2).fit(X, y)
    """
    runs = recorded("Committee().fit(X, y)", search, JOBLIB, "Committee().fit(X, y)", search)
    kinds = Counter(run.tags["estimator"].rpartition(".")[2] for run in runs)
    assert kinds == {"Committee": 2, "GridSearchCV": 6, "DecisionTreeClassifier": 2}
    assert {len(run.trials) for run in runs if "GridSearchCV" in run.tags["estimator"]} == {2}


def test_a_process_that_is_killed_leaves_a_run_that_says_so(
    everything: None, recorded: Callable[..., list[autotrack.RecordedRun]], tmp_path: Path
) -> None:
    started = """
        def train_for_ever():
            run = autotrack.start_run("for ever")
            print("at work")
            run.log({"loss": 0.5}, 0)
            os.kill(os.getpid(), 9)

        worker = multiprocessing.get_context("fork").Process(target=train_for_ever)
        worker.start()
        worker.join()
        assert worker.exitcode == -9
        import time
        deadline = time.monotonic() + 60
        while "RunFinished" not in "".join(path.read_text() for path in Path("runs").glob("*/*/journal/*.jsonl")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    """
    (run,) = recorded(started)
    assert run.status == "killed"
    assert (run.folder / "output.log").read_text() == "at work\n"


def test_workers_that_cannot_import_autotrack_call_the_function_as_it_is(run_script: Callable[..., str]) -> None:
    """As loky's, which are used again and may have been started before the script changed its path."""
    found = run_script("""
        import os, sys, time
        import joblib
        import autotrack

        def forget_autotrack():
            for name in [*sys.modules, "autotrack"]:
                if name.split(".")[0] == "autotrack":
                    sys.modules[name] = None
            time.sleep(0.5)

        def square(number):
            return number * number, sys.modules.get("autotrack", "there") is None

        if __name__ == "__main__":
            with joblib.parallel_backend("loky"):
                joblib.Parallel(n_jobs=2)(joblib.delayed(forget_autotrack)() for _ in range(4))
                autotrack.autolog(to="runs", experiment="tests")
                with autotrack.start_run("one"):
                    found = joblib.Parallel(n_jobs=2)(joblib.delayed(square)(number) for number in range(6))
            print([number for number, _ in found], any(cannot for _, cannot in found))
    """)
    assert found == "[0, 1, 4, 9, 16, 25] True"
