"""What autotrack brings into a process: little, nothing that is slow to import, and the rest when it is needed."""

import json
from collections.abc import Callable

import pytest

SLOW = {"numpy", "torch", "tensorboard", "git", "requests", "rich", "typer"}
READERS = {"autotrack.sinks", "autotrack.readers", "autotrack.journal.reader", "autotrack.sidecar", "autotrack.cli"}
FRAMEWORKS = {"torch", "lightning", "pytorch_lightning", "keras", "tensorflow", "sklearn", "numpy"}

Imported = Callable[[str], set[str]]


@pytest.fixture
def imported(run_script: Callable[..., str]) -> Imported:
    """Run code in a fresh interpreter; return the modules that were there at its end and not at its start."""

    def modules(code: str) -> set[str]:
        said = run_script(f"import sys\nbefore = set(sys.modules)\n{code}\nafter = set(sys.modules)\n"
                          "import json; print(json.dumps(sorted(after - before)))")  # fmt: skip
        return set(json.loads(said))

    return modules


def test_importing_autotrack_costs_next_to_nothing(imported: Imported) -> None:
    found = imported("import autotrack")
    assert len(found) < 100, sorted(found)
    assert not found & (SLOW | {"msgspec"})


def test_recording_a_run_imports_nothing_slow(imported: Imported) -> None:
    found = imported(
        """
import autotrack
with autotrack.start_run("mine", params={"lr": 0.1}, tags={"why": "paper"}) as run:
    run.log({"loss": 0.5}, step=0)
    run.log_text("notes", "hello")
    run.log_artifact(__file__)
"""
    )
    assert "autotrack.training.run" in found
    assert not found & SLOW


def test_the_first_metric_takes_few_modules(imported: Imported) -> None:
    found = imported("import autotrack\nautotrack.start_run('mine').log({'loss': 0.5}, step=0)")
    assert len(found) < 200, sorted(found)
    assert not found & {"difflib", "fractions", "hashlib", "socket", "selectors", "sysconfig"}


def test_what_reads_and_ships_is_not_in_the_process_while_a_run_is_open(imported: Imported) -> None:
    open_run = "import autotrack\nrun = autotrack.start_run('mine')\nrun.log({'loss': 0.5}, step=0)\n"
    found = imported(f"{open_run}run.log_params({{'lr': 0.1}})\nrun.log_artifact(__file__)\nrun.notice('a', 'b')")
    assert "autotrack.training.run" in found
    assert not found & READERS
    assert imported(f"{open_run}run.finish()") & READERS, "at its end they are needed"


def test_autolog_alone_imports_no_framework(imported: Imported) -> None:
    found = imported("import autotrack\nautotrack.autolog()")
    assert "autotrack.training.autolog" in found
    assert not found & (FRAMEWORKS | SLOW | READERS | {"multiprocessing", "autotrack.training.observe.data"})


def test_reading_runs_imports_no_framework(imported: Imported) -> None:
    found = imported(
        "import autotrack\nautotrack.start_run('mine').finish()\n"
        "assert autotrack.runs().where('name == \"mine\"')[0].history"
    )
    assert "autotrack.readers.catalog" in found
    assert not found & (FRAMEWORKS | SLOW)


def test_looking_at_runs_again_imports_nothing_that_reads_them(
    imported: Imported, run_script: Callable[..., str]
) -> None:
    run_script("import autotrack\nautotrack.start_run('mine').finish()\nassert autotrack.runs()")
    found = imported("import autotrack\nassert autotrack.runs().where('name == \"mine\"').sort('started')")
    assert "autotrack.readers.index.store_index" in found
    assert not found & {
        "autotrack.journal.fold",
        "autotrack.readers.index.writer",
        "autotrack.readers.compare.configuration",
    }


_COMMAND = (
    "sys.argv = ['autotrack', {!r}]\nsys.stdout, kept = open('out', 'w'), sys.stdout\n"
    "from autotrack.cli import main\n"
    "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\nsys.stdout = kept"
)


def test_the_command_line_imports_no_framework(imported: Imported) -> None:
    found = imported(_COMMAND.format("ls"))
    assert "autotrack.cli.app" in found
    assert not found & (FRAMEWORKS | {"pydantic", "psutil", "requests", "autotrack.journal.fold"})
    assert len(found) < 290, sorted(found)


def test_the_version_is_told_by_next_to_nothing(imported: Imported) -> None:
    found = imported(_COMMAND.format("--version"))
    assert "autotrack.version" in found
    assert not found & (FRAMEWORKS | SLOW | {"msgspec", "autotrack.cli.app"})
    assert len(found) < 100, sorted(found)


def test_autotrack_run_imports_little_before_it_becomes_the_script(imported: Imported) -> None:
    found = imported(
        "import os, sys\nsys.argv = ['autotrack', 'run', '--output', __file__]\nos.execve = lambda *_: sys.exit()\n"
        "sys.stderr.flush = sys.stdout.flush = lambda: None\nfrom autotrack.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert "autotrack.cli.run" in found
    assert not found & (SLOW | {"click", "importlib.metadata", "psutil", "autotrack.cli.app", "autotrack.training"})
    assert len(found) < 150, sorted(found)


def test_a_child_that_trains_nothing_is_left_alone(imported: Imported) -> None:
    """What the script under `autotrack run` starts, such as pip, until it imports a framework."""
    found = imported(
        "import autotrack.training.startup\n"
        'autotrack.training.startup.begin(\'child 1 {"frameworks":["torch"]}\')\nimport shutil'
    )
    ours = {name for name in found if name.startswith("autotrack") or name in ("msgspec", "pathlib")}
    assert ours <= {"autotrack", "autotrack.version", "autotrack.training", "autotrack.training.startup",
                    "autotrack.training.main_target"}  # fmt: skip
