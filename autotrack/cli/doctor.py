"""`autotrack doctor`: says what works and what does not, before a training depends on it."""

import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, time
from typing import Annotated
from uuid import uuid4

import typer

from autotrack import destinations, settings
from autotrack.errors import AutotrackError
from autotrack.readers import catalog
from autotrack.sinks.rest import runs
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.client import Client, Refused

EXPERIMENT = "autotrack-doctor"
"""Where the run is made, and deleted, that shows that a server takes runs."""

_PATIENCE_SECONDS = 5.0
_FRAMEWORKS = {"lightning": "lightning", "pytorch-lightning": "pytorch_lightning", "keras": "keras",
               "scikit-learn": "sklearn"}  # fmt: skip

Check = tuple[str, Callable[[], str]]


def doctor(
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="URL", help="A server; those of the settings by default.")
    ] = None,
) -> None:
    """Check that runs can be recorded here, and that servers take them.

    A server is asked for its version, given a run with a metric and a small artifact, and the run is deleted again.
    """
    troubles = sum(not _passes(check) for check in _here())
    for url in to or settings.resolve().servers:
        typer.echo(f"\n{destinations.without_credentials(url)}")
        for check in _Server(url).checks():
            if not _passes(check):
                troubles += 1
                break  # what follows needs it
    if troubles:
        raise typer.Exit(1)


def _passes(check: Check) -> bool:
    what, look = check
    try:
        found = look()
    except (AutotrackError, OSError) as error:
        typer.secho(f"  no   {what}: {error}", fg="red")
        return False
    typer.echo(f"  yes  {what}{f': {found}' if found else ''}")
    return True


def _here() -> Iterator[Check]:
    yield "runs can be kept", _keeps_runs
    yield "git", lambda: shutil.which("git") or _fail("not found: the state of the code is captured without it")
    yield "frameworks", _frameworks


def _keeps_runs() -> str:
    store = catalog.store_path(None).absolute()
    place = next(folder for folder in (store, *store.parents) if folder.exists())
    with tempfile.TemporaryDirectory(dir=place, prefix=".autotrack-doctor-") as folder:
        (Path(folder) / "file").write_bytes(b"content")
    return str(store)


def _frameworks() -> str:
    found = []
    for name, module in _FRAMEWORKS.items():
        if importlib.util.find_spec(module) is not None:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:  # on the path without having been installed
                found.append(name)
    return ", ".join(found) or "none; install one, for example: pip install lightning"


def _fail(why: str) -> str:
    raise AutotrackError(why)


class _Server:
    """Goes through all that a run needs of a server, step by step."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client
        self._run: runs.RemoteRun

    def checks(self) -> Iterator[Check]:
        yield "reached", self._reach
        yield "speaks the MLflow protocol, and lets us in", self._ask
        yield "takes a run", self._create
        yield "takes metrics and params", self._log
        yield "takes artifacts", self._upload
        yield "deletes the run of this check", self._delete

    def _reach(self) -> str:
        self._client = Client(self._url, patience=_PATIENCE_SECONDS)
        began = perf_counter()
        response = self._client.send("GET", "version", expected=(200, 301, 302, 307, 308, 401, 403, 404))
        took = f"in {(perf_counter() - began) * 1000:.0f} ms"
        text = response.text.strip()
        is_version = response.status_code == 200 and text[:1].isdigit() and len(text) < 40
        return f"{took}, version {text}" if is_version else f"{took}, its version is not told"

    def _ask(self) -> str:
        found = self._client.get("experiments/search", max_results=1000).get("experiments", [])
        return f"{len(found)} {'experiment' if len(found) == 1 else 'experiments'} to be seen"

    def _create(self) -> str:
        said: list[str] = []
        experiment = runs.experiment_id(self._client, EXPERIMENT, said.append)
        self._run = runs.create(
            self._client,
            experiment,
            uuid4().hex,
            name="doctor",
            started=time(),
            tags={"mlflow.source.name": "autotrack"},
        )
        return "; ".join(said)

    def _log(self) -> str:
        run = self._run.run_id
        self._client.post("runs/log-batch", {"run_id": run, "params": [{"key": "checked", "value": "yes"}]})
        point = {"key": "checked", "value": 1.0, "timestamp": int(time() * 1000), "step": 0}
        self._client.post("runs/log-batch", {"run_id": run, "metrics": [point]})
        return ""

    def _upload(self) -> str:
        said: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            store = ArtifactStore(self._client, self._run.artifact_uri, folder=Path(folder), on_trouble=said.append)
            store.upload_bytes(b"content", "checked.txt")
        return "; ".join(said) or self._run.artifact_uri.split("://")[0]

    def _delete(self) -> str:
        try:
            self._client.post("runs/delete", {"run_id": self._run.run_id})
        except Refused as refused:
            return f"not allowed ({refused}); it is run {self._run.run_id} in {EXPERIMENT}"
        return ""
