"""Whether a run was recorded here by whoever reads it. If not, its command, code and model are a stranger's."""

import getpass
import os
import socket
from pathlib import Path
from time import time

from autotrack.journal.summary import Summary

_SECONDS = 120.0


def why_foreign(summary: Summary, folder: Path, *, strictly: bool = False) -> str | None:
    """Return why a run is not taken for one of this user on this machine; None if it is.

    What a run says of itself can be forged. When the system last saw its journal change can not, by no program that
    unpacks or copies it: so a run is only taken for one's own if that was when it was recorded.

    With `strictly`, that has to be when it ended, and nobody else may be able to write to any of its journals: that is
    for what happens without a question. A run that was killed, or recorded with a umask of 002, is not enough then.
    """
    process = summary.environment.get("process", {})
    user, host = process.get("user"), summary.host
    if host != os.uname().nodename and host != socket.gethostname():
        return f"it was recorded on {host or 'an unknown machine'}"
    if (process or strictly) and user != _user():  # with AUTOTRACK_ENVIRONMENT=off, a run says nothing of that
        return f"it was recorded by {user or 'an unknown user'}"
    if not _was_written_then(summary, folder, strictly=strictly):
        return "its journal came here, or was changed, at another time than it was recorded"
    if strictly and not is_ours_alone(
        [folder, folder / "run.json", folder / "journal", *(folder / "journal").iterdir()]
    ):
        return "its journals belong to somebody else, or somebody else may write to them"
    return None


def is_ours_alone(paths: list[Path]) -> bool:
    """Return whether files and folders belong to this user and nobody else may write to them."""
    try:
        statuses = [path.lstat() for path in paths]
    except OSError:
        return False
    own = os.getuid() if hasattr(os, "getuid") else None
    return all(own is None or (status.st_uid == own and not status.st_mode & 0o022) for status in statuses)


def _was_written_then(summary: Summary, folder: Path, *, strictly: bool) -> bool:
    """Whether the journal has not changed since the run ended, nor is said to have been written later than now."""
    ended = summary.ended if summary.ended is not None else summary.started
    try:
        status = (folder / "journal" / "main.jsonl").lstat()
    except OSError:
        return False
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return False
    first = ended if strictly else summary.started
    return first - _SECONDS <= status.st_ctime <= ended + _SECONDS and ended <= time() + _SECONDS


def _user() -> str | None:
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # a container may run as a user without a name
        return getpass.getuser() if os.environ.get("USER") else None
