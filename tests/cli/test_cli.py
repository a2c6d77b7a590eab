"""The `autotrack` command, as people and their scripts call it."""

import hashlib
import json
import os
import pty
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.journal import records
from tests.support.tables import cells, tabbed

MODULE = [sys.executable, "-m", "autotrack"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three runs, made once."""
    store = tmp_path_factory.mktemp("project") / "runs"
    weights = store.parent / "weights.bin"
    weights.write_bytes(b"w" * 2_000_000)
    with autotrack.start_run("first", to=store, experiment="digits", params={"lr": 0.1}) as run:
        run.log({"val_loss": 0.5}, step=0)
    with autotrack.start_run(
        "second", to=store, experiment="digits", params={"lr": 0.01, "model": {"width": 64}}, tags={"why": "paper"}
    ) as run:
        run.log_params({"lr": 0.02}, source="optimizer")
        for step, loss in enumerate([0.4, 0.2, float("nan")]):
            run.log({"val_loss": loss, "momentum": 0.9}, step=step, epoch=step, stage="validate")
        run.log_artifact(weights, kind="model")
        run.notice("journal", "[bold]something[/bold] was strange")
    with pytest.raises(ValueError, match="too much"), autotrack.start_run("third", to=store, experiment="letters"):
        raise ValueError("too much")
    return store


@pytest.fixture(autouse=True)
def _beside_the_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "runs" in request.fixturenames:
        monkeypatch.chdir(request.getfixturevalue("runs").parent)


def call(*arguments: str | Path, exit_code: int = 0, command: list[str] | None = None) -> str:
    """Call the command; return what it printed, on standard error when it fails."""
    done = subprocess.run(
        [*(command or MODULE), *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == exit_code, done.stderr
    assert "Traceback (most recent call last)" not in done.stderr
    if exit_code == 0:
        assert done.stderr == ""
    return done.stderr if exit_code else done.stdout


def names(printed: str) -> list[str]:
    """What a list has in its first column; it ends at an empty line."""
    lines = [cells(line) for line in printed.partition("\n\n")[0].splitlines()]
    assert lines[0][0] == "run"
    return [line[0] for line in lines[1:]]


def on_a_terminal(*arguments: str) -> str:
    """Call the command under a pseudo-terminal, as a person does."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    with subprocess.Popen(
        [*MODULE, *arguments], stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        printed = b"".join(_read(leader))
    os.close(leader)
    assert process.returncode == 0, printed.decode()
    return printed.decode()


def _read(descriptor: int) -> Iterator[bytes]:
    with suppress(OSError):  # on Linux, reading fails when the other side has been closed
        while chunk := os.read(descriptor, 65536):
            yield chunk


# ---- ls


def test_ls_lists_the_newest_first_as_plain_text(runs: Path) -> None:
    printed = call("ls")
    assert names(printed) == ["third", "second", "first"]
    assert "\x1b" not in printed
    head, third, second, *_ = map(cells, printed.splitlines())
    assert head == ["run", "experiment", "val_loss ↓", "lr", "status", "started", "took"]
    assert second[:5] == ["second", "digits", "0.2", "0.01", "finished"]
    assert third[:3] == ["third", "letters", "failed: ValueError"]


def test_the_script_is_the_same_as_the_module(runs: Path) -> None:
    script = Path(sysconfig.get_path("scripts")) / "autotrack"
    if not script.exists():
        pytest.skip("autotrack is not installed, only on the path")
    assert call("ls", command=[str(script)]) == call("ls")


def test_ls_of_another_store(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert names(call("ls", runs / "letters")) == ["third"]
    monkeypatch.setenv("AUTOTRACK_TO", str(runs))
    assert names(call("ls")) == ["third", "second", "first"]


def test_ls_where_and_sort_and_last(runs: Path) -> None:
    assert names(call("ls", "--where", "best.val_loss < 0.3 and params.lr == 0.01")) == ["second"]
    assert names(call("ls", "--sort", "best.val_loss", "--descending")) == ["first", "second", "third"]
    assert names(call("ls", "--sort", "best.val_loss", "-w", "params.lr < 1", "--last", "1")) == ["second"]


def test_ls_json_is_for_programs(runs: Path) -> None:
    third, second, first = json.loads(call("ls", "--json"))
    assert [run["name"] for run in (third, second, first)] == ["third", "second", "first"]
    assert set(first) == {
        "folder", "id", "name", "experiment", "status", "started", "duration_seconds", "params", "metrics", "best",
        "directions", "tags",
    }  # fmt: skip
    assert (first["params"], first["metrics"], first["best"]) == ({"lr": 0.1}, {"val_loss": 0.5}, {"val_loss": 0.5})
    assert second["metrics"] == {"val_loss": "NaN", "momentum": 0.9}
    assert (second["best"], second["tags"]["why"]) == ({"val_loss": 0.2}, "paper")
    assert Path(second["folder"]).is_absolute()
    assert autotrack.load(second["folder"]).id == second["id"]
    assert third["status"] == "failed"


def test_ls_of_nothing_says_so_and_is_no_error(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        (["ls", str(tmp_path / "empty")], f"no runs in {tmp_path / 'empty'}"),
        (["ls", "--where", "status == 'killed'"], "no runs in runs for which that holds"),
    ):
        done = subprocess.run([*MODULE, *arguments], capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "", said)
    assert json.loads(call("ls", tmp_path / "empty", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ls", "nowhere"], "the store 'nowhere' does not exist; record a run there"),
        (["ls", "--store", "rums"], "the store 'rums' does not exist; did you mean 'runs'?"),
        (["ls", "runs/file"], "is not a folder"),
        (["ls", "--sort", "train_loss"], "'train_loss' is not a name of a run; did you mean"),
        (["ls", "--where", "val_los < 1"], "did you mean best.val_loss or metrics.val_loss?"),
        (["ls", "--where", "metrics.val_los < 1"], "did you mean metrics.val_loss or best.val_loss?"),
        (["ls", "--where", "params.width == 64"], "did you mean params.model.width?"),
        (
            ["ls", "--where", "params.lr == resnet"],
            "'resnet' is not a name of a run; if it is a text, quote it: params.lr == 'resnet'",
        ),
        (["ls", "--columns", "name,params.model.widht"], "did you mean params.model.width?"),
        (["ls", "--group-by", "experimnt"], "did you mean experiment?"),
        (["ls", "--metric", "momentum"], "write 'min momentum' or 'max momentum'"),
        (["ls", "--where", "started > 'some day'"], "'some day' is no date; write it as in '2026-11-25'"),
        (["show", "secnd"], "did you mean 'second'?"),
        (["show", "second", "--store", "nowhere"], "no run 'second' in nowhere, which does not exist; there are none"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_the_nearest(runs: Path, arguments: list[str], said: str) -> None:
    (runs / "file").touch()
    done = subprocess.run([*MODULE, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr.splitlines()[0]


def test_ls_takes_dates_and_durations(runs: Path) -> None:
    today, tomorrow = date.today().isoformat(), (date.today() + timedelta(days=1)).isoformat()
    for condition, count in (
        (f"started >= '{today}'", 3), (f"started > '{tomorrow}'", 0), ("duration_seconds < '1 h'", 3),
    ):  # fmt: skip
        assert len(json.loads(call("ls", "--where", condition, "--json"))) == count, condition


# ---- show


def test_show_says_everything_about_a_run(runs: Path) -> None:
    printed = tabbed(call("show", "second"))
    assert "\x1b" not in printed
    for part in (
        "second\tfinished after ",
        "val_loss 0.2 in epoch 1, 1st of 2, next is first with 0.5 (lower",
        "experiment\tdigits",
        "tags\twhy=paper",
        "\nparams that were set, or that differ\nname\tvalue\tbefore (first)\tsource\nlr\t0.01\t0.1\tuser\n",
        "model.width\t64\tuser",
        "optimizer.lr\t0.02\toptimizer",
        "\nmetrics\nname\tlast\tbest\tin\tpoints\tcurve\nval_loss\tNaN\t0.2\t↓\tepoch 1\t3\t█▁?\n",
        "\nmomentum\t0.9\t3\t▁▁▁\n",
        "artifacts/weights.bin\tmodel\t2.0 MB",
        "journal\t[bold]something[/bold] was strange",
    ):
        assert part in printed, part


def test_show_lists_the_candidates_of_a_search_the_best_first(captured: Callable[..., str]) -> None:
    scores: dict[int, records.Number] = {0: 0.8, 1: 0.9, 2: "NaN"}
    printed = tabbed(captured(*(
        records.Trial(
            time=2.0, number=number, params={"C": 10**number, "kernel": "rbf"},
            values={"mean_test_score": score, "split0_test_score": score, "rank_test_score": rank},
            status="failed" if number == 2 else "finished", error="ValueError: \nno\nmore" if number == 2 else None,
        )
        for (number, score), rank in zip(scores.items(), (2, 1, 3), strict=True)
    )))  # fmt: skip
    assert (
        "\ncandidates\ncandidate\tmean_test_score\tC\tstatus\n"
        "1\t0.9\t10\tfinished\n0\t0.8\t1\tfinished\n2\tnan\t100\tfailed: ValueError: no …\n"
    ) in printed


def test_show_of_a_long_search_has_the_first_candidates_and_says_so(captured: Callable[..., str]) -> None:
    printed = tabbed(captured(*(records.Trial(time=2.0, number=number, params={"C": number}) for number in range(30))))
    assert "\ncandidates, the first 20 of 30 (--json has all)\n" in printed
    assert ("\n19\t19\tfinished\n" in printed, "\n20\t20\tfinished\n" in printed) == (True, False)


def test_show_names_the_parent_and_ls_tells_runs_of_one_name_apart(tmp_path: Path) -> None:
    with autotrack.start_run("outer", to=tmp_path, experiment="digits") as outer:
        for _ in range(2):
            with autotrack.start_run("inner", to=tmp_path, experiment="digits") as inner:
                pass
    assert f"parent\touter\t(digits/{outer.folder.name})\n" in tabbed(call("show", inner.folder))
    listed = [name for name in names(call("ls", tmp_path)) if "inner" in name]
    assert listed == sorted((path.name for path in tmp_path.glob("digits/*inner*")), reverse=True)


def test_show_of_a_failed_run_ends_in_its_traceback(runs: Path) -> None:
    printed = call("show", "third")
    assert printed.startswith("third  failed after ")
    assert printed.splitlines()[0].endswith(": ValueError: too much")
    assert printed.endswith("ValueError: too much\n")


def test_show_takes_latest_a_name_an_id_and_a_folder(runs: Path) -> None:
    second = autotrack.runs(runs)[1]
    relative = os.path.relpath(second.folder)
    said = {call("show", reference, "--store", runs) for reference in ("second", second.id[:8], relative)}
    assert len(said) == 1
    assert call("show") == call("show", "latest")


def test_show_json_is_the_whole_summary(runs: Path) -> None:
    shown: dict[str, Any] = json.loads(call("show", "second", "--json"))
    assert shown["params"] == {"lr": 0.01, "model.width": 64, "optimizer.lr": 0.02}
    assert shown["params_by_source"] == {"user": {"lr": 0.01, "model.width": 64}, "optimizer": {"lr": 0.02}}
    loss = shown["metrics"]["val_loss"]
    assert (loss["last"]["value"], loss["best"]["value"], loss["best"]["epoch"], loss["count"]) == ("NaN", 0.2, 1, 3)
    assert "best" not in shown["metrics"]["momentum"]
    assert [(row["epoch"], row["val_loss"]) for row in shown["epochs"]] == [(0, 0.4), (1, 0.2), (2, "NaN")]
    [artifact] = [one for one in shown["artifacts"] if one["path"] == "artifacts/weights.bin"]
    assert (artifact["kind"], artifact["bytes"]) == ("model", 2_000_000)
    assert len(artifact["sha256"]) == 64
    assert shown["status"] == "finished"
    assert (Path(shown["folder"]) / artifact["path"]).stat().st_size == artifact["bytes"]


def test_show_json_has_every_field_of_every_run(tmp_path: Path) -> None:
    """Also where there is nothing to say: a program need not ask what is there."""
    with autotrack.start_run("running", to=tmp_path / "runs", experiment="digits"):
        shown = json.loads(call("show", "latest", "--json"))
    assert shown["status"] == "running"
    assert (shown["params"], shown["params_by_source"], shown["metrics"]) == ({}, {}, {})
    assert (shown["epochs"], shown["artifacts"], shown["ended"], shown["error"]) == ([], [], None, None)


# ---- show: what was found out without being asked


def write(journal: Path, *found: records.AnyRecord) -> None:
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_bytes(b"".join(records.encode(record) + b"\n" for record in found))


def started(name: str, **about: Any) -> records.RunStarted:
    return records.RunStarted(**{"time": 1.0, "id": f"id-of-{name}", "name": name, "experiment": "digits", **about})


@pytest.fixture
def captured(tmp_path: Path) -> Callable[..., str]:
    """Show a run of which a sidecar has recorded something."""

    def show(*found: records.AnyRecord, options: tuple[str, ...] = ()) -> str:
        write(tmp_path / "runs" / "digits" / "one" / "journal" / "main.jsonl", started("one"))
        write(tmp_path / "runs" / "digits" / "one" / "journal" / "sidecar.jsonl", *found)
        return call("show", "one", *options)

    return show


def environment(kind: str, **values: Any) -> records.Environment:
    return records.Environment(time=2.0, kind=kind, values=values)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (environment("git", commit="0123456789abcdef", branch="main"), "0123456789 (main)"),
        (environment("git", commit="0123456789abcdef", branch="main", tag="v1"), "0123456789 (v1)"),
        (environment("git", commit="0123456789abcdef", branch=None), "0123456789 (detached)"),
        (
            environment("git", commit="0123456789abcdef", branch="main", changed=["a", "b"], untracked=["c"]),
            "0123456789 (main), 3 uncommitted files",
        ),
        (environment("source", files={"train.py": "1"}), "kept in environment/source"),
    ],
)
def test_show_says_which_code_it_was(captured: Callable[..., str], found: records.Environment, said: str) -> None:
    assert f"\ncode\t{said}\n" in tabbed(captured(found))


def test_show_says_where_it_ran(captured: Callable[..., str]) -> None:
    printed = captured(
        environment("packages", python="3.11.7", count=2, versions={"torch": "2.1", "numpy": "2.0"}),
        environment("hardware", os_name="Debian", cpu_model="AMD EPYC", gpus=[{"name": "NVIDIA A100"}] * 2),
        options=("--all",),
    )
    said = "Python 3.11.7, 2 packages, Debian, AMD EPYC, NVIDIA A100, NVIDIA A100"
    assert f"environment  {said}" in " ".join(printed.split("\n             "))


def test_show_says_what_it_was_trained_on(captured: Callable[..., str]) -> None:
    printed = captured(
        records.Dataset(
            time=2.0, role="train", kind="numpy", shape=[1000, 20], dtype="float32", rows=1000, covered=1.0,
            shared_rows={"validate": 12},
        ),
        records.Dataset(time=2.0, role="validate", name="easy", kind="Stream", covered=0.124),
    )  # fmt: skip
    assert (
        "\ndata\nrole\twhat\trows\tcovered\tshared rows\n"
        "train\tnumpy float32 1000x20\t1000\t100%\t12 with validate\n"
        "validate easy\tStream\t12%\n"
    ) in tabbed(printed)


def test_show_tells_arguments_that_were_given_from_defaults(captured: Callable[..., str]) -> None:
    parsed = {"lr": 0.3, "epochs": 5, "out": "x"}
    printed = captured(
        records.Params(time=2.0, values=parsed, source="argparse", given=["lr", "epochs"], defaults={"lr": 0.1})
    )
    assert (
        "\nparams that were set, or that differ\nname\tvalue\tdefault\tsource\nlr\t0.3\t0.1\targparse\n"
        "epochs\t5\targparse\n1 more that nobody set: --all shows them\n"
    ) in tabbed(printed)


def test_show_says_how_loaded_the_machine_was(captured: Callable[..., str]) -> None:
    printed = captured(
        records.SystemStats(time=2.0, values={"process_memory_bytes": 1e9, "host_cpu_percent": 20}),
        records.SystemStats(time=3.0, values={"process_memory_bytes": 3e9, "host_cpu_percent": 41}),
        options=("--all",),
    )
    assert (
        "\nsystem load\nname\tmean\tmax\nhost_cpu_percent\t30.5\t41\nprocess_memory_bytes\t2.0 GB\t3.0 GB\n"
        in tabbed(printed)
    )


def test_show_says_what_changed_and_ends_in_the_traceback(captured: Callable[..., str]) -> None:
    printed = captured(
        records.Text(time=2.0, name="changes", text="**Since two** (last run)\n\n- params: lr 0.1 → 0.2"),
        records.RunFinished(time=3.0, status="failed", error="E: x", traceback="Traceback …\nE: x\n"),
    )
    changes = "changes\nSince two (last run):\n  params: lr 0.1 → 0.2"
    assert printed.endswith(f"\n\n{changes}\n\ntraceback\nTraceback …\nE: x\n")


def test_show_is_silent_about_what_was_not_captured(captured: Callable[..., str]) -> None:
    printed = captured()
    for title in ("code", "environment", "data", "system load", "changes", "notices"):
        assert f"\n{title}" not in printed


# ---- sync


def left_behind(store: Path, name: str = "one") -> Path:
    """A run whose process and sidecar were killed: there is a journal, and nothing was made of it."""
    folder = store / "digits" / name
    write(
        folder / "journal" / "main.jsonl",
        started(name),
        records.Metrics(time=2.0, values={"val_loss": 0.5}, step=0),
        records.Artifact(time=3.0, path="model.bin", kind="model", bytes=3),
    )
    (folder / "model.bin").write_bytes(b"abc")
    return folder


def test_sync_makes_the_summary_and_the_checksums_that_are_missing(tmp_path: Path) -> None:
    folders = [left_behind(tmp_path / "runs", name) for name in ("one", "two")]
    assert call("sync") == "2 runs complete\n"
    for folder in folders:
        summary = json.loads((folder / "run.json").read_text())
        assert summary["metrics"]["val_loss"]["last"]["value"] == 0.5
        assert summary["artifacts"][0]["sha256"] == hashlib.sha256(b"abc").hexdigest()


def test_sync_twice_changes_nothing(tmp_path: Path) -> None:
    folder = left_behind(tmp_path / "runs")
    call("sync")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert call("sync", tmp_path / "runs", folder) == "1 run complete\n"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_sync_of_one_run_leaves_the_others(tmp_path: Path) -> None:
    one, two = (left_behind(tmp_path / "runs", name) for name in ("one", "two"))
    assert call("sync", "two") == "1 run complete\n"
    assert ((one / "run.json").exists(), (two / "run.json").exists()) == (False, True)
    assert call("sync", one) == "1 run complete\n"
    assert (one / "run.json").exists()


def test_sync_captures_nothing_of_the_machine_it_is_called_on(tmp_path: Path) -> None:
    folder = left_behind(tmp_path / "runs")
    call("sync")
    assert not (folder / "environment").exists()
    assert autotrack.load(folder).environment == {}


def test_sync_leaves_runs_that_are_being_recorded(tmp_path: Path) -> None:
    left_behind(tmp_path / "runs")
    with autotrack.start_run("running", to=tmp_path / "runs", experiment="digits") as run:
        assert call("sync") == "1 run complete, 1 run still being recorded\n"
        assert not (run.folder / "run.json").exists()
    assert call("sync") == "2 runs complete\n"


def test_a_run_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    newer = tmp_path / "runs" / "digits" / "newer"
    write(newer / "journal" / "main.jsonl", started("newer", format=99))
    folder = left_behind(tmp_path / "runs")
    done = subprocess.run([*MODULE, "sync"], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (1, "1 run complete, 1 run unreadable\n")
    assert done.stderr.startswith(f"{newer}: ")
    assert done.stderr.count("\n") == 1
    assert (folder / "run.json").exists()


def test_sync_of_many_runs_says_nothing_in_between_where_nobody_looks(tmp_path: Path) -> None:
    for index in range(25):
        left_behind(tmp_path / "runs", str(index))
    assert call("sync") == "25 runs complete\n"


def test_sync_of_nothing_says_so_and_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, place in ((["sync"], "runs"), (["sync", "empty"], "empty")):
        done = subprocess.run([*MODULE, *arguments], capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", f"no runs in {place}\n")
    assert "no run 'nothing' in runs" in call("sync", "nothing", exit_code=1)


# ---- on a terminal


def test_on_a_terminal_there_are_tables(runs: Path) -> None:
    printed = on_a_terminal("ls")
    assert "\x1b[1m" in printed
    for part in ("experiment", "second", "digits", "val_loss ↓", "0.2"):
        assert part in printed


def test_on_a_terminal_nothing_that_was_recorded_is_taken_for_markup(runs: Path) -> None:
    printed = on_a_terminal("show", "second")
    assert "[bold]something[/bold] was strange" in printed


# ---- mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nothing"], "no run 'nothing' in runs; there are 3, such as third, second, first"),
        (["ls", "--where", "val_los < 1"], "'val_los' is not a name of a run"),
        (["ls", "--sort", "params.lr <"], "cannot be read"),
    ],
)
def test_a_mistake_is_said_with_exit_code_1(runs: Path, arguments: list[str], said: str) -> None:
    printed = call(*arguments, exit_code=1)
    assert printed.startswith("autotrack: ")
    assert said in printed


def test_a_mistake_in_the_settings_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\nquite = true\n")
    printed = call("ls", exit_code=1)
    assert (printed.count("\n"), "did you mean 'quiet'?" in printed) == (1, True)
    (tmp_path / "pyproject.toml").unlink()
    monkeypatch.setenv("AUTOTRACK_TO", "ftp://localhost")
    assert "expected the URL of a tracking server" in call("ls", exit_code=1)


def test_a_folder_that_is_no_run_and_one_of_a_newer_autotrack_are_one_line(tmp_path: Path) -> None:
    for name, content in (
        ("empty", b""),
        ("newer", records.encode(records.RunStarted(time=1.0, id="abc", name="n", experiment="e", format=99))),
    ):
        (tmp_path / name / "journal").mkdir(parents=True)
        (tmp_path / name / "journal" / "main.jsonl").write_bytes(content + b"\n")
        printed = call("show", tmp_path / name, exit_code=1)
        assert (printed.startswith("autotrack: "), printed.count("\n")) == (True, 1)


def test_an_unknown_command_and_option_are_said_as_usual() -> None:
    assert "No such command" in call("lss", exit_code=2)
    assert "No such option" in call("ls", "--wear", exit_code=2)


# ---- the rest


def test_version_and_help() -> None:
    assert call("--version") == f"autotrack {autotrack.__version__}\n"
    printed = call("--help")
    assert "ls" in printed
    assert "show" in printed
    assert "sync" in printed


@pytest.mark.parametrize("arguments", [["ls", "--json"], ["ls"], ["show"]])
def test_a_reader_that_has_had_enough_sees_no_traceback(tmp_path: Path, arguments: list[str]) -> None:
    """As `autotrack ls | head -1`; there is more to print than fits into a pipe."""
    for number in range(3):
        params = {f"a_rather_long_name_of_a_parameter_{index}": "x" * 80 for index in range(800)}
        name = f"{number}-{'n' * 40_000}" if arguments == ["ls"] else str(number)
        start = records.RunStarted(time=float(number), id=str(number), name=name, experiment="digits")
        journal = tmp_path / "runs" / str(number) / "journal" / "main.jsonl"
        journal.parent.mkdir(parents=True)
        journal.write_bytes(
            records.encode(start) + b"\n" + records.encode(records.Params(time=2.0, values=params)) + b"\n"
        )
    with subprocess.Popen([*MODULE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(timeout=300)
    assert process.returncode in (0, 1)
