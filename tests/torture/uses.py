"""Everything that people do with the runs of a store. What comes out of it is returned as one text."""

import base64
import gzip
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.errors import AutotrackError, QueryError
from autotrack.readers.scan import run_folders
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.report.live_runs import LiveRuns


def uses(store: Path, folder: Path, server: str) -> dict[str, Callable[[], str | None]]:
    """Return everything that people do with a store, by name; `folder` is where they may write."""
    to, of_store = ["--to", server], ["--store", str(store)]
    return {
        "ls": lambda: _command("ls", str(store)),
        "ls --json": lambda: _command("ls", str(store), "--json", "--sort", "best.val_loss"),
        "show": lambda: "".join(_command("show", str(folder)) for folder in run_folders(store)),
        "show --json": lambda: _command("show", "latest", "--store", str(store), "--json"),
        "runs": lambda: _use_runs(store),
        "best": lambda: _command("best", "val_loss", "--store", str(store)),
        "compare": lambda: _command("compare", "--where", "name != 'x'", "--store", str(store)),
        "export": lambda: _export(folder, of_store),
        "du": lambda: _command("du", "--store", str(store)),
        "tensorboard": lambda: _update(store),
        "sync": lambda: _command("sync", str(store), *to),
        "sync to nobody": lambda: _command("sync", str(store)),
        "sync again": lambda: _command("sync", str(store), *to),
        "ls after sync": lambda: _command("ls", str(store)),
        "doctor": lambda: _doctor(store),
        "doctor --reproduce": lambda: _of_each("doctor", "--reproduce", store=store),
        "register": lambda: _of_each("register", store=store, after=["fuzzed"]),
        "register --to": lambda: _of_each("register", store=store, after=["fuzzed", *to]),
        "models": lambda: _use_models(of_store),
        "models export": lambda: _of_each(
            "models", "export", store=store, after=["--output", str(folder / "model.pt2")]
        ),
        "predict": lambda: _predict(store, folder / "data.csv"),
        "serve": lambda: _command("serve", "kept", *of_store),
        "export-project": lambda: _export_projects(store, folder / "exported"),
        "compare --code": lambda: _command("compare", "--code", "--where", "experiment == 'coded'", *of_store),
        "ls --group-by": lambda: _command("ls", str(store), "--group-by", "lr"),
        "show --all": lambda: "".join(_command("show", str(folder), "--all") for folder in run_folders(store)),
        "report": lambda: _report(store, folder / "report.html"),
        "report --markdown": lambda: _command("report", "--markdown", *of_store),
        "tab": lambda: _use_tab(store),
        "load_model": lambda: _load_models(store),
        "reproduce": lambda: _reproduce(store, folder / "repeated"),
        "archive": lambda: _archive(store, folder / "all.zip"),
        "unarchive": lambda: _unarchive(folder / "all.zip", folder / "unarchived"),
        "edit": lambda: _edit(store),
        "rm": lambda: _remove(store),
    }


