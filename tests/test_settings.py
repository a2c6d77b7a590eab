"""Settings come from arguments, then the environment, then pyproject.toml, then the defaults."""

from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.errors import SettingsError
from autotrack.settings import Settings, resolve


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the folder of a project, with no setting made."""
    folder = tmp_path / "my-project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"AUTOTRACK_{name.upper()}", raising=False)
    return folder


def write_table(project: Path, *lines: str) -> None:
    (project / "pyproject.toml").write_text("\n".join(["[tool.autotrack]", *lines]) + "\n")


Written = tuple[Any, object]

PLACES: list[tuple[str, object, Written, Written, Written]] = [
    # setting, default, in the file, in the environment, as an argument: each as it is written and what it means
    ("to", "runs", ('"from-file"', "from-file"), ("from-environment", "from-environment"), ("argued", "argued")),
    ("experiment", "my-project", ('"filed"', "filed"), ("environed", "environed"), ("argued", "argued")),
    ("metric", "", ('"val_acc"', "val_acc"), ("max my_gain", "max my_gain"), ("val_loss", "val_loss")),
    (
        "directions",
        {},
        ('{ cost = "min" }', {"cost": "min"}),
        ("cost=max, gain=min", {"cost": "max", "gain": "min"}),
        ({"cost": "min"}, {"cost": "min"}),
    ),
    ("register", "", ('"digits"', "digits"), ("my net", "my net"), ("a-1.5", "a-1.5")),
    ("promote", "", ('"best val_acc"', "best val_acc"), ("best min cost", "best min cost"), ("best a", "best a")),
    ("on_promote", "", ('"./deploy.sh"', "./deploy.sh"), ("http://h/", "http://h/"), ("do it", "do it")),
    ("log_every_n_steps", None, ("10", 10), ("20", 20), (30, 30)),
    ("checkpoints", True, ("false", False), ("yes", True), (False, False)),
    ("input_examples", True, ("false", False), ("on", True), (False, False)),
    ("output", True, ("false", False), ("on", True), (False, False)),
    ("printed_metrics", True, ("false", False), ("on", True), (False, False)),
    (
        "printed_patterns",
        (),
        (r"['cost (?P<cost>\S+)']", (r"cost (?P<cost>\S+)",)),
        ("gain (?P<gain>.*)\n(?P<name>.)=(?P<value>.)", ("gain (?P<gain>.*)", "(?P<name>.)=(?P<value>.)")),
        (["(?P<a>.)"], ("(?P<a>.)",)),
    ),
    ("environment", True, ("false", False), ("on", True), (False, False)),
    ("untracked_mb", 20.0, ("1", 1.0), ("2.5", 2.5), (0, 0.0)),
    ("system_seconds", 5.0, ("1", 1.0), ("0.5", 0.5), (0, 0.0)),
    ("exit_timeout", 30.0, ("1", 1.0), ("0.5", 0.5), (0, 0.0)),
    ("upload_mb", None, ("100", 100.0), ("2.5", 2.5), (0, 0.0)),
    ("upload_mb_per_second", None, ("10", 10.0), ("0.5", 0.5), (3, 3.0)),
    ("sidecar", True, ("false", False), ("on", True), (False, False)),
    ("tensorboard", True, ("false", False), ("on", True), (False, False)),
    ("quiet", False, ("true", True), ("off", False), (True, True)),
    ("tags", {}, ('{ a = "file" }', {"a": "file"}), ("a=environment", {"a": "environment"}), ({"a": 1}, {"a": "1"})),
]


@pytest.mark.parametrize(
    ("name", "default", "file", "environment", "argument"), PLACES, ids=[place[0] for place in PLACES]
)
def test_arguments_win_over_the_environment_over_pyproject_over_the_defaults(
    name: str,
    default: object,
    file: Written,
    environment: Written,
    argument: Written,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert getattr(resolve(), name) == default
    write_table(project, f"{name} = {file[0]}")
    assert getattr(resolve(), name) == file[1]
    monkeypatch.setenv(f"AUTOTRACK_{name.upper()}", environment[0])
    assert getattr(resolve(), name) == environment[1]
    assert getattr(resolve(**{name: argument[0]}), name) == argument[1]
    assert getattr(resolve(**{name: None}), name) == environment[1], "None is no argument"


def test_every_setting_has_been_tried() -> None:
    read_from_to = {"servers"}
    assert {place[0] for place in PLACES} == set(Settings.__dataclass_fields__) - read_from_to


def test_tags_of_all_places_are_merged_by_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(project, 'tags = { team = "vision", why = "file", n = 3 }')
    monkeypatch.setenv("AUTOTRACK_TAGS", " why = environment , who=me,formula=a=b")
    assert resolve(tags={"who": "you"}).tags == {
        "team": "vision",
        "why": "environment",
        "n": "3",
        "formula": "a=b",
        "who": "you",
    }


def test_an_empty_environment_variable_says_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(project, "quiet = true", 'to = "kept"')
    monkeypatch.setenv("AUTOTRACK_QUIET", "")
    monkeypatch.setenv("AUTOTRACK_TO", "")
    assert (resolve().quiet, resolve().to) == (True, "kept")


@pytest.mark.parametrize("to", [["runs"], ("runs",), Path("runs"), "runs"])
def test_a_destination_is_text_a_path_or_a_list_of_one(to: object) -> None:
    assert resolve(to=to).to == "runs"


@pytest.mark.parametrize(
    ("to", "folder", "servers", "tensorboard"),
    [
        ("kept", "kept", (), False),
        ("tensorboard", "runs", (), True),
        ("http://127.0.0.1:5000/", "runs", ("http://127.0.0.1:5000",), False),
        (["kept", "https://a/b", "http://me:pw@c", "tensorboard"], "kept", ("https://a/b", "http://me:pw@c"), True),
    ],
)
def test_a_run_goes_to_one_folder_and_any_number_of_servers(
    to: object, folder: str, servers: tuple[str, ...], tensorboard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_TENSORBOARD", "off")
    found = resolve(to=to)
    assert (found.to, found.servers, found.tensorboard) == (folder, servers, tensorboard)
    if isinstance(to, list):
        monkeypatch.setenv("AUTOTRACK_TO", ",".join(to))
        assert resolve() == found


@pytest.mark.parametrize(
    "to", ["./a:b", "a:b", "C:/runs", "C:\\runs", "./localhost:5000", "/data/host:5000", "http", Path("host:80")]
)
def test_a_folder_may_have_a_colon_where_it_is_clear_what_is_meant(to: str | Path) -> None:
    assert resolve(to=to).to == str(to)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("runs,https//host", "https://host"),
        ("runs,localhost:5000", "http://localhost:5000"),
        ("runs,runs2", "one folder to keep runs in, not 2: runs, runs2"),
    ],
)
def test_each_part_of_the_environment_variable_is_checked(to: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_TO", to)
    with pytest.raises(SettingsError, match=said):
        resolve()


def test_event_files_for_tensorboard_are_written_unless_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(to="kept").destinations == ["tensorboard"]
    monkeypatch.setenv("AUTOTRACK_TENSORBOARD", "off")
    assert resolve().destinations == []


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match="'ftp://host'") as caught:
        resolve(to="ftp://me:x8Kq71zz@host")
    assert "x8Kq71zz" not in str(caught.value)


# ---- the name of the experiment


def test_without_an_experiment_the_project_in_pyproject_names_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".git").mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "the-project"\n')
    (project / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(project / "deep" / "down")
    assert resolve().experiment == "the-project"


@pytest.mark.parametrize("kind", ["folder", "file of a worktree"])
def test_else_the_folder_of_the_repository_names_it(project: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    (project / "pyproject.toml").write_text("[tool.other]\nkey = 1\n")
    if kind == "folder":
        (project / ".git").mkdir()
    else:
        (project / ".git").write_text("gitdir: elsewhere\n")
    (project / "scripts").mkdir()
    monkeypatch.chdir(project / "scripts")
    assert resolve().experiment == "my-project"


def test_else_the_working_folder_names_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "scripts").mkdir()
    monkeypatch.chdir(project / "scripts")
    assert resolve().experiment == "scripts"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('"group/project"', "group-project"),
        ('"group\\\\project"', "group-project"),
        ('".."', "my-project"),
        ('" "', "my-project"),
        ('""', "my-project"),
    ],
)
def test_a_project_whose_name_cannot_be_a_folder_still_names_it(project: Path, name: str, expected: str) -> None:
    (project / "pyproject.toml").write_text(f"[project]\nname = {name}\n")
    with autotrack.start_run(to=project / "runs") as run:
        assert run.folder.parent == project / "runs" / expected


# ---- mistakes


def test_an_unknown_setting_is_answered_with_the_close_one(project: Path) -> None:
    write_table(project, "log_every_n_step = 10")
    with pytest.raises(SettingsError) as caught:
        resolve()
    assert (caught.value.setting, caught.value.value) == ("log_every_n_step", 10)
    for part in ("'log_every_n_step'", "did you mean 'log_every_n_steps'?", str(project / "pyproject.toml")):
        assert part in str(caught.value)


def test_an_unknown_setting_like_no_other_is_answered_with_all(project: Path) -> None:
    write_table(project, "zzz = 1")
    with pytest.raises(SettingsError, match="the settings are to, experiment, tags"):
        resolve()


BAD = [
    ("to", "s3://bucket/runs"),
    ("to", "http://"),
    ("to", "http://host:notaport"),
    ("to", "localhost:5000"),
    ("to", "127.0.0.1:5000/mlflow"),
    ("to", "[::1]:5000"),
    ("to", "https//host"),
    ("to", "http:/host"),
    ("experiment", "a/b"),
    ("experiment", ".."),
    ("experiment", "a\\b"),
    ("tags", "no-sign"),
    ("log_every_n_steps", "ten"),
    ("log_every_n_steps", "0"),
    ("log_every_n_steps", "-1"),
    ("log_every_n_steps", "1.5"),
    ("checkpoints", "perhaps"),
    ("quiet", "2"),
]


@pytest.mark.parametrize("place", ["argument", "environment", "file"])
@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}={value}" for name, value in BAD])
def test_a_bad_value_is_answered_with_its_name_itself_its_place_and_what_was_expected(
    name: str, value: str, place: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {}
    if place == "argument":
        arguments, said = {name: value}, "the arguments"
    elif place == "environment":
        monkeypatch.setenv(f"AUTOTRACK_{name.upper()}", value)
        said = "the environment"
    else:
        write_table(project, f"{name} = '{value}'")
        said = f"[tool.autotrack] in {project / 'pyproject.toml'}"
    with pytest.raises(SettingsError) as caught:
        resolve(**arguments)
    assert (caught.value.setting, caught.value.value) == (name, value)
    for part in (repr(name), repr(value), said):
        assert part in str(caught.value)
    assert any(word in str(caught.value) for word in ("expected", "this version")), "it says what was expected"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("upload_mb_per_second", 0),
        ("to", ""),
        ("to", ["a", "b"]),
        ("to", 3),
        ("experiment", " "),
        ("experiment", 3),
        ("tags", ["a"]),
        ("log_every_n_steps", True),
        ("log_every_n_steps", 0),
        ("log_every_n_steps", 2.5),
        ("checkpoints", "2"),
    ],
)
def test_a_bad_argument_is_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match="expected"):
        resolve(**{name: value})


def test_a_table_of_ours_that_is_no_table_is_refused(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool]\nautotrack = 3\n")
    with pytest.raises(SettingsError, match=r"tool\.autotrack"):
        resolve()


@pytest.mark.parametrize(
    "text", ["[project\nname = ", "\xff", "tool = 3", "project = 3", "[project]\nname = 3\n"], ids=repr
)
def test_a_broken_pyproject_without_a_word_for_us_is_somebody_elses(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_bytes(text.encode("latin-1"))
    assert resolve().to == "runs"


def test_a_folder_called_pyproject_is_somebody_elses(project: Path) -> None:
    (project / "pyproject.toml").mkdir()
    assert resolve().to == "runs"


def test_a_broken_pyproject_with_our_table_is_a_mistake(project: Path) -> None:
    write_table(project, "to = ")
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        resolve()
    assert str(project / "pyproject.toml") in str(caught.value)


def test_a_mistake_is_raised_by_the_call_that_made_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'experiment'"):
        autotrack.start_run(experiment="a/b", to=tmp_path)
    with pytest.raises(SettingsError, match="'log_every_n_steps'"):
        autotrack.autolog(log_every_n_steps=0)
    occupied = tmp_path / "a-file"
    occupied.write_text("")
    with pytest.raises(SettingsError, match="AUTOTRACK_TO") as caught:
        autotrack.start_run(to=occupied)
    assert caught.value.setting == "to"


def test_what_is_changed_in_pyproject_is_in_force_from_the_next_run_on(project: Path) -> None:
    assert resolve().experiment == "my-project"
    write_table(project, 'experiment = "first"')
    assert resolve().experiment == "first"
    write_table(project, 'experiment = "another"')
    assert resolve().experiment == "another"
    (project / "pyproject.toml").unlink()
    assert resolve().experiment == "my-project"
