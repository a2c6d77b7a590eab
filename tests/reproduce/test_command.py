"""What is run again is the recorded command line, with paths of the project in the workspace and no others changed."""

from pathlib import Path, PurePath
from typing import Any

from autotrack.journal.summary import Summary
from autotrack.reproduce.command import Rerun, doubts_about_command, rerun_of
from autotrack.reproduce.workspace import Workspace

BASE = PurePath("/home/me/lab")
CODE = Path("/home/me/lab/reproduced/a/lab")  # the store, and so the workspace, lies in the project
PYTHON = "/home/me/lab/.venv/bin/python"


def rerun(process: dict[str, Any], variables: dict[str, str] | None = None, **options: Any) -> Rerun:
    space = Workspace(CODE.parent, CODE, CODE / "scripts", BASE, (), options.pop("cells", None))
    environment = {"process": process, "hardware": {"environment_variables": variables or {}}}
    environment["used"] = {"variables": options.pop("read", {})}
    summary = Summary(cwd="/home/me/lab/scripts", environment=environment)
    return rerun_of(summary, space, store=Path("/home/me/lab/runs"), python=PYTHON, **options)


def test_paths_of_the_project_lead_into_the_workspace_but_not_the_interpreter() -> None:
    command = f"{PYTHON} /home/me/lab/train.py --data=/home/me/lab/data /home/me/other"
    words = [PYTHON, f"{CODE}/train.py", f"--data={CODE}/data", "/home/me/other"]
    assert rerun({"command": command}).command == words
    launched = {"command": command, "launched_by": "autotrack run /home/me/lab/train.py"}
    assert rerun(launched).command == [PYTHON, "-m", "autotrack", "run", f"{CODE}/train.py"]
    project = {"command": command, "launched_by": "autotrack run --always --"}
    assert rerun(project).command == [PYTHON, "-m", "autotrack", "run", "--always", "--", *words]


def test_an_installed_program_is_that_of_the_environment() -> None:
    process = {"command": "/old/bin/python /old/bin/train --lr 1", "prefix": "/old"}
    assert rerun(process).command == [PYTHON, "/home/me/lab/.venv/bin/train", "--lr", "1"]


def test_cells_and_a_command_of_ones_own_stay_where_they_are(tmp_path: Path) -> None:
    cells = tmp_path / "cells.py"
    cells.write_text("print()")
    assert rerun({}, cells=cells).command == [PYTHON, str(cells)]
    given = rerun({}, command=[PYTHON, "/home/me/lab/train.py"])
    assert given.command == [PYTHON, f"{CODE}/train.py"]


def test_relative_places_of_modules_are_from_where_the_run_was_started() -> None:
    variables = {"PYTHONPATH": "../src:../../site:/abs", "OMP_NUM_THREADS": "2"}
    again = rerun({"command": "python train.py"}, variables)
    assert again.variables["PYTHONPATH"] == f"{CODE}/src:/home/me/site:/abs"
    assert again.variables["OMP_NUM_THREADS"] == "2"


def test_variables_that_the_code_reads_are_set_unless_they_are_of_this_machine() -> None:
    read = {"SCALE": "2.5", "USER": "me", "LD_PRELOAD": "x", "CONFIG": "#a1b2c3"}
    again = rerun({"command": "python train.py"}, read=read)
    assert again.variables["SCALE"] == "2.5"
    assert not again.variables.keys() & {"USER", "LD_PRELOAD", "CONFIG"}
    [lost] = doubts_about_command(Summary(environment={"used": {"variables": read}}))
    assert (lost.what, lost.fix) == ("CONFIG", "set it as it was")


def test_a_variable_with_a_name_that_a_shell_would_run_is_left_out() -> None:
    odd = "OMP_A=1 touch x; B"
    again = rerun(
        {"command": "python train.py"}, {odd: "1", "OMP_NUM_THREADS": "2"}, read={"C;touch x": "3", "D": "4"}
    )
    assert not {odd, "C;touch x"} & again.variables.keys()
    assert {"OMP_NUM_THREADS", "D"} <= again.variables.keys()
