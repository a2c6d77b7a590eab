"""What differs between runs: code, packages, params, data and hardware; and what a run changed since earlier ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotrack import catalog, terminal
from autotrack.catalog import RecordedRun
from autotrack.errors import JournalFormatError
from autotrack.records import Dataset, number
from autotrack.summary import Summary

_MOST_RUNS = 200
"""How many earlier runs are looked at for the best one."""

_SHOWN_ITEMS = 3
_HARDWARE = (
    "hostname",
    "cpu_model",
    "cpu_cores_usable",
    "memory_bytes",
    "container_cpu_cores",
    "container_memory_bytes",
)


@dataclass(frozen=True)
class ChangesSince:
    """How a run differs from earlier ones: in one `line` for the terminal, and as Markdown `text`."""

    line: str
    text: str


def changes_of(folder: Path) -> ChangesSince | None:
    """Compare the run in `folder` with the last and the best one before it; None for the first of its experiment."""
    now = catalog.summarise(folder)
    earlier = list(_earlier_runs(folder, now))
    if not earlier:
        return None
    last = earlier[0]
    metric, best = _best_of(earlier)
    compared = [(last, "last run")]
    if best is not None:
        title = f"best {metric} {terminal.short(_best_value(best.summary, metric))}"
        compared = [(last, f"last run and {title}")] if best is last else [(last, "last run"), (best, title)]
    parts = [(run.summary.name, title, differences(now, run.summary)) for run, title in compared]
    said = [f"since {name} ({title}): {in_short(found)}" for name, title, found in parts]
    sections = [f"**Since {name}** ({title})\n\n{as_markdown(found)}" for name, title, found in parts]
    return ChangesSince(f"autotrack: {'; '.join(said)}", "\n\n".join(sections))


def differences(now: Summary, before: Summary) -> dict[str, list[str]]:
    """Return what differs, as phrases such as `lr 0.1 → 0.01`, under `code`, `packages`, `params`, `data`, `hardware`.

    What was not captured in both runs is not compared.
    """
    found = {
        "code": list(_code(now.environment, before.environment)),
        "packages": list(_packages(now.environment, before.environment)),
        "params": list(_values(now.params, before.params)),
        "data": list(_data(now.datasets, before.datasets)),
        "hardware": list(_hardware(now.environment, before.environment)),
    }
    return {area: items for area, items in found.items() if items}


def in_short(found: Mapping[str, list[str]]) -> str:
    """Say differences in one line, the first few of each kind."""
    if not found:
        return "nothing changed"
    said = []
    for area, items in found.items():
        more = f", {len(items) - _SHOWN_ITEMS} more" if len(items) > _SHOWN_ITEMS else ""
        said.append(f"{area} ({', '.join(items[:_SHOWN_ITEMS])}{more})")
    return ", ".join(said)


def as_markdown(found: Mapping[str, list[str]]) -> str:
    """Say all differences, a line each."""
    return "\n".join(f"- {area}: {item}" for area, items in found.items() for item in items) or "- nothing changed"


def _earlier_runs(folder: Path, now: Summary) -> Iterator[RecordedRun]:
    """The runs of the same experiment that began before this one, the newest first; its own parts are none of them."""
    folders = sorted((one for one in folder.parent.iterdir() if one.name < folder.name), reverse=True)
    for other in folders[:_MOST_RUNS]:
        try:
            run = catalog.load(other)
        except (OSError, JournalFormatError):  # no run
            continue
        if run.summary.started <= now.started and run.summary.id not in (now.id, now.parent):
            yield run


def _best_of(runs: list[RecordedRun]) -> tuple[str, RecordedRun | None]:
    """The run with the best value of the metric that a person looks at first."""
    for metric in terminal.main_metrics(runs[0].summary):
        direction = runs[0].summary.metrics[metric].better
        having = [run for run in runs if (known := run.summary.metrics.get(metric)) and known.best]
        if having:
            choose = min if direction == "min" else max
            return metric, choose(having, key=lambda run: number(_best_value(run.summary, metric)))
    return "", None


def _best_value(summary: Summary, metric: str) -> Any:
    best = summary.metrics[metric].best
    return best.value if best else "NaN"


def _code(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    one, other = now.get("git", {}), before.get("git", {})
    if one and other:
        if one.get("commit") != other.get("commit"):
            yield f"commit {str(other.get('commit'))[:7]} → {str(one.get('commit'))[:7]}"
        if any(one.get(name) != other.get(name) for name in ("patch_sha256", "untracked_sha256")):
            changed = [*one.get("changed", []), *one.get("untracked", [])]
            yield (
                f"uncommitted {', '.join(changed[:2])}{' …' if changed[2:] else ''}"
                if changed
                else "now all committed"
            )
    one, other = now.get("source", {}).get("files", {}), before.get("source", {}).get("files", {})
    yield from (name for name in sorted({*one, *other}) if one and other and one.get(name) != other.get(name))


def _packages(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    one, other = now.get("packages", {}), before.get("packages", {})
    if one and other:
        if one.get("python") != other.get("python"):
            yield f"Python {other.get('python')} → {one.get('python')}"
        yield from _values(one.get("versions", {}), other.get("versions", {}))
        moved, commits = one.get("commits", {}), other.get("commits", {})
        yield from (f"{name} at another commit" for name in moved if commits.get(name, moved[name]) != moved[name])


def _hardware(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    one, other = now.get("hardware", {}), before.get("hardware", {})
    if one and other:
        yield from _values(*({name: facts.get(name) for name in _HARDWARE} for facts in (one, other)))
        cards = [[gpu.get("name", "?") for gpu in facts.get("gpus", [])] for facts in (one, other)]
        if cards[0] != cards[1]:
            yield f"GPUs {', '.join(cards[1]) or 'none'} → {', '.join(cards[0]) or 'none'}"


def _data(now: list[Dataset], before: list[Dataset]) -> Iterator[str]:
    one, other = ({(data.role, data.name): data for data in known} for known in (now, before))
    for key in [key for key in one if key in other]:
        if one[key].fingerprint != other[key].fingerprint or one[key].shape != other[key].shape:
            yield " ".join(part for part in key if part)


def _values(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """Names with another value first, then those that only one side has."""
    for name in now:
        if name in before and now[name] != before[name]:
            yield f"{name} {_short(before[name])} → {_short(now[name])}"
    yield from (f"{name} {_short(now[name])} added" for name in now if name not in before)
    yield from (f"{name} removed" for name in before if name not in now)


def _short(value: Any) -> str:
    text = terminal.short(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
