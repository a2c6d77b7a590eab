"""The texts among the files of a run that the page shows: its output, its patch, its source; of long ones, a part."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.run_folder import open_file, read_bytes
from autotrack.journal.summary import Summary

_MOST_SOURCE_BYTES = 200_000


def end_of(folder: Path, name: str, most: int) -> dict[str, Any] | None:
    """Return the last lines of a file (`text`) and its size (`bytes`); None if it cannot be read."""
    try:
        with os.fdopen(open_file(folder, name), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - most, 0))
            content = file.read(most)
    except (OSError, AutotrackError):
        return None
    if len(content) < size:
        content = content.partition(b"\n")[2]
    return {"text": content.decode(errors="replace"), "bytes": size}


def beginning_of(folder: Path, name: str, most: int) -> dict[str, Any] | None:
    """Return the first lines of a file (`text`) and its size (`bytes`); None if it cannot be read."""
    try:
        with os.fdopen(open_file(folder, name), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            content = file.read(most)
    except (OSError, AutotrackError):
        return None
    if len(content) < size:
        content = content[: content.rfind(b"\n") + 1]
    return {"text": content.decode(errors="replace"), "bytes": size}


def patch_of(folder: Path, summary: Summary, most: int) -> dict[str, Any] | None:
    """Return the uncommitted changes of a run; None if there were none."""
    name = next((name for name in summary.environment_files if name.endswith("changes.patch")), None)
    return beginning_of(folder, name, most) if name else None


def sources_of(folder: Path, summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the source files that were kept of a run without git."""
    kept = summary.environment.get("source", {}).get("files", {})
    by_end = {name.partition("/source/")[2]: name for name in summary.environment_files if "/source/" in name}
    for name in kept if isinstance(kept, dict) else ():
        if name in by_end:
            try:
                content = read_bytes(folder, by_end[name], limit_bytes=_MOST_SOURCE_BYTES)
            except (OSError, AutotrackError):
                continue
            yield name, content.decode(errors="replace")
