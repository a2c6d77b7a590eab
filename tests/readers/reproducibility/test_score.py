"""What would be missing to repeat a run is named with what can be done, and each takes points that add up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal.records import Dataset
from autotrack.journal.summary import LoadSummary, Summary
from autotrack.readers.reproducibility.score import Finding, Reproducibility, reproducibility_of
from tests.reproduce.planted import environ_of_users
from tests.support.repositories import new, put

TRAIN = """
import sys
import numpy, lab
import autotrack
vectors = open("vectors.dat", "rb").read()
table = open(sys.argv[1]).read()
with autotrack.start_run() as run:
    run.log_dataset("train", iter([1, 2, 3]))
    run.log({"loss": float(numpy.random.rand())}, step=0)
"""
SEEDED = TRAIN.replace("import autotrack", "import autotrack\nnumpy.random.seed(1)").replace(
    "iter([1, 2, 3])", "[[1.0]]"
)
DIRECT_URL = json.dumps({"url": "file:///home/me/lab", "dir_info": {"editable": True}})
LAB = {
    "lab.py": "",
    "lab-1.0.dist-info/METADATA": "Name: lab\nVersion: 1.0\n",
    "lab-1.0.dist-info/RECORD": "lab.py,,\n",
}


def train(root: Path, path: str, packages: Path) -> str:
    environ = {**environ_of_users(), "AUTOTRACK_QUIET": "0", "PYTHONPATH": str(packages)}
    command = [sys.executable, "train.py", path]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project in whose run much would be missing, and what its training printed."""
    top = tmp_path_factory.mktemp("lacking")
    put(top, {"data/table.csv": "1,2\n"})
    put(top / "packages", {**LAB, "lab-1.0.dist-info/direct_url.json": DIRECT_URL})
    root = new(top / "project", {"train.py": TRAIN, ".gitignore": "runs/\n"})
    put(root, {"vectors.dat": b"\0" * 1_500_000})
    return root, train(root, str(top / "data" / "table.csv"), top / "packages")


def found(summary: Summary, folder: Path = Path("nowhere")) -> dict[str, Finding]:
    return {one.what: one for one in reproducibility_of(folder, summary).missing}


def test_each_thing_that_would_be_missing_is_named_with_a_fix(lacking: tuple[Path, str]) -> None:
    run = autotrack.runs(lacking[0] / "runs")[0]
    missing = {one.what: one for one in run.reproducibility.missing}
    outside = str(lacking[0].parent / "data" / "table.csv")
    assert {what: one.kind for what, one in missing.items()} == {
        "a seed": "seed",
        "vectors.dat": "code",
        "a fingerprint of train": "data",
        "lab": "packages",
        outside: "data",
    }
    assert all(one.why and one.fix and one.points > 0 for one in missing.values())
    assert "over 1 MB" in missing["vectors.dat"].why
    assert "numpy.random" in missing["a seed"].why
    assert run.reproducibility.score == 100 - sum(one.points for one in missing.values())


def test_it_is_said_in_one_line_after_training_and_at_length_by_commands(lacking: tuple[Path, str]) -> None:
    root, printed = lacking
    score = autotrack.runs(root / "runs")[0].reproducibility.score
    [line] = [line for line in printed.splitlines() if "reproducible" in line]
    assert line == f"  reproducible: {score} of 100; missing: a seed, vectors.dat, and 3 more (autotrack show --all)"
    called: Any = lambda *words: CliRunner().invoke(app, [*words, "--store", str(root / "runs")])  # noqa: E731
    assert f"reproducible {score} of 100; missing: a seed, vectors.dat" in called("show").output
    assert "numpy.random.seed(0)" not in called("show").output
    assert "numpy.random.seed(0)" in " ".join(called("show", "--all").output.split())
    shown = json.loads(called("show", "--json").output)["reproducibility"]
    diagnosed = called("doctor", "--reproduce")
    assert diagnosed.exit_code == 0
    assert f"is reproducible: {score} of 100" in diagnosed.output
    assert json.loads(called("doctor", "--reproduce", "--json").output)["missing"] == shown["missing"]
    assert called("doctor", "latest").exit_code == 1


