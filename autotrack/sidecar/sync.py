"""Brings runs up to date long after they were recorded: the files derived from them, and what servers have."""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Literal

from autotrack import destinations
from autotrack.errors import AutotrackError
from autotrack.journal import files, reader, unwritten, unwritten_output
from autotrack.journal.run_folder import check_structure
from autotrack.journal.starts import starts_in
from autotrack.models.registration import store_of
from autotrack.models.registry import Registry
from autotrack.models.servers import send_models
from autotrack.protocol import Follow
from autotrack.readers.recorded_run import load
from autotrack.readers.trust import why_foreign
from autotrack.settings import UploadLimits
from autotrack.sidecar import completion
from autotrack.sidecar.capture.siblings import Siblings
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.sinks import build
from autotrack.sinks.base import Unreachable
from autotrack.sinks.named_servers import named_servers
from autotrack.sinks.owed import Owed

State = Literal["complete", "incomplete", "still being recorded", "read-only", "unreadable"]

_UNLIMITED = UploadLimits()

PATIENCE_SECONDS = 120.0
"""For how long a server that is slow to answer is tried again. One that is away is given up earlier."""


@dataclass
class Outcome:
    """What became of one run.

    Attributes:
        folder: The folder of the run.
        state: Whether everything derived from the run is up to date. Of a run that is read-only, nothing can be made.
        error: Why the run is incomplete or unreadable.
        sent: For each server, why the transfer to it was broken off, or None if it was not.
        owed: For each server that has not taken everything, what it has not taken.
    """

    folder: Path
    state: State
    error: str | None = None
    sent: dict[str, str | None] = field(default_factory=dict)
    owed: dict[str, Owed] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do for the run, here and on servers."""
        return self.error is None and not any(self.sent.values()) and not self.owed


class RunSync:
    """Syncs runs one by one. A server that does not respond is not tried again for the runs that follow.

    Neither is one that has only cost time: run after run was broken off, and that took minutes.

    Args:
        to: The destinations; by default, those that each run was recorded for.
        uploads: Limits for artifacts sent to servers.
        patience: For how many seconds a server that is slow to answer is tried again.
        on_problem: Called with the folder of a run and a sentence about what could not be sent.
        on_silence: Called from another thread with a sentence about a server that is still waited for.
        trusted: Servers that the user has named elsewhere.
        trusts: Asked once about each server that only runs name.
        registers: Whether models are registered on servers also where somebody else has recorded the run. By default,
            only those of the user's own runs are: whoever loads the latest version of a model there would get it.

    Somebody else may have made the store. So runs and the credentials of this machine only go to servers that the user
    named: those among `to` and `trusted`, those of the user's own trainings, and those that `trusts` says yes to. No
    other server is even connected to.
    """

    def __init__(
        self,
        to: Sequence[str] = (),
        *,
        trusted: Sequence[str] = (),
        trusts: Callable[[str], bool] = lambda _: False,
        registers: bool = False,
        uploads: UploadLimits = _UNLIMITED,
        patience: float = PATIENCE_SECONDS,
        on_problem: Callable[[Path, str], None],
        on_silence: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._to = list(to)
        self._trusts = trusts
        self._trusted = {destinations.without_credentials(url): True for url in trusted}
        self._registers = registers
        self._uploads = uploads
        self._patience = patience
        self._on_problem = on_problem
        self._on_silence = on_silence
        self._unreachable: dict[str, str] = {}
        self._wasted_seconds: dict[str, float] = {}
        self._completion = completion.Completion(Siblings())

    def sync(self, folder: Path) -> Outcome:
        """Sync the run in `folder`.

        A run that is still being recorded is left to its own sidecar. It is only sent to servers that its
        sidecar does not serve.
        """
        try:
            check_structure(folder)
        except (OSError, AutotrackError) as error:
            return Outcome(folder, "unreadable", str(error))
        if not os.access(folder, os.W_OK):
            outcome = Outcome(folder, "read-only")
            urls = self._servers_of(folder)
        elif reader.is_being_written(folder / "journal" / "main.jsonl"):
            outcome = Outcome(folder, "still being recorded")
            urls = [url for url in build.servers(self._to) if url not in _recorded_destinations(folder)]
        else:
            try:
                follow = Follow(
                    folder=str(folder), destinations=self._to, draws=True, environment=False, system_seconds=0.0
                )
                refused = [*unwritten.bring_home(folder), *_bring_home_output(follow)]
                problems = [*refused, *self._completion.complete(follow).problems]
            except (OSError, AutotrackError) as error:
                is_refused = isinstance(error, OSError) and error.errno in files.OF_THE_DISK
                return Outcome(folder, "incomplete" if is_refused else "unreadable", str(error))
            outcome = Outcome(folder, "incomplete" if problems else "complete", "; ".join(problems) or None)
            urls = self._servers_of(folder)
        for url in urls:
            server = destinations.without_credentials(url)
            outcome.sent[server], owed = self._send(folder, url)
            if owed:
                outcome.owed[server] = owed
        return outcome

    def try_again(self) -> None:
        """From now on, try servers again that did not respond."""
        self._unreachable.clear()
        self._wasted_seconds.clear()

    def _servers_of(self, folder: Path) -> list[str]:
        return build.servers(self._to or _recorded_destinations(folder))

    def _send(self, folder: Path, url: str) -> tuple[str | None, Owed]:
        if url in self._unreachable:
            return self._unreachable[url], Owed()
        if url not in self._to and not self._is_trusted(url, folder):
            server = destinations.without_credentials(url)
            return f"only the runs name {server}, and you have not; nothing is sent there", Owed()
        began = monotonic()
        names = self._to_register(folder)
        fault, owed = completion.send(
            folder,
            url,
            patience=self._patience,
            uploads=self._uploads,
            draws=True,
            registers=bool(names),
            on_problem=lambda problem: self._on_problem(folder, problem),
            on_silence=lambda seconds: self._on_silence(self._waiting_for(url, seconds)),
        )
        if fault is None and names:
            lacking = send_models(Registry(store_of(folder)), names, url, patience=self._patience)
            owed = Owed({**owed.refused, **lacking.refused}, owed.broken_off or lacking.broken_off)
        wasted = self._wasted_seconds.get(url, 0.0) + monotonic() - began if fault else 0.0
        self._wasted_seconds[url] = wasted
        if isinstance(fault, Unreachable) or wasted > self._patience:
            self._unreachable[url] = str(fault)
        return None if fault is None else str(fault), owed

    def _waiting_for(self, url: str, seconds: float) -> str:
        most = f"{self._patience:g} s at most" if isfinite(self._patience) else "as long as it takes"
        server = destinations.without_credentials(url)
        return f"{server} has not answered for {seconds:g} s, waiting {most}; Ctrl-C stops it"

    def _to_register(self, folder: Path) -> list[str]:
        """Return the registered models that the run has a version of, and servers may be told of."""
        run = load(folder)
        names = [one.name for one in run.registrations if one.version is not None]
        if names and not self._registers and (why := why_foreign(run.summary, folder)) is not None:
            how = f"to do so: autotrack register {shlex.quote(str(folder))} {shlex.quote(names[0])} --to URL"
            self._on_problem(folder, f"not registered on servers as {', '.join(names)}: {why}; {how}")
            return []
        return names

    def _is_trusted(self, url: str, folder: Path) -> bool:
        server = destinations.without_credentials(url)
        if server not in self._trusted:
            self._trusted[server] = server in named_servers() or self._trusts(server)
            if not self._trusted[server]:
                self._on_problem(
                    folder,
                    f"it names the server {server}, which neither you nor a training of yours has named, so nothing "
                    f"is sent there. If you trust it, run: autotrack sync --to {shlex.quote(server)}",
                )
        return self._trusted[server]


def _bring_home_output(follow: Follow) -> list[str]:
    """Bring home the printed lines that the disk has refused; returns what it still refuses."""
    has_any, refused = unwritten_output.bring_home(Path(follow.folder))
    if has_any:
        run = FollowedRun(follow)
        run.add_output()
        run.close()
    return refused


def _recorded_destinations(folder: Path) -> list[str]:
    """Return the destinations of the last start of the run."""
    try:
        starts = [start for start in starts_in(folder / "journal" / "main.jsonl") if not start.rank]
    except FileNotFoundError:
        return []
    return starts[-1].destinations if starts else []
