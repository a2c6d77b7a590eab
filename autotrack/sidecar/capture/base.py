"""What a capture is: a function that returns records about the environment of a run, and may write files as well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from autotrack.journal.records import AnyRecord, RunStarted
from autotrack.journal.run_folder import make_folders, replace_file
from autotrack.redaction import Redactor

FOLDER = "environment"
"""The folder, inside the run folder, of the files of captures."""


@dataclass(frozen=True)
class Subject:
    """What a capture is made for: a run, and the process that records it.

    Attributes:
        folder: The folder of the run.
        started: The start of the run, which describes the process.
        redactor: Takes secrets out of whatever is written.
        modules: The source files that the process has imported from below the folder of its entry script.
        budget_bytes: How much is kept of files that git does not have.
        packages: The importable names, besides the standard library's, that the process has imported.
    """

    folder: Path
    started: RunStarted
    redactor: Redactor
    modules: Sequence[Path] = ()
    budget_bytes: int = 20 * 10**6
    packages: Sequence[str] = ()

    @property
    def script_folder(self) -> Path:
        """The folder of the entry script; the working folder if there is no script, as in a notebook."""
        return Path(self.started.entry_point).parent if self.started.entry_point else Path(self.started.cwd)

    def write(self, name: str, content: bytes) -> str:
        """Write a file as it is, without redaction; return its path relative to the run folder."""
        path = f"{FOLDER}/{name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        make_folders(self.folder, path)
        replace_file(self.folder, path, content)
        return path

    def write_json(self, name: str, value: Any) -> str:
        """Write plain data as indented JSON, without the secrets in it; return its path as `write` does."""
        return self.write(name, msgspec.json.format(msgspec.json.encode(self.redactor.redact(value)[0]), indent=1))


Capture = Callable[[Subject], list[AnyRecord]]
"""Returns records without secrets in them. The caller sets a time limit, and turns what it raises into a `Notice`."""
