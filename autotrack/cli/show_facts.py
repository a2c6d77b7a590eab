"""The facts about a run and the tables of what it has, as `autotrack show` prints them."""

from autotrack.cli.owed import unsent_to, waiting_elsewhere
from autotrack.format import human_bytes, moment, short, shown
from autotrack.journal.lost import losses_in
from autotrack.journal.records import Model
from autotrack.journal.summary import Summary
from autotrack.readers.catalog import Catalog
from autotrack.readers.code.usage import DIGESTS, Usage
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.verdict import OLD_TAGS
from autotrack.sinks.owed import owed_by_server


def facts_of(recorded: RecordedRun, looked_at: Catalog, *, in_full: bool) -> dict[str, str]:
    """Return facts by what they are called; those that need no looking at are there `in_full` only."""
    summary = recorded.summary
    facts = {
        "experiment": summary.experiment,
        "started": moment(summary.started),
        "command": " ".join(summary.argv),
        "code": _code(summary),
        "resumed from": summary.resumed_from or "",
        "parent": _named(recorded, summary.parent, looked_at),
        "repeats": _named(recorded, summary.reproduces, looked_at),
        "reproducible": _to_repeat(recorded),
        "tags": ", ".join(f"{name}={value}" for name, value in summary.tags.items() if name not in OLD_TAGS),
        "note": " ".join(summary.texts.get("note", "").split()),
        "model": "; ".join(map(_model, summary.models)),
        "folder": shown(recorded.folder.absolute()),
        "not written": "; ".join(map(str, losses_in(recorded.folder))),
        "waiting": waiting_elsewhere([recorded]),
        "not read": "; ".join(summary.left_out),
    }
    if in_full:
        facts |= {
            "id": summary.id,
            "environment": _environment(summary),
            "frameworks": ", ".join(f"{name} {version}" for name, version in summary.frameworks.items()),
        }
    return {name: value for name, value in facts.items() if value}


def _model(model: Model) -> str:
    """Return where a model lies, and which weights it has."""
    at = [f"{name} {value}" for name, value in (("step", model.step), ("epoch", model.epoch)) if value is not None]
    scores = [f"{name} {short(value)}" for name, value in model.metrics.items()]
    return f"{model.path}  ({', '.join([f'{model.weights} weights', *at, *scores])})"


def _named(recorded: RecordedRun, wanted: str | None, looked_at: Catalog) -> str:
    """Return the name of the run with an id, and its folder; the id, if it is not in the store of this one."""
    if not wanted:
        return ""
    other = looked_at.with_id(wanted, recorded.folder.absolute().parent.parent)
    return f"{other.name}  ({shown(other.folder)})" if other else wanted


def _code(summary: Summary) -> str:
    git = summary.environment.get("git")
    if git is None:
        return "kept in environment/source" if "source" in summary.environment else ""
    where = git.get("tag") or git.get("branch") or "detached"
    uncommitted = [*git.get("changed", []), *git.get("untracked", [])]
    changes = f", {len(uncommitted)} uncommitted file{'s' * (len(uncommitted) != 1)}" if uncommitted else ""
    return f"{git['commit'][:10] if git.get('commit') else 'no commit yet'} ({where}){changes}"


def _environment(summary: Summary) -> str:
    packages, hardware = (summary.environment.get(kind, {}) for kind in ("packages", "hardware"))
    parts = [f"Python {packages.get('python', '?')}, {packages.get('count', '?')} packages"] if packages else []
    parts += [str(hardware[name]) for name in ("os_name", "cpu_model") if hardware.get(name)]
    parts += [str(gpu.get("name")) for gpu in hardware.get("gpus", []) if isinstance(gpu, dict)]
    return ", ".join(parts)


def datasets(summary: Summary) -> list[list[str]]:
    """Return a row for each data set."""
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


def files_read(summary: Summary) -> list[list[str]]:
    """Return a row for each file that training was seen reading, and for the data that it names."""
    return [
        [
            name,
            _size(facts.get("bytes")),
            str(next((facts[kind] for kind in DIGESTS if kind in facts), ""))[:12],
        ]
        for name, facts in Usage(summary).reads.items()
    ]


def _size(size: object) -> str:
    return human_bytes(size) if isinstance(size, (int, float)) else ""


def system_load(summary: Summary) -> list[list[str]]:
    """Return a row for each kind of load: its mean and its maximum."""
    return [[name, _amount(name, load.mean), _amount(name, load.max)] for name, load in sorted(summary.system.items())]


def _amount(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return human_bytes(value)
    return f"{human_bytes(value)}/s" if name.endswith("_bytes_per_second") else short(float(value))


def _to_repeat(recorded: RecordedRun) -> str:
    """Return how completely the run can be repeated, once that is known."""
    is_known = recorded.summary.status != "running" or "packages" in recorded.summary.environment
    return str(recorded.reproducibility) if is_known else ""


MISSING_COLUMNS = ["points", "what", "why", "what can be done"]


def missing_to_repeat(recorded: RecordedRun) -> list[list[str]]:
    """Return a row for each thing that would be missing to repeat the run."""
    return [[str(one.points), one.what, one.why, one.fix] for one in recorded.reproducibility.missing]


def owed(run: RecordedRun) -> dict[str, list[str]]:
    """Return what each server has not taken of a run, in sentences."""
    refused = {server: list(owed.sentences()) for server, owed in owed_by_server(run.folder).items()}
    return {**refused, **{server: ["not sent yet"] for server in unsent_to(run)}}


def owed_rows(run: RecordedRun) -> list[list[str]]:
    """Return a row for each thing that a server has not taken."""
    return [[server, sentence] for server, sentences in owed(run).items() for sentence in sentences]


def artifacts(summary: Summary) -> list[list[str]]:
    """Return a row for each file that the run keeps."""
    return [
        [
            artifact.path,
            ", ".join([artifact.kind, *artifact.roles]),
            human_bytes(artifact.bytes),
            ", ".join(f"{name} {short(value)}" for name, value in artifact.metrics.items()),
        ]
        for artifact in summary.artifacts
    ]