def test_nothing_is_said_of_a_run_that_lacks_nothing(tmp_path: Path) -> None:
    put(tmp_path / "packages", LAB)
    files: dict[str, str | bytes] = {
        "train.py": SEEDED,
        ".gitignore": "runs/\n",
        "vectors.dat": b"w",
        "table.csv": "1,2\n",
    }
    printed = train(new(tmp_path / "project", files), "table.csv", tmp_path / "packages")
    assert "started" in printed
    assert "reproducible" not in printed
    run = autotrack.runs(tmp_path / "project" / "runs")[0]
    assert (run.reproducibility.score, run.reproducibility.missing) == (100, ())


def summary_of(draws: list[str], **about: Any) -> Summary:
    used = {"modules": {"/p/train.py": "0"}, "draws": draws, "seeds": about.pop("seeds", [])}
    process, hardware = about.pop("process", {}), about.pop("hardware", {})
    environment = {"git": {"root": "/p", "commit": "0" * 40}, "packages": {"python": "3.12.1"}, "used": used}
    return Summary(cwd="/p", environment={**environment, "process": process, "hardware": hardware}, **about)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (summary_of([]), None),
        (summary_of(["numpy.random"]), "a seed"),
        (summary_of(["numpy.random"], params={"seed": 3}), None),
        (summary_of(["torch"], process={"torch_seed": 2**63}, params={"seed": 3}), "a seed for torch"),
        (summary_of(["torch"], process={"torch_seed": 7}), None),
        (summary_of(["torch"], process={"torch_seed": 2**63}, seeds=["torch.manual_seed"]), None),
        (
            summary_of(["torch"], process={"torch_seed": 2**63}, seeds=["manual_seed"], started_by="script"),
            "a seed for torch",
        ),
        (summary_of(["sklearn"], params={"random_state": None, "n_estimators": 3}), "a seed"),
        (summary_of(["sklearn"], params={"random_state": None, "solver": "lbfgs"}), None),
        (summary_of(["sklearn"], params={"fit_intercept": True}), None),
        (
            summary_of(["sklearn", "numpy.random"], seeds=["default_rng"], params={"random_state": None}),
            "random_state",
        ),
        (summary_of(["sklearn", "numpy.random"], seeds=["np.random.seed"], params={"random_state": None}), None),
    ],
)
def test_what_may_be_drawn_has_to_be_seeded(summary: Summary, expected: str | None) -> None:
    whats = list(found(summary))
    assert len(whats) == (expected is not None)
    assert expected is None or whats[0].endswith(expected)


def test_a_graphics_card_and_its_algorithms_count_only_where_they_were_used(tmp_path: Path) -> None:
    cards = {"gpus": [{"name": "NVIDIA H100"}]}
    process = {"torch_seed": 7, "torch_deterministic_algorithms": False, "torch_cudnn_benchmark": False}
    assert not found(summary_of(["torch"], hardware=cards, process=process))
    busy = {"gpu0_process_memory_bytes": LoadSummary(1.0, 1.0, 1.0, 1.0, 1)}
    on_card = summary_of(["torch"], hardware=cards, process=process, system=busy)
    assert list(found(on_card)) == ["deterministic algorithms", "the same NVIDIA H100"]
    process["torch_deterministic_algorithms"] = True
    only_card = reproducibility_of(tmp_path, on_card)
    assert (only_card.score, only_card.is_worth_a_line) == (95, False)


def test_points_never_add_up_to_more_than_there_are() -> None:
    nothing = Summary(datasets=[Dataset(time=0, role=f"r{number}", kind="x") for number in range(9)], argv=["x"])
    nothing.environment = {"process": {"interactive": True, "command": "python [redacted]"}}
    nothing.frameworks = {"torch": "2"}
    judged = reproducibility_of(Path("nowhere"), nothing)
    assert judged.score == 0
    assert sum(one.points for one in judged.missing) == 100


def test_what_others_have_written_into_a_run_stops_no_check() -> None:
    odd: dict[str, Any] = {"used": {"files": 3, "packages": "x", "seeds": {}}, "hardware": {"gpus": 5}, "process": {}}
    assert isinstance(reproducibility_of(Path("nowhere"), Summary(environment=odd)), Reproducibility)
