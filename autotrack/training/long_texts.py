"""Long texts: the record of one holds its beginning, and a file among the artifacts holds all of it."""

import re
from pathlib import Path
from zlib import crc32

MOST_CHARACTERS = 1_000_000
"""The journal keeps this much of a text: whoever reads the run reads all of its journal."""

_MOST_OF_NAME = 80


def file_of(name: str, step: int | None) -> Path:
    """Return the file for a long text, relative to the run folder. Texts of different names have different files."""
    stem = re.sub(r"[^\w.\- ]+", "-", name[:_MOST_OF_NAME]).strip(" .-") or "text"
    if stem != name:
        stem = f"{stem}-{crc32(name.encode(errors='surrogatepass')):08x}"
    return Path("artifacts", "texts", f"{stem}.txt" if step is None else f"{stem}-{step}.txt")


def beginning(text: str, file: Path) -> str:
    """Return what the record says of a text that is in a file."""
    return f"{text[:MOST_CHARACTERS]}\n\n[autotrack: the text has {len(text):,} characters; see {file.as_posix()}]"
