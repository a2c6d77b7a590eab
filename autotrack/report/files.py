"""The texts among the files of a run that the page shows: its output and its patch; of long ones, a part."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.run_folder import open_file
from autotrack.journal.summary import Summary


def end_of(folder: Path, name: str, most: int) -> dict[str, Any] | None:
    """Return the last lines of a file (`text`) and its size (`bytes`); None if it cannot be read."""
    return _part_of(folder, name, most, begins_at=lambda size: max(size - most, 0))


def beginning_of(folder: Path, name: str, most: int) -> dict[str, Any] | None:
    """Return the first lines of a file (`text`) and its size (`bytes`); None if it cannot be read."""
    return _part_of(folder, name, most, begins_at=lambda _: 0)


def _part_of(folder: Path, name: str, most: int, *, begins_at: Callable[[int], int]) -> dict[str, Any] | None:
    """Return whole lines of a part of a file, or a part of a line that is longer than that."""
    try:
        with os.fdopen(open_file(folder, name), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = file.seek(begins_at(size))
            content = file.read(most)
    except (OSError, AutotrackError):
        return None
    whole = content.partition(b"\n")[2] if begin else content
    whole = whole[: whole.rfind(b"\n") + 1] if begin + len(content) < size else whole
    return {"text": (whole or content).decode(errors="replace"), "bytes": size}


def patch_of(folder: Path, summary: Summary, most: int) -> dict[str, Any] | None:
    """Return the uncommitted changes of a run; None if there were none."""
    name = next((name for name in summary.environment_files if name.endswith("changes.patch")), None)
    return beginning_of(folder, name, most) if name else None
