"""Switches autologging on when Python starts, because `autotrack run` put this folder in front of PYTHONPATH.

Nothing else may lie in this folder. The code also has to work in an older Python 3, and in one without autotrack.
"""

import os
import sys


def _begin() -> None:
    text = os.environ.get("AUTOTRACK_RUN", "")
    if not text:
        return
    try:
        from autotrack.training.startup import begin
    except (ImportError, SyntaxError):
        is_meant = text.split(" ")[:2] == ["script", str(os.getpid())] or sys.argv[0].endswith(".py")
        if is_meant and text.startswith("script "):
            sys.stderr.write("autotrack: %s has no autotrack, so nothing is recorded\n" % sys.executable)  # noqa: UP031
    else:
        begin(text)


def _leave() -> None:
    """Take this folder off the path, and this module away, so that Python's own can be imported."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]  # noqa: PTH100
    sys.path_importer_cache.pop(here, None)
    del sys.modules[__name__]


if __name__ == "sitecustomize":
    _leave()
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  without one, this error is what Python expects
    finally:
        _begin()
