"""Several processes are one run: started by the script itself, by spawn and by torchrun."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import autotrack

pytestmark = pytest.mark.slow

SCRIPT = """
    import os
    import {package} as pl
    {first}
    from tests.support.lightning_modules import make_loader, module_class

    class Net(module_class(pl)):
        def training_step(self, batch, batch_idx):
            if {fail} and self.global_rank == 1 and self.global_step == 2:
                raise LookupError("planted")
            return super().training_step(batch, batch_idx)

    if __name__ == "__main__":
        before = set(os.environ)
        trainer = pl.Trainer(
            max_epochs=2, accelerator="cpu", devices=2, strategy="{strategy}", logger=False, log_every_n_steps=1,
            enable_progress_bar=False, enable_model_summary=False, callbacks=[{callback}],
        )
        model = Net()
        {within}trainer.fit(model, make_loader(), make_loader())
        trainer.test(model, make_loader(), verbose=False)
        left = {{name for name in set(os.environ) - before if "AUTOTRACK" in name}}
        assert not left, left
"""

AUTOLOG = "import autotrack; autotrack.autolog(to='runs', experiment='tests')"
CALLBACK = "from autotrack_lightning import AutotrackCallback"


def launch(folder: Path, *, torchrun: bool = False, **options: object) -> subprocess.CompletedProcess[str]:
    parts = {
        "package": "lightning.pytorch",
        "first": AUTOLOG,
        "strategy": "ddp",
        "callback": "",
        "fail": False,
        "within": "",
    }
    script = folder / "train.py"
    script.write_text(textwrap.dedent(SCRIPT).format(**{**parts, **options}))
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"] if torchrun else []
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *start, str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("strategy", "torchrun", "package", "explicit"),
    [
        ("ddp", False, "pytorch_lightning", True),
        ("ddp", True, "lightning.pytorch", False),
        ("ddp_spawn", False, "lightning.pytorch", True),
    ],
)
def test_two_processes_are_one_run(
    strategy: str, torchrun: bool, package: str, explicit: bool, tmp_path: Path
) -> None:
    callback = "AutotrackCallback(to='runs', experiment='tests')" if explicit else ""
    ended = launch(
        tmp_path,
        torchrun=torchrun,
        strategy=strategy,
        package=package,
        callback=callback,
        first=CALLBACK if explicit else AUTOLOG,
    )
    assert ended.returncode == 0, ended.stderr
    assert len(list((tmp_path / "runs" / "tests").iterdir())) == 1
    check_one_run(tmp_path / "runs")


def check_one_run(store: Path) -> autotrack.RecordedRun:
    """Check that a store has one run, of both processes, and return it."""
    (run,) = autotrack.runs(store)
    assert run.status == "finished"
    assert run.ranks == [0, 1]
    assert {path.name for path in (run.folder / "journal").iterdir()} >= {"main.jsonl", "rank1.jsonl"}
    assert [point.step for point in run.history("loss")] == list(range(6))  # 20 samples, 2 ranks, batches of 4
    assert len(run.history("test_loss")) == 1
    assert run.params["world_size"] == 2
    assert not run.notices
    return run


POOL = """
    import multiprocessing
    import lightning.pytorch as pl
    from tests.support.lightning_modules import make_loader, module_class

    QUIET = {"accelerator": "cpu", "devices": 1, "logger": False, "enable_progress_bar": False}

    class Net(module_class(pl)):
        pass

    def test(lr):
        pl.Trainer(**QUIET).test(Net(lr=lr), make_loader(), verbose=False)

    if __name__ == "__main__":
        import autotrack
        autotrack.autolog(to="runs", experiment="tests", tags={"why": "pool"})
        pl.Trainer(max_epochs=1, **QUIET).fit(Net(lr=0.5), make_loader())
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.map(test, [0.1, 0.2])
"""


def test_other_models_that_are_tested_in_a_spawned_pool_have_runs_of_their_own(tmp_path: Path) -> None:
    script = tmp_path / "pool.py"
    script.write_text(textwrap.dedent(POOL))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    runs = autotrack.runs(tmp_path / "runs")
    assert sorted((run.params["lr"], "test_loss" in run.metrics) for run in runs) == [
        (0.1, True),
        (0.2, True),
        (0.5, False),
    ]
    assert all(run.tags == {"why": "pool"} for run in runs)


def test_what_autolog_was_told_reaches_ranks_that_a_strategy_spawns(tmp_path: Path) -> None:
    first = "if __name__ == '__main__': import autotrack; autotrack.autolog(to='store', experiment='mine')"
    ended = launch(tmp_path, strategy="ddp_spawn", package="pytorch_lightning", first=first)
    assert ended.returncode == 0, ended.stderr
    assert check_one_run(tmp_path / "store").experiment == "mine"
    assert not (tmp_path / "runs").exists()


def test_a_rank_that_fails_says_so(tmp_path: Path) -> None:
    ended = launch(tmp_path, fail=True, torchrun=True)
    assert ended.returncode != 0
    (run,) = autotrack.runs(tmp_path / "runs")
    assert run.status in ("failed", "killed", "interrupted")
    assert run.error is None or "planted" in run.error or run.status == "failed"
    assert "planted" in (run.folder / "journal" / "rank1.jsonl").read_text()


def test_a_run_of_a_person_round_a_spawned_fit_is_one_run(tmp_path: Path) -> None:
    within = "with autotrack.start_run('mine') as run: run.log({'before': 1.0});"
    ended = launch(tmp_path, strategy="ddp_spawn", within=within)
    assert ended.returncode == 0, ended.stderr
    (run,) = autotrack.runs(tmp_path / "runs")
    assert (run.name, run.status, run.ranks) == ("mine", "finished", [0, 1])
    assert [point.step for point in run.history("loss")] == list(range(6))
    assert {"before", "test_loss"} <= set(run.metrics)
    assert not run.notices


@pytest.mark.parametrize("torchrun", [False, True])
def test_a_run_of_a_person_round_a_distributed_fit_is_one_run(torchrun: bool, tmp_path: Path) -> None:
    within = "with autotrack.start_run('mine') as run: run.log({'rank': trainer.global_rank}, 0);"
    ended = launch(tmp_path, torchrun=torchrun, within=within)
    assert ended.returncode == 0, ended.stderr
    (run,) = autotrack.runs(tmp_path / "runs")
    assert (run.name, run.status, run.ranks) == ("mine", "finished", [0, 1])
    assert [point.step for point in run.history("loss")] == list(range(6))
    assert (run.metrics["rank"].last.value, run.metrics["rank1/rank"].last.value) == (0, 1)
