"""Whether a run was recorded here by whoever wants to repeat it. If not, its command and its code are a stranger's."""

import getpass
import os
import socket

from autotrack.journal.summary import Summary


def why_foreign(summary: Summary) -> str | None:
    """Return why a run is not taken for one of this user on this machine; None if it is.

    That is what the run says of itself. It guards against running a colleague's or a downloaded run by accident, not
    against somebody who knows the names of this user and this machine and forges them.
    """
    process = summary.environment.get("process", {})
    user, host = process.get("user"), summary.host
    if host != os.uname().nodename and host != socket.gethostname():
        return f"it was recorded on {host or 'an unknown machine'}"
    if user != _user():
        return f"it was recorded by {user or 'an unknown user'}"
    return None


def _user() -> str | None:
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # a container may run as a user without a name
        return getpass.getuser() if os.environ.get("USER") else None
