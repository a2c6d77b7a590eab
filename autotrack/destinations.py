"""Turns destinations into sinks: the one module that knows all of them."""

from collections.abc import Sequence

from autotrack.sinks.base import Sink
from autotrack.sinks.folder import FolderSink

TENSORBOARD = "tensorboard"


def local_sinks(destinations: Sequence[str]) -> list[Sink]:
    """Return what writes into the run folder: always its summary, and event files where they are wanted."""
    return [FolderSink()]
