"""What a capture is: a function from the run it looks at to records, with files beside them where there is more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from autotrack.journal.files import write_atomically
from autotrack.journal.records import AnyRecord, RunStarted
from autotrack.redaction import Redactor

FOLDER = "environment"
"""Where in the run folder the files of captures lie."""


@dataclass(frozen=True)
class Subject:
    """What a capture looks at: the run in `folder`, and the process that records it as `started` describes it.

    `modules` are the source files of what that process had imported from below the folder of its entry script.
    Everything written passes through the `redactor`. `budget_bytes` bounds what is kept of files that git has not.
    """

    folder: Path
    started: RunStarted
    redactor: Redactor
    modules: Sequence[Path] = ()
    budget_bytes: int = 20 * 10**6

    @property
    def script_folder(self) -> Path:
        """The folder of the entry script; the working folder of a process without one, as of a notebook."""
        return Path(self.started.entry_point).parent if self.started.entry_point else Path(self.started.cwd)

    def write(self, name: str, content: bytes) -> str:
        """Write a file among those of captures; return its path relative to the run folder. Redacts nothing."""
        path = self.folder / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        return f"{FOLDER}/{name}"

    def write_json(self, name: str, value: Any) -> str:
        """Write plain data as JSON for people, without the secrets in it; return its path as `write` does."""
        return self.write(name, msgspec.json.format(msgspec.json.encode(self.redactor.redact(value)[0]), indent=1))


Capture = Callable[[Subject], list[AnyRecord]]
"""Looks, and returns what it found, without secrets. Whoever runs it sets a time limit, and turns what it raises into
a `Notice`."""
