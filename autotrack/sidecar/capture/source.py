"""Captures the source files that git does not have: those outside of any repository, and ignored ones."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from time import monotonic, time

from autotrack.errors import AutotrackError
from autotrack.journal.records import AnyRecord, Environment, Notice
from autotrack.sidecar.capture import repository
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.keeping import Keeper, redact_facts

_SECONDS = 8.0
_INSTALLED = {"site-packages", "dist-packages"}


def capture(subject: Subject) -> list[AnyRecord]:
    """Copy the entry script and the modules below its folder, except those that the capture of git keeps.

    The value `files` has the checksums of the copies.
    """
    until = monotonic() + _SECONDS
    cwd = Path(subject.started.cwd).absolute()
    root = cwd / subject.script_folder
    sources = {os.path.relpath(path, root): path for path in _sources(subject, cwd)}
    held = held_by_git([path.resolve() for path in sources.values()], [root, cwd], until=until)
    missing = {name: path.resolve() for name, path in sources.items() if path.resolve() not in held}
    if not missing:
        return []
    keeper = Keeper(subject.redactor, subject.budget_bytes, until)
    kept, files = {}, []
    for name, path in missing.items():
        content = keeper.take(path, name)
        if content is not None:
            kept[name] = hashlib.sha256(content).hexdigest()
            files.append(subject.write(f"source/{name}", content))
    values = redact_facts({"root": str(root), "files": kept, "left_out": keeper.left_out}, subject.redactor)
    messages = [subject.redactor.redact_text(message)[0] for message in keeper.messages()]
    notices = [Notice(time=time(), about="source", message=message) for message in messages]
    return [Environment(time=time(), kind="source", values=values, files=files), *notices]


def _sources(subject: Subject, cwd: Path) -> list[Path]:
    """Return the source files, the entry script first. Installed files, as in a `.venv`, do not count."""
    entry = [cwd / subject.started.entry_point] if subject.started.entry_point else []
    root = cwd / subject.script_folder
    paths = dict.fromkeys([*entry, *(cwd / path for path in subject.modules)])
    own = [path for path in paths if path.is_relative_to(root) and _INSTALLED.isdisjoint(path.relative_to(root).parts)]
    return [path for path in own if path.is_file()]


def held_by_git(paths: list[Path], folders: Iterable[Path], *, until: float) -> set[Path]:
    """Return those of these files that the capture of git keeps."""
    held: set[Path] = set()
    try:
        top = repository.find(folders, until=until)
        for part in top.with_submodules() if top else ():
            inside = [path for path in paths if path.is_relative_to(part.root)]
            held |= part.holds(inside)
    except AutotrackError:  # the capture of git says why
        return held
    return held
