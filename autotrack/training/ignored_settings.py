"""Names that look like settings and have no effect: whoever misspells one is to hear of it."""

import os
from collections.abc import Mapping
from functools import cache

from autotrack import pyproject, repeating, settings
from autotrack.training import terminal

_NO_SETTINGS = ("AUTOTRACK_ALLOW_INSECURE", "AUTOTRACK_RUN", repeating.VARIABLE)
"""Variables that are read elsewhere."""


def ignored_settings() -> list[str]:
    """Return a sentence for each variable and each table of pyproject.toml that was probably meant for autotrack.

    They are no errors, since they may be meant for something else. An unknown name in `[tool.autotrack]` is one.
    """
    names = [name for name in settings.Settings.__dataclass_fields__ if name != "servers"]  # `to` has these
    known = [*(f"{settings.PREFIX}{name.upper()}" for name in names), *_NO_SETTINGS]
    unknown = [name for name in os.environ if name.upper().startswith(settings.PREFIX) and name not in known]
    sentences = [f"the environment variable {name} has no effect{_meant(name.upper(), known)}" for name in unknown]
    if (found := pyproject.find()) is not None:
        path, content = found
        tools = content.get("tool")
        misspelt = [name for name in tools if _is_almost_ours(name)] if isinstance(tools, Mapping) else []
        tables = [*(f"tool.{name}" for name in misspelt), *(["autotrack"] if "autotrack" in content else [])]
        sentences += [f"[{table}] in {path} has no effect; did you mean [tool.autotrack]?" for table in tables]
    return sentences


@cache
def say_ignored_settings() -> None:
    """Say, once in a process, which settings are ignored."""
    for sentence in ignored_settings():
        terminal.say(f"autotrack: {sentence}")


def _is_almost_ours(tool: str) -> bool:
    import difflib  # few settings are misspelt

    return tool != "autotrack" and bool(difflib.get_close_matches(tool.lower(), ["autotrack"], cutoff=0.8))


def _meant(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
