"""Whose arguments they are: those of the script, also in processes that it starts, and never those of a library."""

import subprocess
import sys
from pathlib import Path

import pytest

from autotrack.readers import recorded_run
from tests.support.recorded_scripts import run_recorded


def test_a_module_of_the_script_with_the_name_of_a_parser_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "fire").mkdir()
    (tmp_path / "fire" / "__init__.py").touch()
    (tmp_path / "fire" / "core.py").write_text("temperature = 451\n")
    found = run_recorded(tmp_path, "import fire.core\ntrain()")
    assert [run.notices for run in found.runs] == [[]]


WORKER = """
import argparse, multiprocessing

def work(args):
    train(args)

def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--password", default="")
    return parser.parse_args()

if __name__ == "__main__":
    child = multiprocessing.get_context({method!r}).Process(target=work, args=(parse(),))
    child.start()
    child.join()
    assert child.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_runs_of_child_processes_have_the_arguments_of_the_script(tmp_path: Path, method: str) -> None:
    found = run_recorded(tmp_path, WORKER.format(method=method), "--lr", "0.3", "--password", "xq4-Kk29")
    assert found.of("argparse") == ({"lr": 0.3, "password": "[redacted]"}, ["lr", "password"], {
        "lr": 0.1, "password": "",
    })  # fmt: skip


def test_parsers_of_installed_packages_and_of_the_standard_library_are_not_the_scripts(tmp_path: Path) -> None:
    found = run_recorded(
        tmp_path,
        """
        import contextlib, io, unittest
        import pytest

        unittest.main(argv=["x", "--quiet"], exit=False)
        with contextlib.redirect_stdout(io.StringIO()):
            pytest.main(["--co", "-q", "-p", "no:cacheprovider", "nothing_there"])
        train()
        """,
    )
    assert [run.params_by_source for run in found.runs] == [{}]


@pytest.mark.slow
def test_the_arguments_of_a_launcher_are_not_the_scripts(tmp_path: Path) -> None:
    found = run_recorded(
        tmp_path,
        """
        from torch.distributed.run import parse_args

        parse_args(["--nproc-per-node", "2", "train.py"])
        train()
        """,
    )
    assert [run.params_by_source for run in found.runs] == [{}]


PACKAGE = """
import argparse
import autotrack
autotrack.autolog(to={store!r})

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.parse_args()
    autotrack.start_run().finish()

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("words", [["-m", "trainer.cli"], ["-c", "from trainer.cli import main; main()"]])
def test_a_project_that_is_installed_is_the_users(tmp_path: Path, words: list[str]) -> None:
    package = tmp_path / "site-packages" / "trainer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(PACKAGE.format(store=str(tmp_path / "runs")))
    subprocess.run([sys.executable, *words, "--lr", "0.3"], cwd=package.parent, check=True, capture_output=True)
    [run] = [recorded_run.summarise(path.parent) for path in (tmp_path / "runs").glob("*/*/journal")]
    assert run.params_by_source == {"argparse": {"lr": 0.3}}


def test_arguments_parsed_before_autolog_are_those_of_the_one_namespace_of_the_script(tmp_path: Path) -> None:
    for code, params in (
        ("args = other = parser.parse_args()", {"argparse": {"lr": 0.3}}),
        ("args, other = parser.parse_args(), parser.parse_args()", {}),
    ):
        (tmp_path / "early.py").write_text(f"""
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
{code}
import autotrack
autotrack.autolog(to={str(tmp_path / "early")!r})
autotrack.autolog(to={str(tmp_path / "early")!r})
autotrack.start_run().finish()
""")
        subprocess.run([sys.executable, "early.py", "--lr", "0.3"], cwd=tmp_path, check=True, capture_output=True)
        runs = [recorded_run.summarise(path.parent) for path in (tmp_path / "early").glob("*/*/journal")]
        run = max(runs, key=lambda run: run.started)
        assert (run.params_by_source, run.params_given, run.argv[1:]) == (params, {}, ["--lr", "0.3"])
