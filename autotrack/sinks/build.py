"""Turns destinations into sinks: the one module that knows all of them."""

import threading
from collections.abc import Callable, Sequence

from autotrack.destinations import TENSORBOARD, is_remote, without_credentials
from autotrack.settings import UploadLimits
from autotrack.sinks.base import RemoteSink, Sink
from autotrack.sinks.folder import FolderSink

_ALL = UploadLimits()

shown = without_credentials


def local_sinks(destinations: Sequence[str], *, draws: bool = False, on_trouble: Callable[[str], None]) -> list[Sink]:
    """Return what writes into the run folder: always its summary, and event files where they are wanted.

    Where it `draws`, the plots of short runs are drawn too.
    """
    sinks: list[Sink] = [FolderSink()]
    if TENSORBOARD in destinations:
        try:
            from autotrack.sinks.tensorboard import TensorBoardSink  # few processes write event files

            sinks.append(TensorBoardSink(draws=draws))
        except Exception as fault:  # noqa: BLE001  an installation of protobuf that does not fit, most of the time
            on_trouble(f"no files for TensorBoard can be written: {type(fault).__name__}: {fault}")
    return sinks


def servers(destinations: Sequence[str]) -> list[str]:
    """Return the URLs among destinations."""
    return [place for place in destinations if is_remote(place)]


def remote_sink(
    url: str,
    *,
    stop: threading.Event | None = None,
    patience: float | None = None,
    uploads: UploadLimits = _ALL,
    draws: bool = False,
    on_trouble: Callable[[str], None] = lambda _: None,
) -> RemoteSink:
    """Return what sends a run to a tracking server.

    It tries until `stop` is set, or for `patience` seconds after the last answer, and keeps to `uploads`. Where it
    `draws`, the plots of short runs are drawn too. `on_trouble` is told what could not be sent, a sentence each.
    """
    from autotrack.sinks.rest import RestSink  # few processes talk to servers

    return RestSink(url, stop=stop, patience=patience, uploads=uploads, draws=draws, on_trouble=on_trouble)
