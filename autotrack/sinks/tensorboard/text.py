"""Describes a run in Markdown for the text page, which sorts the tags by name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

from autotrack.escapes import printable
from autotrack.format import moment
from autotrack.journal.records import Dataset, Table, Text
from autotrack.journal.summary import Summary

_FACTS = ("fact", "value")
_LONGEST_CELL = 300
_MOST_ROWS = 200
_LONGEST_TEXT = 200_000
_LAYOUT = "\n\t"
_ESCAPES = str.maketrans(
    {**{character: f"\\{character}" for character in "\\`*_|[]#!"}, "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)

_OF_INTEGRATIONS = {"model_summary": "model", "changes": "changes"}
_GIT = ("commit", "branch", "describe", "dirty", "remote")
_HARDWARE = ("hostname", "cpu_model", "cpu_cores_usable", "memory_bytes", "gpus", "os_name", "container_runtime")
_PACKAGES = ("python", "count", "digest")
_PROCESS = ("command", "user")


def about_run(summary: Summary) -> dict[str, str]:
    """Return the descriptions of a run by tag. What is not known yet is missing."""
    texts = {
        "about": _about(summary),
        "data": _data(summary.datasets),
        "environment": _environment(summary),
        "notices": "\n".join(f"- **{plain(notice.about)}**: {plain(notice.message)}" for notice in summary.notices),
        "params": _params(summary),
        "trials": _trials(summary),
    }
    return {f"autotrack/{name}": text for name, text in texts.items() if text}


def of_text(record: Text) -> tuple[str | None, str]:
    """Return the tag of a text and its Markdown. The tag is None for texts of the user."""
    own = _OF_INTEGRATIONS.get(record.name)
    text = record.text[:_LONGEST_TEXT]
    return own and f"autotrack/{own}", verbatim(text) if own == "model" else text


def of_table(record: Table) -> str:
    """Return a logged table as Markdown, with its first rows."""
    return table(record.columns, record.rows)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table with the first rows, and below it the number of the others.

    >>> print(table(["a", "b"], [["x|y", 1.5]]))
    | a | b |
    |---|---|
    | x\\|y | 1.5 |
    """
    lines = [columns, *rows[:_MOST_ROWS]]
    shown = [f"| {' | '.join(plain(cell) for cell in line)} |" for line in lines]
    shown.insert(1, f"|{'---|' * len(columns)}")
    left = len(rows) - _MOST_ROWS
    return "\n".join(shown) + (f"\n\n{left} more rows" if left > 0 else "")


def plain(value: object) -> str:
    r"""Return a value as the content of a cell: on one line, not too long, and with Markdown and HTML escaped.

    >>> print(plain("<b>*x*</b> & y"))
    &lt;b&gt;\*x\*&lt;/b&gt; &amp; y
    """
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = " ".join(text[:_LONGEST_CELL].split()) + ("…" if len(text) > _LONGEST_CELL else "")
    return printable(text).translate(_ESCAPES)


def verbatim(text: str) -> str:
    """Return a text of several lines that is shown as it is, whatever Markdown or HTML is in it."""
    longest = max(map(len, re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)  # none in the text ends the block
    return f"{fence}\n{printable(text, keep=_LAYOUT)}\n{fence}"


def _about(summary: Summary) -> str:
    git = summary.environment.get("git", {})
    commit = f"{str(git['commit'])[:10]}{' with changes' if git.get('dirty') else ''}" if git.get("commit") else None
    ended = None if summary.ended is None else f"{summary.duration_seconds or 0:.1f}"
    rows = [
        ("run", summary.name),
        ("experiment", summary.experiment),
        ("status", summary.status),
        ("started (UTC)", moment(summary.started, UTC)),
        ("seconds", ended),
        ("frameworks", ", ".join(f"{name} {version}" for name, version in summary.frameworks.items())),
        ("script", " ".join(summary.argv)),
        ("commit", commit),
        ("ranks", len(summary.ranks) if len(summary.ranks) > 1 else None),
        ("resumed from", summary.resumed_from),
        ("repeats", summary.reproduces),
        ("parent", summary.parent),
        *((f"tag {name}", value) for name, value in summary.tags.items()),
        ("error", summary.error),
        ("stopped because", summary.stop_reason),
    ]
    facts = table(_FACTS, [row for row in rows if row[1]])
    return f"{facts}\n\n{verbatim(summary.traceback)}" if summary.traceback else facts


def _params(summary: Summary) -> str:
    """Return a table with each value once, and all sources that have it."""
    sources: dict[tuple[str, str], list[str]] = {}
    shown: dict[tuple[str, str], Any] = {}
    for source, values in summary.params_by_source.items():
        for name, value in values.items():
            key = name, repr(value)  # as text, because a list cannot be a key and 1 equals True
            sources.setdefault(key, []).append(source)
            shown.setdefault(key, "None" if value is None else value)
    rows = [(key[0], value, ", ".join(sources[key])) for key, value in shown.items()]
    return table(["param", "value", "source"], rows) if rows else ""


def _environment(summary: Summary) -> str:
    kinds = {"git": _GIT, "hardware": _HARDWARE, "packages": _PACKAGES, "process": _PROCESS}
    parts = [
        f"**{kind}**\n\n{table(_FACTS, rows)}"
        for kind, names in kinds.items()
        if (rows := list(_facts(summary.environment.get(kind, {}), names)))
    ]
    changed = summary.environment.get("git", {}).get("changed")
    if changed:
        parts.append("**changed since the commit**\n\n" + "\n".join(f"- {plain(name)}" for name in changed))
    if parts and summary.environment_files:
        parts.append("**in the run folder**\n\n" + "\n".join(f"- {plain(name)}" for name in summary.environment_files))
    return "\n\n".join(parts)


def _facts(values: Mapping[str, Any], names: Iterable[str]) -> Iterable[tuple[str, Any]]:
    for name in names:
        value = values.get(name)
        if value not in (None, [], {}):
            yield name, value


def _data(datasets: Sequence[Dataset]) -> str:
    rows = [
        (
            " ".join(filter(None, (data.role, data.name))),
            data.rows if data.rows is not None else "",
            data.shape or ", ".join(f"{name}: {dtype}" for name, dtype in data.schema.items()) or data.dtype or "",
            data.fingerprint or "",
            f"{data.covered:.0%}",
            ", ".join(f"{count} with {role}" for role, count in data.shared_rows.items() if count),
        )
        for data in datasets
    ]
    return table(["data", "rows", "schema", "fingerprint", "covered", "shared rows"], rows) if rows else ""


def _trials(summary: Summary) -> str:
    params = list(dict.fromkeys(name for trial in summary.trials for name in trial.params))
    scores = [name for trial in summary.trials for name in trial.values if not name.startswith(("split", "std_"))]
    values = list(dict.fromkeys(scores))
    rows = [
        [
            trial.number,
            *(trial.params.get(name, "") for name in params),
            *(trial.values.get(name, "") for name in values),
            trial.error or trial.status,
        ]
        for trial in summary.trials
    ]
    return table([summary.trials[0].kind, *params, *values, "status"], rows) if rows else ""
