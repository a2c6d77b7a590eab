"""Tells a command or a URL of the user of a promotion, so that a deployment can follow.

Which one that is comes from the settings of whoever promotes, and never from a store.
"""

import json
import os
import shlex
import subprocess
from time import time
from typing import Any

from autotrack.destinations import without_credentials, without_credentials_in
from autotrack.journal.files import safe_relative_path
from autotrack.models.entries import AliasMoved, Announced
from autotrack.models.registry import Registry, who

_COMMAND_SECONDS = 60.0
_ANSWER_SECONDS = 10.0
_LONGEST = 500


def announce(registry: Registry, name: str, move: AliasMoved, to: str) -> Announced:
    """Run the command or post to the URL `to`, and record what came of it. A failure takes nothing back.

    The command gets `AUTOTRACK_MODEL`, `…_VERSION`, `…_ALIAS` and `…_MODEL_FOLDER` as variables, and more as JSON on
    its standard input, which is also what is posted.
    """
    content = _content(registry, name, move)
    is_url = to.startswith(("http://", "https://"))
    problem = _post(to, content) if is_url else _run(to, content)
    entry = Announced(
        time=time(),
        by=who(),
        version=move.version or 0,
        alias=move.alias,
        to=without_credentials(to) if is_url else without_credentials_in(to)[:_LONGEST],
        problem=problem[:_LONGEST],
    )
    with registry.changing(name) as (_, append):
        append(entry)
    return entry


def _content(registry: Registry, name: str, move: AliasMoved) -> dict[str, Any]:
    version = registry.model(name).versions[move.version or 0]
    folder = registry.store.absolute() / registry.path_in_store(name, version.version)
    return {
        "model": name,
        "version": version.version,
        "alias": move.alias,
        "before": move.before,
        "rule": move.rule,
        "reason": move.reason,
        "run": version.origin.run,
        "model_folder": str(folder),
        "file": str(folder / safe_relative_path(version.path)),  # whoever is told may use it, wherever it leads
    }


def _run(command: str, content: dict[str, Any]) -> str:
    """Run a command without a shell; return what went wrong, or nothing."""
    named = ("model", "version", "alias", "model_folder")
    environment = {**os.environ, **{f"AUTOTRACK_{key.upper()}": str(content[key]) for key in named}}
    try:
        words = shlex.split(command)
        done = subprocess.run(
            words,
            input=json.dumps(content).encode(),
            env=environment,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {_COMMAND_SECONDS:.0f} s and was ended"
    except (OSError, ValueError) as error:
        return f"it cannot be run: {error}"
    said = " ".join(done.stderr.decode(errors="replace").split())
    return f"it ended with {done.returncode}: {said}" if done.returncode else ""


def _post(url: str, content: dict[str, Any]) -> str:
    """Post JSON to a URL; return what went wrong, or nothing."""
    import requests  # few promotions are posted

    try:
        answer = requests.post(url, json=content, timeout=_ANSWER_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        return f"it does not answer: {type(error).__name__}"
    return "" if answer.ok and answer.status_code < 300 else f"it answered {answer.status_code} {answer.reason}"
