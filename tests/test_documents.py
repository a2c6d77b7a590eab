"""What the documents and the examples show is true: snippets and commands run, links, names and tables are right."""

import doctest
import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
import typer

import autotrack
from autotrack.cli.app import app
from autotrack.settings import Settings
from tests.benchmarks.__main__ import PARTS
from tests.support import markdown, repositories
from tests.support.made_once import made_once
from tests.test_architecture import ORDER

ROOT = Path(__file__).parents[1]
ROOTS = ("autotrack", "integrations", "tests", "examples")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(path for folder in ROOTS for path in (ROOT / folder).rglob("README.md")),
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
README = TEXTS["README.md"]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PARAMS = {
    "lightning": {"max_epochs", "batch_size", "lr", "optimizer", "parameters"},
    "keras": {"epochs", "batch_size", "learning_rate", "optimizer", "parameters"},
    "sklearn": {"verbose"},
    "compare": {"hidden_layer_sizes", "learning_rate_init"},
    "tensorboard": {"lr", "width", "batch_size"},
    "torch": {"batch_size", "epochs", "lr_init", "lr", "optimizer", "scheduler", "parameters", "torchscript"},
}
"""What every run of an example has among its params, by the framework it is about."""

every_document = pytest.mark.parametrize("document", TEXTS)


def execute(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    environment.setdefault("KERAS_BACKEND", "torch")
    in_a_shell = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, *arguments]  # which has the folder, too
    ended = subprocess.run(in_a_shell, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended


# ---- snippets


@pytest.mark.slow
@pytest.mark.parametrize("document", [name for name, text in TEXTS.items() if markdown.blocks(text, "python")])
def test_the_snippets_of_a_document_work_one_after_another(document: str, tmp_path: Path) -> None:
    """They are pasted into one script, as a reader would who goes through the document from top to bottom."""
    (tmp_path / "script.py").write_text("\n".join(markdown.blocks(TEXTS[document], "python")), encoding="utf-8")
    execute("script.py", cwd=tmp_path)


@pytest.mark.slow
def test_the_readme_shows_what_its_example_prints(tmp_path: Path) -> None:
    """It is run twice, from a repository, and with another learning rate the second time."""
    example = markdown.blocks(README, "python")[0]
    assert "lr=0.3" in example
    folder = repositories.new(tmp_path / "lines", {"train.py": example, ".gitignore": "runs/\ncheckpoints/\n"})
    execute("train.py", cwd=folder)
    repositories.put(folder, {"train.py": example.replace("lr=0.3", "lr=0.03")})
    printed = execute("train.py", cwd=folder).stderr
    (shown,) = markdown.blocks(README, "text")
    for line in re.sub(r"\n {4,}", " ", shown).splitlines():  # long lines are wrapped in the README
        assert in_general(line) in in_general(printed), printed


def in_general(text: str) -> str:
    """The text without what differs from run to run: names, numbers, and spaces between columns."""
    named = re.sub(r"[a-z]+-[a-z]+", "<name>", text)
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?(e-\d+)?", "<number>", named))


# ---- commands


def commands(document: str) -> Iterator[list[str]]:
    """The words of every command that a document shows, in a block or, with its arguments, in backticks."""
    shown = [line for block in markdown.blocks(TEXTS[document], "console") for line in block.splitlines()]
    shown += [span for span in markdown.spans(TEXTS[document]) if " " in span]
    for line in re.sub(r"\\\n", " ", "\n".join(shown)).splitlines():
        if line.startswith(("autotrack ", "python -m ", "make ", "pip install ")):
            yield shlex.split(line, comments=True)


@every_document
def test_commands_exist_and_take_the_arguments_that_are_shown(document: str) -> None:
    for program, *arguments in commands(document):
        if program == "autotrack":
            check_autotrack(*arguments)
        elif program == "python":
            check_module(*arguments[1:])
        elif program == "make":
            assert f"\n{arguments[0]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), f"make {arguments[0]}"
        else:
            check_extras(" ".join(arguments))


def check_autotrack(name: str, *arguments: str) -> None:
    """Parse the arguments as the command line does, without running the command."""
    group = typer.main.get_command(app)
    command = group.commands.get(name)  # type: ignore[attr-defined]  # a group has commands, and typer has no type for it
    assert command is not None, f"there is no command autotrack {name}"
    command.make_context(name, list(arguments))  # an option that there is not is an error


def check_module(module: str, *arguments: str) -> None:
    if module == "tests.benchmarks":
        assert {word for word in arguments if not word.startswith("-")} <= set(PARTS)
    elif module == "pydoc":
        assert importlib.import_module(arguments[0]).__doc__
    else:
        assert importlib.util.find_spec(module) is not None, module


def check_extras(packages: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"(?:\.|autotrack-ml)\[([\w,]+)\]", packages):
        assert set(extras.split(",")) <= set(project["optional-dependencies"])


# ---- links, tables and names


@every_document
def test_links_lead_somewhere(document: str) -> None:
    for link in markdown.links(TEXTS[document]):
        if link.startswith("https://"):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        assert not heading or heading in markdown.anchors(target.read_text(encoding="utf-8")), link


@every_document
def test_tables_are_well_formed(document: str) -> None:
    for table in markdown.tables(TEXTS[document]):
        assert len(table) > 2, table
        assert markdown.is_rule(table[1]), table[:2]
        for row in table:
            assert len(row) == len(table[0]), row


@every_document
def test_what_is_named_in_backticks_exists(document: str) -> None:
    """Files of this repository, modules, what is in them, and environment variables of autotrack."""
    for span in markdown.spans(TEXTS[document]):
        named = span.partition("(")[0].partition("=")[0]
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", named) and (
            named.startswith(tuple(f"{root}/" for root in ROOTS)) or re.search(r"/\w+\.py$", named)
        ):
            assert (ROOT / named).exists() or ((ROOT / document).parent / named).exists(), f"{span} is no file"
        elif re.fullmatch(r"(autotrack\w*|tests)(\.\w+)+", named):
            assert is_defined(named), f"{span} is not defined"
        elif re.fullmatch(r"[A-Z]\w+\.\w+", named):
            assert is_method(*named.split(".")), f"{span} is not defined"
        elif re.fullmatch(r"AUTOTRACK_[A-Z_]+", named):
            assert is_setting(named), f"{span} is no setting"


