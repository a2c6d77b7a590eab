"""Brings runs up to date long after they were recorded: what is derived from them, and what servers have of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from autotrack import destinations
from autotrack.errors import JournalFormatError
from autotrack.journal import reader
from autotrack.journal.records import RunStarted
from autotrack.protocol import Follow
from autotrack.settings import UploadLimits
from autotrack.sidecar import completion
from autotrack.sinks import build
from autotrack.sinks.base import Unreachable

State = Literal["complete", "still being recorded", "unreadable"]

_ALL = UploadLimits()

PATIENCE_SECONDS = 20.0
"""How long a server that does not answer is tried again."""


@dataclass
class Outcome:
    """What became of one run: by server, None where all has arrived, or why it has not."""

    folder: Path
    state: State
    error: str | None = None
    sent: dict[str, str | None] = field(default_factory=dict)


class Syncing:
    """Syncs runs one by one, to the places that are given, or to those that each run was recorded for.

    A server that does not answer is not tried again for the runs that follow. `on_problem` is told what could not be
    sent, a sentence each, with the run that it is about.
    """

    def __init__(
        self, to: Sequence[str] = (), *, uploads: UploadLimits = _ALL, on_problem: Callable[[Path, str], None]
    ) -> None:
        self._to = list(to)
        self._uploads = uploads
        self._on_problem = on_problem
        self._away: dict[str, str] = {}

    def sync(self, folder: Path) -> Outcome:
        """Sync the run in `folder`; one that is being recorded is left to whoever does that.

        It is only sent to servers that it is not recorded for.
        """
        if reader.is_being_written(folder / "journal" / "main.jsonl"):
            outcome = Outcome(folder, "still being recorded")
            urls = [url for url in build.servers(self._to) if url not in self._own(folder)]
        else:
            try:
                # Without destinations, those that the run was recorded for.
                follow = Follow(
                    folder=str(folder), destinations=self._to, draws=True, environment=False, system_seconds=0.0
                )
                completion.complete(follow)
            except (OSError, JournalFormatError) as error:
                return Outcome(folder, "unreadable", str(error))
            outcome = Outcome(folder, "complete")
            urls = build.servers(self._to or self._own(folder))
        outcome.sent = {destinations.without_credentials(url): self._send(folder, url) for url in urls}
        return outcome

    def try_again(self) -> None:
        """Try servers again that did not answer."""
        self._away.clear()

    def _send(self, folder: Path, url: str) -> str | None:
        if url in self._away:
            return self._away[url]
        fault = completion.send(
            folder,
            url,
            patience=PATIENCE_SECONDS,
            uploads=self._uploads,
            draws=True,
            on_problem=lambda said: self._on_problem(folder, said),
        )
        if isinstance(fault, Unreachable):
            self._away[url] = str(fault)
        return None if fault is None else str(fault)

    @staticmethod
    def _own(folder: Path) -> list[str]:
        """The destinations of the last start of the run."""
        starts = (
            record
            for _, batch in reader.RunReader(folder)
            for record in batch
            if isinstance(record, RunStarted) and not record.rank
        )
        return next((list(one.destinations) for one in reversed(list(starts))), [])
