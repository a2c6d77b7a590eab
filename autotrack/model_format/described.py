"""What an integration has written of the inputs and outputs of a model, in a file beside it."""

import json
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.run_folder import read_bytes

_MOST_BYTES = 2**24


def described_in(place: Path, name: str) -> dict[str, Any]:
    """Return what the file `name` below a folder says; nothing if it is not there or cannot be read."""
    try:
        content = json.loads(read_bytes(place, name, limit_bytes=_MOST_BYTES))
    except (OSError, AutotrackError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
