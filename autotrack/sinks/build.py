"""Turns destinations into sinks. This is the only module outside of a sink's own package that knows concrete sinks.

Their modules are imported in the functions, because few processes write event files or talk to servers.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from autotrack.destinations import TENSORBOARD, is_remote
from autotrack.settings import UploadLimits
from autotrack.sinks.base import Check, ModelState, RemoteSink, Sink
from autotrack.sinks.folder import FolderSink
from autotrack.sinks.owed import Owed

_NO_LIMITS = UploadLimits()


def local_sinks(destinations: Sequence[str], *, draws: bool = False, on_problem: Callable[[str], None]) -> list[Sink]:
    """Return the sinks that write into the run folder: always the summary, and event files where they are wanted.

    With `draws`, the plots of short runs are drawn too. `on_problem` is called with a sentence when a sink cannot be
    built.
    """
    sinks: list[Sink] = [FolderSink()]
    if TENSORBOARD in destinations:
        try:
            sinks.append(tensorboard_sink(draws=draws))
        except Exception as error:  # noqa: BLE001  most of the time an installation of protobuf that does not fit
            on_problem(f"no event files for TensorBoard can be written: {type(error).__name__}: {error}")
    return sinks


def tensorboard_sink(*, draws: bool = True) -> Sink:
    """Return the sink that writes event files into the run folder. With `draws`, it draws the plots of short runs."""
    from autotrack.sinks.tensorboard import TensorBoardSink

    return TensorBoardSink(draws=draws)


def servers(destinations: Sequence[str]) -> list[str]:
    """Return the URLs among destinations."""
    return [destination for destination in destinations if is_remote(destination)]


def remote_sink(
    url: str,
    *,
    stop: threading.Event | None = None,
    patience: float | None = None,
    uploads: UploadLimits = _NO_LIMITS,
    draws: bool = False,
    registers: bool = True,
    on_problem: Callable[[str], None] = lambda _: None,
) -> RemoteSink:
    """Return the sink that sends a run to the tracking server at `url`.

    It keeps trying until `stop` is set, or for `patience` seconds after the last answer, and keeps to `uploads`. With
    `draws`, the plots of short runs are drawn too; with `registers`, registered models become versions there, too.
    `on_problem` is called with a sentence for each thing that could not be sent.
    """
    from autotrack.sinks.rest import RestSink

    return RestSink(
        url, stop=stop, patience=patience, uploads=uploads, draws=draws, registers=registers, on_problem=on_problem
    )


def send_model(
    model: ModelState, folder: Path, url: str, *, stop: threading.Event | None = None, patience: float | None = None
) -> Owed:
    """Bring the server at `url` up to date with the registered model in `folder`; return what it has not taken.

    Only what it has versions of is sent there. Raises as `RegistrySink` does, and `SettingsError` for the URL.
    """
    from autotrack.sinks.rest.client import Client
    from autotrack.sinks.rest.registry import RegistrySink

    client = Client(url, stop=stop, patience=patience)
    try:
        sink = RegistrySink(client, folder)
        sink.send(model)
    finally:
        client.close()
    return sink.owed


def server_checks(url: str, *, patience: float) -> Iterable[Check]:
    """Return the checks of a tracking server, each of which needs those before it; they create a run and delete it.

    A server that does not answer is given up after `patience` seconds.
    """
    from autotrack.sinks.rest.checks import ServerChecks

    return ServerChecks(url, patience=patience)