def is_defined(name: str) -> bool:
    """Whether a module has this name; what integrations define is looked up in their text, without importing them."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        stem = ROOT.joinpath(*(["integrations"] if parts[0].startswith("autotrack_") else []), *parts[:count])
        path = next((one for one in (stem.with_suffix(".py"), stem / "__init__.py") if one.exists()), None)
        if path is None and not stem.is_dir():
            continue
        left = parts[count:]
        if left and parts[0] == "autotrack":
            value: object = importlib.import_module(".".join(parts[:count]))
            for attribute in left:
                if not hasattr(value, attribute):
                    return False
                value = getattr(value, attribute)
            return True
        return not left or (path is not None and re.search(rf"\b{left[0]}\b", path.read_text()) is not None)
    return False


def is_method(class_name: str, method: str) -> bool:
    """Whether a class of the core, or a base of it, defines this. Classes of frameworks are not looked at."""
    sources = core_sources()
    return f"\nclass {class_name}" not in sources or re.search(rf"\n    def {method}\b", sources) is not None


@cache
def core_sources() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "autotrack").rglob("*.py")))


@cache
def is_setting(name: str) -> bool:
    if name.removeprefix("AUTOTRACK_").lower() in {field.name for field in fields(Settings)}:
        return True
    return f'"{name}"' in core_sources()


# ---- single documents


def test_the_readme_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= 130
    assert max(map(len, lines)) <= 119


def test_the_architecture_is_described_from_top_to_bottom_as_it_is() -> None:
    """The table of rooms has every room that there is, in the order in which they may import, and files that exist."""
    (table,) = [table for table in markdown.tables(TEXTS["autotrack/README.md"]) if table[0][0] == "room"]
    rows = [[markdown.spans(cell) for cell in row] for row in table[2:]]
    rooms = [room.rstrip("/").removesuffix(".py") for shown, _ in rows for room in shown]
    floors = [next(floor for floor, names in enumerate(ORDER) if room in names) for room in rooms]
    assert floors == sorted(floors)
    # A folder without sources is left over from an earlier checkout: git leaves Python's caches behind.
    there = {path.stem for path in (ROOT / "autotrack").iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert set(rooms) == there - {"__init__"}
    for shown, files in rows:
        for file in files:
            if file.endswith((".py", "/")):
                assert any((ROOT / "autotrack" / room / file).exists() for room in shown), file


def test_every_benchmark_is_named_where_measurements_are() -> None:
    (table,) = [table for table in markdown.tables(TEXTS["tests/benchmarks/README.md"]) if table[0][0] == "name"]
    assert {name.strip("`") for name, *_ in table[2:]} == set(PARTS)


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "## Unreleased" in TEXTS["CHANGELOG.md"]


# ---- examples


def runs_of(example: Path, factory: pytest.TempPathFactory) -> autotrack.Runs:
    """What an example records."""
    is_script = example.stem.endswith("_script")  # has no line about tracking
    command = [*(["-m", "autotrack", "run"] if is_script else []), str(example)]
    folder = made_once(factory, example.stem, lambda folder: execute(*command, cwd=folder))
    return autotrack.runs(folder / "runs")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_records_a_complete_run(example: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = runs_of(example, tmp_path_factory)
    assert runs
    for run in runs:
        assert run.status == "finished"
        assert PARAMS[example.stem.partition("_")[0]] <= set(run.params)
        assert run.metrics
        assert all(metric.count for metric in run.metrics.values())
        assert {"train"} <= {data.role for data in run.datasets if data.fingerprint}
        assert {"git", "hardware", "packages", "process"} <= set(run.environment)
        if example.stem.startswith(("lightning", "torch")):  # the others print nothing while they train
            assert (run.folder / "output.log").stat().st_size
        assert run.system
        # The examples may just be written, and a virtual machine may have been paused.
        assert not [notice for notice in run.notices if notice.about not in ("git", "clock")]
        assert not run.left_out
    if example.stem.startswith(("keras", "lightning")):
        (run,) = runs
        assert len(run.epochs) >= 2
        roles = {role for artifact in run.artifacts for role in artifact.roles}
        assert {"best", "last"} <= roles or example.stem.startswith("keras")  # which keeps less on a busy machine
        assert "best" in roles


@pytest.mark.slow
def test_the_demo_stops_early_and_learns_the_digits(tmp_path_factory: pytest.TempPathFactory) -> None:
    (run,) = runs_of(ROOT / "examples" / "lightning_autolog.py", tmp_path_factory)
    assert run.experiment == "digits"
    assert run.metrics["val_acc"].best.value > 0.95
    assert run.metrics["test_acc"].last.value > 0.95
    assert run.params["EarlyStopping.patience"] == 3
    assert "val_acc" in run.stop_reason or "val_loss" in run.stop_reason


def test_examples_are_short() -> None:
    for example in EXAMPLES:
        assert len(example.read_text().splitlines()) <= 60, example.name


MODULES_WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("autotrack", "tests/support", "tests/benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES_WITH_EXAMPLES)
def test_docstring_examples_are_true(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried
    assert not failed
