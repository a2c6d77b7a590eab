"""`autotrack show` shows everything about one run."""

import re
from typing import Annotated

import msgspec
import typer

from autotrack import settings
from autotrack.cli.options import JsonOption, StoreOption
from autotrack.cli.owed import unsent_to, waiting_elsewhere
from autotrack.cli.printing import say, say_json, say_table, say_text
from autotrack.cli.trials import trials_table
from autotrack.format import first_line, human_bytes, human_seconds, moment, short, shown
from autotrack.journal.judging import judged_by
from autotrack.journal.summary import Summary
from autotrack.readers import catalog
from autotrack.readers.param_rows import param_rows
from autotrack.readers.recorded_run import RecordedRun
from autotrack.sinks.owed import owed_by_server


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A folder, an id, a name, or `latest`.")] = "latest",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything about one run."""
    recorded = catalog.find(run, store)
    if as_json:
        # Field by field, because encoding the struct would leave out fields with default values.
        fields = {name: msgspec.to_builtins(getattr(recorded.summary, name)) for name in Summary.__struct_fields__}
        say_json({"folder": str(recorded.folder.absolute()), **fields, "owed": _owed(recorded)})
        return
    summary = recorded.summary
    _print_facts(recorded)
    sections: list[tuple[str, list[str], list[list[str]]]] = [
        ("metrics", _METRIC_COLUMNS[: 6 if _has_printed(summary) else 5], _metrics(summary)),
        *filter(None, [trials_table(summary)]),
        ("checkpoints and files", ["path", "kind", "size", "saved for"], _artifacts(summary)),
        ("params", *_table_of(_params(summary, left_at_default=False))),
        ("params left at their default", *_table_of(_params(summary, left_at_default=True))),
        ("data", ["role", "what", "rows", "covered", "shared rows"], _datasets(summary)),
        ("system load", ["name", "mean", "max"], _load(summary)),
        ("notices", ["about", "message"], [[notice.about, notice.message] for notice in summary.notices]),
        ("owed to servers", ["server", "what it has not taken"], _owed_rows(recorded)),
    ]
    for title, columns, rows in sections:
        if rows:
            say_text(f"\n{title}")
            say_table(columns, rows)
    for title, text in (("changes", _plain(summary.texts.get("changes", ""))), ("traceback", summary.traceback)):
        if text:
            say_text(f"\n{title}\n{text.rstrip()}")


def _print_facts(recorded: RecordedRun) -> None:
    summary = recorded.summary
    facts = {
        "run": f"{summary.name}  ({summary.id})",
        "experiment": summary.experiment,
        "status": summary.status + (f": {first_line(summary.error)}" if summary.error else ""),
        "started": moment(summary.started),
        "took": "" if summary.duration_seconds is None else human_seconds(summary.duration_seconds),
        "judged by": judged_by(summary, wanted=settings.resolve().metric) or "",
        "command": " ".join(summary.argv),
        "code": _code(summary),
        "environment": _environment(summary),
        "frameworks": ", ".join(f"{name} {version}" for name, version in summary.frameworks.items()),
        "resumed from": summary.resumed_from or "",
        "parent": _named(recorded, summary.parent),
        "repeats": _named(recorded, summary.reproduces),
        "tags": ", ".join(f"{name}={value}" for name, value in summary.tags.items()),
        "folder": shown(recorded.folder.absolute()),
        "waiting": waiting_elsewhere([recorded]),
        "not read": "; ".join(summary.left_out),
    }
    for name, value in facts.items():
        if value:
            say(f"{name:<12} {value}")


def _named(recorded: RecordedRun, wanted: str | None) -> str:
    """Return the name of the run with an id, and its folder; the id, if it is not in the store of this one."""
    if not wanted:
        return ""
    other = catalog.with_id(wanted, recorded.folder.absolute().parent.parent)
    return f"{other.name}  ({shown(other.folder)})" if other else wanted


