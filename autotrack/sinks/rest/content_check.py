"""Sees to it that the files of a model are what the run has recorded: whoever loads them there trusts the server."""

import hashlib
import os
from pathlib import Path

from autotrack.errors import AutotrackError
from autotrack.journal.records import Artifact
from autotrack.journal.run_folder import open_file


class ContentChanged(AutotrackError):  # noqa: N818  a state of the file
    """A file is not what the run has recorded: somebody, or a disk, has changed it."""


def check_content(folder: Path, file: Artifact) -> None:
    """Raise `ContentChanged` for a file with another checksum than the recorded one, and as `open_file` does."""
    if file.sha256 is None:
        return
    with os.fdopen(open_file(folder, file.path), "rb") as content:
        if file.sha256 != hashlib.file_digest(content, "sha256").hexdigest():
            raise ContentChanged(f"{file.path} is not what the run has recorded: its checksum differs")
