"""The wheel holds every package, and works in an environment that has nothing else."""

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.made_once import made_once

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def build(target: Path) -> None:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    target = made_once(tmp_path_factory, "wheel", build)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel in it, and no framework."""

    def install(folder: Path) -> None:
        venv.create(folder, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, "--no-compile", *constraints, str(wheel)], check=True)

    return made_once(tmp_path_factory, "fresh", install) / "bin" / "python"


IMPORT_EACH = """
import importlib, os, sys
for name in sys.argv[1:]:
    if not os.fork():  # none of them may need what another one imports
        importlib.import_module(name)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{name} cannot be imported")
"""


def run(python: Path, *arguments: str, cwd: Path) -> str:
    ended = subprocess.run([python, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_package_is_in_the_wheel_and_can_be_imported(wheel: Path, fresh: Path, tmp_path: Path) -> None:
    sources = [ROOT / "autotrack", *sorted((ROOT / "integrations").glob("autotrack_*"))]
    packages = [path.relative_to(source.parent) for source in sources for path in source.rglob("__init__.py")]
    held = zipfile.ZipFile(wheel).namelist()
    for package in packages:
        assert package.as_posix() in held
    assert "autotrack/py.typed" in held
    run(fresh, "-c", IMPORT_EACH, *(".".join(package.parent.parts) for package in packages), cwd=tmp_path)


def test_the_core_records_a_run_where_no_framework_is_installed(fresh: Path, tmp_path: Path) -> None:
    script = "import autotrack\nwith autotrack.start_run('alone') as run:\n    run.log({'loss': 0.5}, step=1)"
    run(fresh, "-c", script, cwd=tmp_path)
    run(fresh, "-c", "import autotrack; autotrack.autolog()", cwd=tmp_path)
    (tmp_path / "train.py").write_text("print('hello')")
    assert run(fresh.parent / "autotrack", "run", "--always", "train.py", cwd=tmp_path) == "hello\n"
    listed = run(fresh.parent / "autotrack", "ls", cwd=tmp_path)
    assert "alone" in listed
    assert "train-" in listed


def test_without_lightning_the_callback_says_how_to_install_it(fresh: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [fresh, "-c", "from autotrack_lightning import AutotrackCallback"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.splitlines()[-1] == "pip install 'autotrack-ml[lightning]'"


def test_the_extras_and_the_entry_points(fresh: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"lightning", "keras", "sklearn", "all", "dev"} <= set(project["optional-dependencies"])
    code = "from importlib.metadata import entry_points; print(entry_points(group='autotrack.integrations').names)"
    assert "lightning" in run(fresh, "-c", code, cwd=tmp_path)


def test_every_dependency_is_justified_where_it_is_named() -> None:
    lines = (ROOT / "pyproject.toml").read_text().split("dependencies = [", 1)[1].split("]", 1)[0].strip().splitlines()
    assert all("# " in line for line in lines), lines


def test_every_test_that_needs_tensorflow_is_run_in_its_environment() -> None:
    """The Makefile names the files, for many others cannot be imported there."""
    marker = "pytest.mark." + "tensorflow"
    marked = {path for path in (ROOT / "tests").rglob("test_*.py") if marker in path.read_text(encoding="utf-8")}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = makefile.partition("TENSORFLOW_TESTS :=")[2].partition("\n\n")[0]
    assert {path.relative_to(ROOT).as_posix() for path in marked} == set(re.findall(r"tests/\S+\.py", named))


def test_the_page_of_reports_is_in_the_wheel_and_works(fresh: Path, tmp_path: Path) -> None:
    script = (
        "import autotrack\nwith autotrack.start_run('alone') as run:\n    run.log({'loss': 0.5}, step=1)\n"
        "print(autotrack.runs().report('report.html').path)"
    )
    assert run(fresh, "-c", script, cwd=tmp_path) == "report.html\n"
    page = (tmp_path / "report.html").read_text()
    assert "module_app" in page
    assert "var uPlot=" in page
