"""Whether somebody is typing into this process: a Python prompt, IPython or a notebook."""

import sys
from typing import Any, Literal


def ipython_shell() -> Any:
    """Return the IPython shell that runs this process, or None. IPython is never imported for it."""
    ipython = sys.modules.get("IPython")
    # While IPython is being imported it has no `get_ipython` yet.
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def interactive_session() -> Literal["notebook", "ipython", "python"] | None:
    """Return the kind of interactive session that this process is, or None for a script."""
    shell = ipython_shell()
    if shell is not None:
        return "ipython" if getattr(shell, "kernel", None) is None else "notebook"
    return "python" if hasattr(sys, "ps1") else None