def _command(*arguments: str) -> str:
    """Call a command as the command line does. Mistakes and files that cannot be read are said."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, (SystemExit, AutotrackError, OSError)):
        raise result.exception
    return result.output


def _of_each(*command: str, store: Path, after: Sequence[str] = ()) -> str:
    """Call a command for each run."""
    folders = [str(folder) for folder in run_folders(store)]
    return "".join(_command(*command, folder, *after, "--store", str(store)) for folder in folders)


def _export(folder: Path, of_store: Sequence[str]) -> str:
    tables = [folder / f"runs.{kind}" for kind in ("parquet", "csv", "json")]
    said = "".join(_command("export", str(table), *of_store) for table in tables)
    said += _command("export", *of_store) + _command("export", "--history", "val_loss", *of_store)
    return said + "".join(table.read_text() for table in tables[1:] if table.exists())


def _use_models(of_store: Sequence[str]) -> str:
    """Do everything with registered models; the last command removes one."""
    said = _command("models", *of_store, "--json") + _command("models", *of_store)
    for name in ("fuzzed", "kept"):
        for command in (
            ["show", name], ["show", f"{name}@champion", "--json"], ["alias", name, "challenger"],
            ["promote", name, "best val_loss"], ["undo", name], ["describe", name, "it is used", "--tag", "a=b"],
        ):  # fmt: skip
            said += _command("models", *command, *of_store)
    return said + _command("models", "rm", "fuzzed", "--yes", *of_store)


def _predict(store: Path, data: Path) -> str:
    data.write_text("a,b\n1,2\n")
    said = _command("predict", "kept@champion", str(data), "--store", str(store))
    return said + "".join(_command("predict", str(run), str(data)) for run in run_folders(store))


def _export_projects(store: Path, place: Path) -> str:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    said = ""
    for number, folder in enumerate(store.glob("coded/*")):
        said += _command("export-project", str(folder), str(place / str(number)), "--yes")
    files = (
        path for path in place.rglob("*") if path.is_file() and not path.is_symlink() and ".git" not in path.parts
    )
    return said + "".join(path.read_bytes().decode(errors="replace") for path in files)


def _doctor(store: Path) -> str:
    os.environ["AUTOTRACK_TO"] = str(store)
    try:
        return _command("doctor")
    finally:
        del os.environ["AUTOTRACK_TO"]


def _report(store: Path, file: Path) -> str:
    file.unlink(missing_ok=True)
    said = _command("report", "--store", str(store), "--output", str(file))
    if not file.exists():
        return said
    packed = file.read_text().partition('id="runs">')[2].partition("<")[0]
    return said + gzip.decompress(base64.b64decode(packed)).decode()


def _use_tab(store: Path) -> str:
    """Ask for all that the page on TensorBoard asks for, and encode it as the tab does."""
    runs = LiveRuns([store])
    table = runs.table()
    text = [json.dumps(table, allow_nan=False)]
    keys = [str(key) for key in table.get("table", {}).get("keys", [])]
    asks: list[Callable[[], object]] = [lambda: runs.comparison(keys[0], keys[-1]), runs.importances]
    asks += [lambda: runs.sparks("val_loss", keys)]
    asks += [partial(about, key) for key in keys for about in (runs.details, runs.curves)]
    for ask in asks:
        with suppress(OSError, AutotrackError, IndexError):
            text.append(json.dumps(ask(), allow_nan=False))
    return "".join(text)


def _load_models(store: Path) -> None:
    for run in autotrack.runs(store):
        for weights in ("last", "best"):
            with suppress(OSError, AutotrackError):
                run.load_model(weights)


def _reproduce(store: Path, place: Path) -> str:
    """Restore the code of runs; to run it is for those who trust it."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    said = ""
    for number, folder in enumerate(store.glob("coded/*")):
        into = place / str(number)
        said += _command("reproduce", str(folder), "--only-restore", "--yes", "--json", "--into", str(into))
        said += "".join(path.read_bytes().decode(errors="replace") for path in into.rglob("*.py") if path.is_file())
    return said


def _archive(store: Path, file: Path) -> str:
    file.unlink(missing_ok=True)
    said = _command("archive", str(file), "--store", str(store), "--yes")
    if not file.exists():
        return said
    with zipfile.ZipFile(file) as archive:
        return said + "".join(archive.read(name).decode(errors="replace") for name in archive.namelist())


def _unarchive(file: Path, store: Path) -> str:
    shutil.rmtree(store, ignore_errors=True)
    return _command("unarchive", str(file), "--store", str(store)) + _command("ls", str(store))


def _edit(store: Path) -> str:
    said = ""
    for folder in list(run_folders(store))[:3]:
        for command in (["tag", "a=b"], ["note", "x"], ["rename", "y"], ["undo"]):
            said += _command(command[0], str(folder), *command[1:])
    return said


def _remove(store: Path) -> str:
    of_store = "--store", str(store)
    names = [str(folder) for folder in run_folders(store)][:3]
    said = "".join(_command("rm", name, "--yes", *of_store) for name in names)
    said += _command("restore", *of_store) + _command("rm", "--restore", *of_store)
    return said + "".join(_command("rm", "--checkpoints", name, "--yes", *of_store) for name in names)


def _use_runs(store: Path) -> str:
    runs = autotrack.runs(store)
    text = [repr(runs)]
    with suppress(QueryError):  # no run is left that has one of these names
        text.append(repr(runs.where("metrics.val_loss < 0.2 and params.lr > 1e-3")))
    with suppress(QueryError):
        text.append(repr(runs.sort("best.val_loss")))
    for run in runs:
        text += [repr(run), *(repr(run.history(name)[-3:]) for name in list(run.metrics)[:20])]
    return "".join(text)


def _update(store: Path) -> str:
    problems: list[str] = []
    bring_up_to_date(run_folders(store), on_problem=problems.append)
    return "".join(problems)
