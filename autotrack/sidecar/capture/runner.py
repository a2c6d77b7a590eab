"""Makes the captures of runs. Each has a time limit, and fails without harm to the others."""

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, time
from typing import Protocol

import msgspec

from autotrack.journal.files import link_or_copy
from autotrack.journal.records import AnyRecord, Environment, Notice
from autotrack.sidecar.capture import git, hardware, packages, source, system_packages, used
from autotrack.sidecar.capture.base import Capture, Subject

CAPTURES: dict[str, tuple[Capture, float]] = {
    "git": (git.capture, 30.0),
    "source": (source.capture, 10.0),
    "used": (used.capture, 10.0),
    "hardware": (hardware.capture, 10.0),
    "packages": (packages.capture, 15.0),
    "system_packages": (system_packages.capture, 15.0),
}
"""The captures, with the seconds that each may take. First comes what may change while training runs."""

_SLOW_TO_CHANGE = ("hardware", "packages", "system_packages")
_REUSED_SECONDS = 60.0
"""For how long a capture of what hardly changes serves later runs of the process: a search may start one a second."""


class Run(Protocol):
    """A run that captures are made for."""

    @property
    def subject(self) -> Subject | None:
        """What is captured; None for a run that has not begun."""

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Add records."""


@dataclass(frozen=True)
class _Captured:
    subject: Subject
    at: float
    records: list[AnyRecord]

    @property
    def is_fresh(self) -> bool:
        """Whether it is recent, and its files still exist."""
        files = [file for record in self.records if isinstance(record, Environment) for file in record.files]
        recent = monotonic() - self.at < _REUSED_SECONDS
        return recent and all((self.subject.folder / file).exists() for file in files)


class Captures:
    """Makes the captures of all runs of a process. Runs that began at about the same time share them."""

    def __init__(self) -> None:
        self._latest: dict[str, _Captured] = {}

    def take(self, runs: Sequence[Run], names: Iterable[str] = CAPTURES) -> None:
        """Make captures for runs that have begun with the same script, and add the records to each of them."""
        subjects = [(run, run.subject) for run in runs]
        for name in names:
            for run, subject in subjects:
                if subject is not None:
                    run.put(self._records(name, subject, is_first=subject is subjects[0][1]))

    def move(self, source: Path, target: Path) -> None:
        """Note that the files of captures which were made in one folder are now in another."""
        for name, captured in self._latest.items():
            if captured.subject.folder == source:
                self._latest[name] = replace(captured, subject=replace(captured.subject, folder=target))

    def _records(self, name: str, subject: Subject, *, is_first: bool) -> list[AnyRecord]:
        latest = self._latest.get(name)
        is_reusable = name in _SLOW_TO_CHANGE and latest is not None and latest.is_fresh
        if latest is None or (is_first and not is_reusable):
            self._latest[name] = _Captured(subject, monotonic(), _capture(name, subject))
            return self._latest[name].records
        return [_copy(record, latest.subject, subject) for record in latest.records]


def _capture(name: str, subject: Subject) -> list[AnyRecord]:
    capture, limit_seconds = CAPTURES[name]
    records: list[AnyRecord] = []

    def work() -> None:
        try:
            records.extend(capture(subject))
        except Exception as fault:  # noqa: BLE001  a capture that fails must not harm the others
            message, _ = subject.redactor.redact_text(f"not captured: {type(fault).__name__}: {fault}")
            records.append(Notice(time=time(), about=name, message=message))

    # In a thread, because that is the only way to leave behind a file system that hangs.
    worker = threading.Thread(target=work, name=f"autotrack-{name}", daemon=True)
    try:
        worker.start()
    except RuntimeError:  # Python 3.12 starts no thread at exit, when this runs if there is no sidecar
        work()
        return records
    worker.join(limit_seconds)
    if worker.is_alive():
        message = f"not captured: it took longer than {limit_seconds:.0f} s"
        return [Notice(time=time(), about=name, message=message)]
    # No redaction here: a capture knows which of its values can be secrets, and which names only sound like it.
    return records


def _copy(record: AnyRecord, source: Subject, subject: Subject) -> AnyRecord:
    """Return the record for another run. The files that belong to it become hard links if the file system has them."""
    if isinstance(record, Environment):
        for file in record.files:
            target = subject.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # the earlier run was deleted
                link_or_copy(source.folder / file, target)
    return msgspec.structs.replace(record, time=time())
