"""What a sink is: a fold over the records of one run, which writes what they come to somewhere else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from autotrack.errors import AutotrackError
from autotrack.journal.reader import Position
from autotrack.journal.records import AnyRecord
from autotrack.sinks.owed import Owed


class Sink(Protocol):
    """Takes the records of one run in order, at least once; the same records twice change nothing.

    A sink raises and never swallows: its driver decides what to do about a failure. `destination` tells in a few words
    where it writes to, for messages. A sink that `follows` is flushed about once a second while the run goes on, any
    other only when the run has ended.
    """

    destination: str
    follows: bool

    def open(self, folder: Path) -> Mapping[str, int]:
        """Begin with the run in `folder`.

        Returns how many bytes of each journal, by file name, have arrived already and are not to be handed over again.
        A sink that starts over returns nothing.
        """

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        """Take the next records of a journal, and the rank whose journal it is."""

    def flush(self, position: Position) -> None:
        """Write out everything up to `position`, which is how far the journals have been handed over."""

    def close(self) -> None:
        """Release what was opened."""


class RemoteSink(Sink, Protocol):
    """A sink that talks to a server, and blocks until the server answers. It is driven by a thread of its own.

    Raises `Unreachable` when the server did not answer in time.
    """

    @property
    def last_progress(self) -> float:
        """When the server last took something or answered, on the clock of `time.monotonic`."""

    @property
    def owed(self) -> Owed:
        """What the server has not taken, of all that it was given so far."""

    @property
    def registered_as(self) -> Sequence[str]:
        """The registered models that the run, as far as it was given, has a version of."""


class VersionState(NamedTuple):
    """What is said of a version here; `number` is its number here, which may be another one on a server."""

    number: int
    description: str
    tags: Mapping[str, str]


class ModelState(NamedTuple):
    """A registered model as a server is to have it: its versions by the ids of their registrations.

    `aliases` has for each alias the registration that it points to.
    """

    name: str
    description: str
    tags: Mapping[str, str]
    versions: Mapping[str, VersionState]
    aliases: Mapping[str, str]


class Unreachable(AutotrackError):  # noqa: N818  a state of the server that passes, not a mistake
    """The server did not answer until we were told to stop, or ran out of patience."""


class Check(NamedTuple):
    """One thing that has to work before a run can be recorded.

    `run` returns what it found, in a few words, and raises `AutotrackError` or `OSError` when the check fails.
    """

    title: str
    run: Callable[[], str]
