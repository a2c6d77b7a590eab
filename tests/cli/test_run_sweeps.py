"""`autotrack run` of a sweep: each job is a run, in one around them."""

import os
import subprocess
import textwrap
from pathlib import Path

import autotrack
from autotrack.journal.summary import Summary
from tests.cli.test_run import AUTOTRACK


def runs_of(code: str, *arguments: str, exit_code: int = 0) -> list[Summary]:
    """Run a script, and return its runs, the first one first."""
    Path("sweep.py").write_text(textwrap.dedent(code))
    command = [*AUTOTRACK, "--name", "base", "sweep.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=dict(os.environ))
    assert done.returncode == exit_code
    assert exit_code or done.stderr == ""
    return sorted((run.summary for run in autotrack.runs()), key=lambda run: run.started)


LOOP = """
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score

class Own(Ridge):
    def fit(self, x, y):
        Ridge().fit(x, y)
        return super().fit(x, y)

def main(alpha, *, folds=2):
    x, y = [[float(i)] for i in range(9)], [float(i) for i in range(9)]
    Ridge(alpha=alpha).fit(x, y)
    cross_val_score(Own(), x, y, cv=folds)

if __name__ == "__main__":
    for alpha in (0.5, 1.5, 2.5):
        main(alpha)
"""


def test_calls_of_one_function_are_a_run_each_in_that_of_the_sweep() -> None:
    first, sweep, *others = runs_of(LOOP)
    jobs = [first, *others]
    assert [job.name for job in jobs] == ["base", "base-1", "base-2"]
    assert (sweep.name, sweep.parent, sweep.metrics) == ("base-sweep", None, {})
    assert {job.parent for job in jobs} == {sweep.id}
    assert [job.params_by_source["main"] for job in jobs] == [{"alpha": a, "folds": 2} for a in (0.5, 1.5, 2.5)]
    assert {run.status for run in (sweep, *jobs)} == {"finished"}


HYDRA = """
import hydra
from sklearn.linear_model import Ridge

@hydra.main(version_base=None, config_path=None)
def main(config):
    if config.alpha:
        Ridge(alpha=config.alpha).fit([[0.0], [1.0]], [0.0, 1.0])

if __name__ == "__main__":
    main()
"""
QUIETLY = ("hydra/job_logging=disabled", "hydra/hydra_logging=disabled", "hydra.output_subdir=null")


def test_each_job_of_a_multirun_of_hydra_is_a_run() -> None:
    sweep, *jobs = runs_of(HYDRA, "-m", "+alpha=0.5,0,1.5", *QUIETLY)
    assert (sweep.name, sweep.parent) == ("base-sweep", None)
    assert [(job.parent, job.params_by_source["hydra"]) for job in jobs] == [
        (sweep.id, {"alpha": alpha}) for alpha in (0.5, 1.5)
    ]


def test_a_single_job_of_hydra_is_one_run_and_a_sweep_that_trains_nothing_leaves_nothing() -> None:
    assert runs_of(HYDRA, "-m", "+alpha=0,0", *QUIETLY) == []
    assert [run.name for run in runs_of(HYDRA, "+alpha=0.5", *QUIETLY)] == ["base"]


TORCH = """
import torch

def main(lr):
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(2):
        loss = model(torch.ones(4, 1)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

[main(lr) for lr in (0.5, 0.25)]
"""


def test_a_loop_of_plain_pytorch_in_a_function_that_is_called_again_is_another_run() -> None:
    first, _sweep, second = runs_of(TORCH)
    assert [(run.params["lr"], run.metrics["loss"].count) for run in (first, second)] == [(0.5, 2), (0.25, 2)]


CAUGHT = """
from sklearn.linear_model import Ridge

def main(alpha):
    Ridge(alpha=alpha).fit([[0.0], [1.0]], [0.0, 1.0])
    if alpha > 1:
        raise ValueError("too much")

def sweep():
    for alpha in (0.5, 1.5, 0.75, 2.5, 0.25)[:int(sys.argv[1])]:
        try:
            main(alpha)
        except ValueError as error:
            print("failed:", error)

import sys
sweep()
if len(sys.argv) > 2:
    raise LookupError("after all jobs")
"""


def test_a_job_whose_exception_the_script_catches_has_failed_also_if_it_is_the_last_one() -> None:
    first, sweep, *others = runs_of(CAUGHT, "4")
    assert sweep.status == "finished"
    assert [job.status for job in (first, *others)] == ["finished", "failed", "finished", "failed"]
    assert [notice.message for notice in others[0].notices] == [
        "main ended with an exception, which the script has caught"
    ]


def test_what_happens_after_the_last_job_is_not_its_fate() -> None:
    first, sweep, *others = runs_of(CAUGHT, "5", "then fail", exit_code=1)
    assert (sweep.status, sweep.error) == ("failed", "LookupError: after all jobs")
    assert [job.status for job in (first, *others)] == ["finished", "failed", "finished", "failed", "finished"]
