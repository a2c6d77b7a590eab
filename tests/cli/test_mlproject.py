"""Projects in MLflow's format: what is run is what MLflow would run, and mistakes are said."""

from pathlib import Path

import pytest

from autotrack.cli.mlproject import description_of, read_choices, shell_command
from autotrack.cli.run_options import UsageError

PROJECT = """
name: digits
entry_points:
  main:
    parameters:
      lr: {type: float, default: 0.1}
      data: path
      note: {type: string, default: "a 'b' {c}"}
    command: "python train.py --lr={lr} --data {data} --note {note} '{{}}'"
  plain:
    command: "python plain.py"
"""


def command(folder: Path, *words: str, text: str = PROJECT) -> str:
    (folder / "MLproject").write_text(text)
    (folder / "other.py").touch()
    found = description_of(folder)
    assert found is not None
    return shell_command(found, read_choices(words))[0]


def test_params_are_filled_in_as_mlflow_does(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    from mlflow.projects._project_spec import load_project

    for words, entry, values in (
        (["-P", "data=x y", "-Plr=2"], "main", {"data": "x y", "lr": "2"}),
        (["-P", "epochs=5", "-e", "plain"], "plain", {"epochs": "5"}),
        (["--entry-point", "other.py", "--param-list=a=1"], "other.py", {"a": "1"}),
    ):
        ours = command(tmp_path, *words)
        project = load_project(str(tmp_path))  # type: ignore[no-untyped-call]
        theirs = project.get_entry_point(entry).compute_command(values, None)
        assert ours == theirs


def test_a_path_that_is_here_is_one_from_the_folder_of_the_project_as_well(tmp_path: Path) -> None:
    Path("numbers.csv").touch()
    assert f"--data {Path('numbers.csv').absolute()} " in command(tmp_path, "-P", "data=numbers.csv")


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        ([], PROJECT, "needs values: -P data=…"),
        (["-e", "none"], PROJECT, "no entry point 'none'; there are main, plain"),
        (["-P", "data"], PROJECT, "expected NAME=VALUE"),
        (["-P"], PROJECT, "-P needs a value"),
        (["--epochs", "5"], PROJECT, "not '--epochs'"),
        ([], "entry_points: [1]", "expected names with values"),
        ([], "entry_points: {main: {command: 'python {unknown}'}}", "cannot be filled in"),
        ([], "entry_points: {main: {}}", "without a command"),
        ([], "a: b: c", "cannot be read"),
    ],
)
def test_mistakes_are_said(words: list[str], text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        command(tmp_path, *words, text=text)


def test_a_folder_without_a_description_is_no_project(tmp_path: Path) -> None:
    assert description_of(tmp_path) is None
    assert description_of(tmp_path / "none") is None
