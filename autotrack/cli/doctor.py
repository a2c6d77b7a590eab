"""`autotrack doctor`: tells what works and what does not, before a training depends on it."""

import importlib.util
import shutil
import tempfile
from collections.abc import Collection, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from autotrack import destinations, settings
from autotrack.cli.owed import owed_in_short
from autotrack.cli.printing import say
from autotrack.errors import AutotrackError
from autotrack.readers import catalog
from autotrack.sinks import build
from autotrack.sinks.base import Check

_PATIENCE_SECONDS = 5.0
_FRAMEWORKS = {"lightning": "lightning", "pytorch-lightning": "pytorch_lightning", "keras": "keras",
               "scikit-learn": "sklearn"}  # fmt: skip


def doctor(
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="URL", help="A server to check instead of those in the settings."),
    ] = None,
) -> None:
    """Check that runs can be recorded here, and that the servers take them.

    For each server, this asks for its version, creates a run with a metric and a small artifact, and deletes it again.
    """
    chosen = {destinations.without_credentials(url) for url in to or []}
    failures = sum(not _passes(check) for check in _local_checks(chosen))
    for url in to or settings.resolve().servers:
        say("")
        say(destinations.without_credentials(url))
        # The checks of a server build on each other, so the first that fails is the last.
        failures += not all(map(_passes, build.server_checks(url, patience=_PATIENCE_SECONDS)))
    if failures:
        raise typer.Exit(1)


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
    yield Check("up to date on servers", lambda: _check_owed(servers))


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
    return ""


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
