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


_here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _here]  # noqa: PTH100
sys.path_importer_cache.pop(_here, None)
del sys.modules["sitecustomize"]
try:
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  Python's own; if there is none, it hears so
finally:
    _begin()
