"""Whether a run was recorded here by whoever wants to repeat it. If not, its command and its code are a stranger's."""

import getpass
import os
import socket
from pathlib import Path
from time import time

from autotrack.journal.summary import Summary

_SECONDS = 120.0


def why_foreign(summary: Summary, folder: Path) -> str | None:
    """Return why a run is not taken for one of this user on this machine; None if it is.

    What a run says of itself can be forged. When the system last saw its journal change can not, by no program that
    unpacks or copies it: so a run is only taken for one's own if that was when it was recorded.
    """
    process = summary.environment.get("process", {})
    user, host = process.get("user"), summary.host
    if host != os.uname().nodename and host != socket.gethostname():
        return f"it was recorded on {host or 'an unknown machine'}"
    if user != _user():
        return f"it was recorded by {user or 'an unknown user'}"
    if not _was_written_then(summary, folder):
        return "its journal came here, or was changed, at another time than it was recorded"
    return None


def _was_written_then(summary: Summary, folder: Path) -> bool:
    """Whether the journal has not changed since the run ended, nor is said to have been written later than now."""
    ended = summary.ended if summary.ended is not None else summary.started
    try:
        status = (folder / "journal" / "main.jsonl").lstat()
    except OSError:
        return False
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return False
    return summary.started - _SECONDS <= status.st_ctime <= ended + _SECONDS and ended <= time() + _SECONDS


def _user() -> str | None:
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # a container may run as a user without a name
        return getpass.getuser() if os.environ.get("USER") else None
