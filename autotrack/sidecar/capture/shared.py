"""Captures the environment once for many short runs, and keeps it beside them."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, time

import msgspec

from autotrack.journal.files import link_or_copy
from autotrack.journal.records import SHARED_KIND, AnyRecord, Environment, Notice
from autotrack.journal.run_folder import SHARED
from autotrack.journal.shared_files import environment_of, own_name, publish
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.keeping import modified
from autotrack.sidecar.capture.runner import Captures, Run

_SERVES_SECONDS = 60.0
"""For how long a capture serves later runs while no source file changes."""

_LOOK_SECONDS = 1.0
"""How often the source files are looked at: a process may have imported thousands."""


@dataclass
class _Shared:
    """An environment that has been captured when source files had been modified at these times.

    Its records and files are kept under `digest`. Each run gets the `notices`.
    """

    modules: Sequence[Path]
    modified: dict[Path, float]
    digest: str | None = None
    notices: list[Notice] = field(default_factory=list)
    captured_at: float = field(default_factory=monotonic)
    looked_at: float = field(default_factory=monotonic)

    def serves(self, subject: Subject) -> bool:
        """Whether nothing has changed since, as far as can be told at little cost."""
        now = monotonic()
        if now - self.captured_at > _SERVES_SECONDS:
            return False
        if now - self.looked_at > _LOOK_SECONDS:
            self.looked_at = now
            return self.modules == subject.modules and self.modified == _modified(subject)
        return True


class SharedCaptures:
    """Gives runs an environment that they share. Only the worker thread calls this.

    Args:
        captures: What has been captured for other runs of the process.
    """

    def __init__(self, captures: Captures) -> None:
        self._captures = captures
        self._latest: dict[tuple[Path, Path], _Shared] = {}

    def give(self, run: Run) -> None:
        """Add a record of the shared environment to a run that has begun."""
        subject = run.subject
        if subject is None:
            return
        place = subject.folder.parent, subject.script_folder
        shared = self._latest.get(place)
        if shared is None or not shared.serves(subject):
            shared = self._latest[place] = self._capture(subject)
        if shared.digest is not None:
            run.put([Environment(time=time(), kind=SHARED_KIND, shared=shared.digest)])
        run.put(msgspec.structs.replace(notice, time=time()) for notice in shared.notices)

    def _capture(self, subject: Subject) -> _Shared:
        draft = _Draft(subject)
        shared = _Shared(subject.modules, _modified(subject))
        try:
            self._captures.take([draft])
            shared.digest, shared.notices = draft.publish(), draft.notices
            if shared.digest is not None:
                self._captures.move(draft.subject.folder, subject.folder.parent / SHARED / shared.digest)
        except OSError as error:
            message = f"not captured: {type(error).__name__}: {error}"
            shared.notices = [Notice(time=time(), about="environment", message=message)]
        finally:
            shutil.rmtree(draft.subject.folder, ignore_errors=True)
        return shared


class _Draft:
    """Takes the place of a run while its environment is captured."""

    def __init__(self, subject: Subject) -> None:
        self._run = subject.folder
        self.subject = replace(subject, folder=subject.folder.parent / SHARED / f".{subject.started.pid}.draft")
        self._records: list[Environment] = []
        self.notices: list[Notice] = []

    def put(self, records: Iterable[AnyRecord]) -> None:
        for record in records:
            if isinstance(record, Environment):
                self._records.append(msgspec.structs.replace(record, time=0.0))  # the same whenever it is captured
            elif isinstance(record, Notice):
                self.notices.append(record)

    def publish(self) -> str | None:
        """Keep what was captured beside the run; return its digest, or None if that is nothing."""
        if not self._records:
            return None
        files: dict[str, bytes | Path] = {
            name: self.subject.folder / name for record in self._records for name in record.files
        }
        return publish(self._run, files, self._records)


def give_own(run: Run, digest: str) -> None:
    """Give a run that is no longer short its own copy of the environment that it shares."""
    subject = run.subject
    if subject is None:
        return
    for record in environment_of(subject.folder, digest):
        files = {name: own_name(name) for name in record.files}
        for shared, own in files.items():
            target = subject.folder / own
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(subject.folder.parent / shared, target)
        run.put([msgspec.structs.replace(record, time=time(), files=list(files.values()), shared=None)])


def _modified(subject: Subject) -> dict[Path, float]:
    entry = [Path(subject.started.entry_point)] if subject.started.entry_point else []
    return {path: modified(path) for path in [*entry, *subject.modules]}
