"""`autotrack doctor`: tells what works and what does not, before a training depends on it."""

import importlib.util
import shlex
import shutil
import tempfile
from collections.abc import Collection, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from autotrack import destinations, settings
from autotrack.cli.named_run import named_run
from autotrack.cli.options import StoreOption
from autotrack.cli.owed import owed_in_short
from autotrack.cli.printing import say, say_json, say_table, say_text
from autotrack.cli.show_facts import MISSING_COLUMNS, missing_to_repeat
from autotrack.errors import AutotrackError, QueryError
from autotrack.format import shown
from autotrack.readers import catalog
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.reproducibility.score import BEST
from autotrack.sinks import build
from autotrack.sinks.base import Check

_PATIENCE_SECONDS = 5.0
_FRAMEWORKS = {"torch": "torch", "lightning": "lightning", "pytorch-lightning": "pytorch_lightning", "keras": "keras",
               "scikit-learn": "sklearn"}  # fmt: skip


def doctor(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="With --reproduce, the run; by default, the latest one.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="URL", help="A server to check instead of those in the settings."),
    ] = None,
    reproduce: Annotated[
        bool, typer.Option("--reproduce", help="Check instead what would be missing to repeat a run.")
    ] = False,
    store: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --reproduce, print JSON for other programs.")] = False,
) -> None:
    """Check that runs can be recorded here, and that the servers take them.

    For each server, this asks for its version, creates a run with a metric and a small artifact, and deletes it again.

    With `--reproduce`, it says what would be missing to repeat a run, and what can be done: what was neither committed
    nor kept, data without a fingerprint, packages of a folder, seeds, algorithms, files of elsewhere, the graphics
    card. The score is 100 without the points of each. The exit code is 0 whatever it is.
    """
    if reproduce:
        _say_reproducibility(named_run(run or "latest", store), as_json=as_json)
        return
    if run is not None or as_json:
        raise QueryError("a run and --json are for `autotrack doctor --reproduce`")
    chosen = {destinations.without_credentials(url) for url in to or []}
    failures = sum(not _passes(check) for check in _local_checks(chosen))
    for url in to or settings.resolve().servers:
        say("")
        say(destinations.without_credentials(url))
        # The checks of a server build on each other, so the first that fails is the last.
        failures += not all(map(_passes, build.server_checks(url, patience=_PATIENCE_SECONDS)))
    if failures:
        raise typer.Exit(1)


def _say_reproducibility(run: RecordedRun, *, as_json: bool) -> None:
    found = run.reproducibility
    if as_json:
        say_json({"run": run.name, "folder": str(run.folder.absolute()), **found.as_dict()})
        return
    say(f"{run.name} is reproducible: {found.score} of {BEST}")
    if found.missing:
        say_text("")
        say_table(MISSING_COLUMNS, missing_to_repeat(run))
    say_text(f"\nto repeat it: autotrack reproduce {shlex.quote(shown(run.folder.absolute()))}")


def _passes(check: Check) -> bool:
    try:
        result = check.run()
    except (AutotrackError, OSError) as error:
        say(f"  no   {check.title}: {error}", color="red")
        return False
    say(f"  yes  {check.title}{f': {result}' if result else ''}")
    return True


def _local_checks(servers: Collection[str]) -> Iterator[Check]:
    yield Check("runs can be kept", _check_store)
    yield Check("git", _check_git)
    yield Check("frameworks", _frameworks)
    named = servers or {destinations.without_credentials(url) for url in settings.resolve().servers}
    title = f"up to date on {', '.join(sorted(named)) or 'servers'}"
    yield Check(title, lambda: _check_owed(servers))


def _check_store() -> str:
    store = catalog.store_path(None).absolute()
    parent = next(folder for folder in (store, *store.parents) if folder.exists())
    with tempfile.TemporaryDirectory(dir=parent, prefix=".autotrack-doctor-") as folder:
        (Path(folder) / "file").write_bytes(b"content")
    return str(store)


def _check_owed(servers: Collection[str]) -> str:
    """Fail for what is owed to any server, or to `servers` where those were chosen."""
    if lines := list(owed_in_short(catalog.runs(), servers=servers)):
        raise AutotrackError("; ".join(lines))
    return "" if servers or settings.resolve().servers else "none is set, and none is owed anything"


def _check_git() -> str:
    path = shutil.which("git")
    if path is None:
        raise AutotrackError("not found: without it, the state of the code is not captured")
    return path


def _frameworks() -> str:
    installed = []
    for name, module in _FRAMEWORKS.items():
        if importlib.util.find_spec(module) is not None:
            try:
                installed.append(f"{name} {version(name)}")
            except PackageNotFoundError:  # on the path without having been installed
                installed.append(name)
    return ", ".join(installed) or "none; install one, for example: pip install lightning"
