"""The tags of a run: MLflow's own names where it has one, and names that begin with `autotrack.` otherwise."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from autotrack.journal.summary import Summary
from autotrack.sinks.rest.key_map import KeyMap
from autotrack.sinks.rest.runs import RUN_TAG

LONGEST = 5000
"""How many characters a value may have. Since MLflow 2.16 it is 8000."""

NOTE = "mlflow.note.content"
"""MLflow's page shows this tag as the description of a run, in Markdown."""

NOT_OF_USERS = ("mlflow.", "autotrack.")
"""How tags begin that are not the user's."""

_LISTED = 20


def of_run(summary: Summary, keys: KeyMap) -> dict[str, str]:
    """Return all tags of a run. The tags of the user get their keys from `keys`."""
    own = {keys.of(name): value for name, value in summary.tags.items() if name != NOTE}
    facts = {**_source(summary), **dict(_facts(summary)), NOTE: description(summary)}
    filled = {key: str(value) for key, value in facts.items() if value not in (None, "")}
    return {key: shortened(value) for key, value in {**own, **filled}.items()}


def at_creation(summary: Summary) -> dict[str, str]:
    """Return the tags that a run is created with: its source, and the user, which cannot be changed later."""
    user = summary.environment.get("process", {}).get("user")
    tags = {"mlflow.user": user, **_source(summary)}
    return {key: shortened(str(value)) for key, value in tags.items() if value not in (None, "")}


def description(summary: Summary) -> str:
    """Return the note of the user, what changed since earlier runs, and autotrack's notices, as Markdown."""
    parts = [summary.tags.get(NOTE) or summary.texts.get("note", "")]
    if changes := summary.texts.get("changes"):
        parts.append(f"### Changes\n\n{changes}")
    if summary.notices:
        lines = dict.fromkeys(f"- {notice.about}: {notice.message}" for notice in summary.notices[:_LISTED])
        parts.append("### Notices\n\n" + "\n".join(lines))
    return "\n\n".join(part for part in parts if part)


def shortened(text: str) -> str:
    """Return a text cut to the length of a tag, without NUL, which PostgreSQL does not accept."""
    text = text.replace("\0", "�")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _source(summary: Summary) -> dict[str, Any]:
    """Return where the code is from, under the names of mlflow/utils/mlflow_tags.py."""
    git = summary.environment.get("git", {})
    script = summary.entry_point or (summary.argv[0] if summary.argv else "")
    return {
        "mlflow.source.name": script,
        "mlflow.source.type": "NOTEBOOK" if PurePath(script).suffix == ".ipynb" else "LOCAL",
        "mlflow.source.git.commit": git.get("commit"),
        "mlflow.source.git.branch": git.get("branch"),
        "mlflow.source.git.repoURL": git.get("remote"),
        "mlflow.source.git.dirty": str(git["dirty"]).lower() if "dirty" in git else None,
    }


def _facts(summary: Summary) -> Iterator[tuple[str, Any]]:
    git = summary.environment.get("git", {})
    changed = [*git.get("changed", []), *git.get("untracked_code", [])]
    more = f" and {len(changed) - _LISTED} more" if len(changed) > _LISTED else ""
    yield RUN_TAG, summary.id
    yield "autotrack.status", summary.status
    yield "autotrack.host", summary.host
    yield "autotrack.python", summary.python
    yield "autotrack.frameworks", ", ".join(f"{name} {version}" for name, version in summary.frameworks.items())
    yield "autotrack.git.changed", ", ".join(changed[:_LISTED]) + more
    yield "autotrack.command", summary.environment.get("process", {}).get("command")
    yield "autotrack.resumed_from", summary.resumed_from
    yield "autotrack.reproduces", summary.reproduces
    yield "autotrack.error", summary.error
    yield "autotrack.stop_reason", summary.stop_reason