def _plain(changes: str) -> str:
    """Return what has changed, which is recorded as Markdown for TensorBoard, as it is written for a terminal."""
    paragraphs = re.sub(r"^\*\*(.+?)\*\* \((.+)\)$", r"\1 (\2):", changes, flags=re.MULTILINE).split("\n\n")
    return "\n".join(
        paragraph if paragraph.endswith(":") else re.sub(r"^- ", "  ", paragraph, flags=re.MULTILINE)
        for paragraph in paragraphs
    )


def _code(summary: Summary) -> str:
    git = summary.environment.get("git")
    if git is None:
        return "kept in environment/source" if "source" in summary.environment else ""
    where = git.get("tag") or git.get("branch") or "detached"
    uncommitted = [*git.get("changed", []), *git.get("untracked", [])]
    changes = f", {len(uncommitted)} uncommitted files" if uncommitted else ""
    return f"{git['commit'][:10] if git.get('commit') else 'no commit yet'} ({where}){changes}"


def _environment(summary: Summary) -> str:
    packages, hardware = (summary.environment.get(kind, {}) for kind in ("packages", "hardware"))
    parts = [f"Python {packages['python']}, {packages['count']} packages"] if packages else []
    parts += [str(hardware[name]) for name in ("os_name", "cpu_model") if hardware.get(name)]
    parts += [str(gpu.get("name")) for gpu in hardware.get("gpus", [])]
    return ", ".join(parts)


def _datasets(summary: Summary) -> list[list[str]]:
    return [
        [
            " ".join(part for part in (data.role, data.name) if part),
            f"{data.kind} {data.dtype or ''} {'x'.join(map(str, data.shape or []))}".strip(),
            "" if data.rows is None else str(data.rows),
            f"{data.covered:.0%}",
            ", ".join(f"{count} with {role}" for role, count in data.shared_rows.items()),
        ]
        for data in summary.datasets
    ]


def _load(summary: Summary) -> list[list[str]]:
    return [[name, _amount(name, load.mean), _amount(name, load.max)] for name, load in sorted(summary.system.items())]


def _amount(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return human_bytes(value)
    return f"{human_bytes(value)}/s" if name.endswith("_bytes_per_second") else short(float(value))


def _table_of(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the columns of params, and the rows; that of the defaults is only there if there are any."""
    columns = ["name", "value", "source", "default"]
    return (columns, rows) if any(row[3] for row in rows) else (columns[:3], [row[:3] for row in rows])


def _params(summary: Summary, *, left_at_default: bool) -> list[list[str]]:
    return [
        [row.name, str(row.value), ", ".join(row.sources), row.default]
        for row in param_rows(summary)
        if row.is_default is left_at_default
    ]


def _metrics(summary: Summary) -> list[list[str]]:
    rows = []
    for name, metric in sorted(summary.metrics.items()):
        best, where = "", ""
        if metric.best and metric.count > 1:
            best = short(metric.best.value)
            where = f"epoch {metric.best.epoch}" if metric.best.epoch is not None else f"step {metric.best.step}"
        row = [name, short(metric.last.value), best, where, str(metric.count)]
        rows.append([*row, metric.source or ""] if _has_printed(summary) else row)
    return rows


_METRIC_COLUMNS = ["name", "last", "best", "where", "points", "source"]


def _has_printed(summary: Summary) -> bool:
    """Whether metrics were found in what the script prints, so that it is worth telling which ones."""
    return any(metric.source for metric in summary.metrics.values())


def _owed(run: RecordedRun) -> dict[str, list[str]]:
    refused = {server: list(owed.sentences()) for server, owed in owed_by_server(run.folder).items()}
    return {**refused, **{server: ["not sent yet"] for server in unsent_to(run)}}


def _owed_rows(run: RecordedRun) -> list[list[str]]:
    return [[server, sentence] for server, sentences in _owed(run).items() for sentence in sentences]


def _artifacts(summary: Summary) -> list[list[str]]:
    return [
        [
            artifact.path,
            ", ".join([artifact.kind, *artifact.roles]),
            human_bytes(artifact.bytes),
            ", ".join(f"{name} {short(value)}" for name, value in artifact.metrics.items()),
        ]
        for artifact in summary.artifacts
    ]
