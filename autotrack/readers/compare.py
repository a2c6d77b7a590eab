"""What differs between runs: code, packages, params, data and hardware; and what a run changed since earlier ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autotrack.errors import JournalFormatError
from autotrack.format import main_metrics, short
from autotrack.journal.directions import Direction
from autotrack.journal.records import Dataset, number
from autotrack.journal.summary import Summary
from autotrack.readers import catalog

_MOST_RUNS = 200
"""How many earlier runs are looked at for the best one."""

_SECOND = len("20261121-075211")

_SHOWN_ITEMS = 3
_LONGEST_VALUE = 40
_HARDWARE = (
    "hostname",
    "cpu_model",
    "cpu_cores_usable",
    "memory_gb",
    "container_cpu_cores",
    "container_memory_gb",
)


@dataclass(frozen=True)
class ChangesSince:
    """How a run differs from earlier ones: in one `line` for the terminal, and as Markdown `text`."""

    line: str
    text: str


def changes_of(folder: Path) -> ChangesSince | None:
    """Compare the run in `folder` with the last and the best one before it; None for the first of its experiment."""
    now = catalog.summarise(folder)
    earlier = _earlier_runs(folder, now)
    if not earlier:
        return None
    last = earlier[0]
    metric, best = _best_of(earlier)
    compared = [(last, "last run")]
    if best is not None:
        title = f"best {metric} {short(best.bests[metric])}"
        compared = [(last, f"last run and {title}")] if best is last else [(last, "last run"), (best, title)]
    summaries = [(catalog.summarise(one.folder), title) for one, title in compared]
    parts = [(before.name, title, differences(now, before)) for before, title in summaries]
    said = [f"since {name} ({title}): {in_short(found)}" for name, title, found in parts]
    sections = [f"**Since {name}** ({title})\n\n{as_markdown(found)}" for name, title, found in parts]
    return ChangesSince(f"autotrack: {'; '.join(said)}", "\n\n".join(sections))


def differences(now: Summary, before: Summary) -> dict[str, list[str]]:
    """Return what differs, as phrases such as `lr 0.1 → 0.01`, under `code`, `packages`, `params`, `data`, `hardware`.

    What was not captured in both runs is not compared. A run that goes on may still log the params that it lacks.
    """
    found = {
        "code": list(_code(now.environment, before.environment)),
        "packages": list(_packages(now.environment, before.environment)),
        "params": list(_values(now.params, before.params, is_complete=now.status != "running")),
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


@dataclass(frozen=True)
class _Outline:
    """What has to be known of a run to choose it; a summary holds all its packages as well.

    `bests` are the best values of the metrics that a person looks at first, where there is one.
    """

    folder: Path
    id: str
    experiment: str
    started: float
    is_inside_another: bool
    directions: dict[str, Direction | None]
    bests: dict[str, Any]


def _earlier_runs(folder: Path, now: Summary) -> list[_Outline]:
    """The runs of the same experiment that began before this one, the newest first.

    The runs inside of others, such as those of a search, are compared with each other only.
    """
    # Names begin with the second of the start, and within one second they tell no order.
    second = folder.name[:_SECOND]
    candidates = [one for one in folder.parent.iterdir() if one.name[:_SECOND] <= second and one != folder]
    found = []
    for other in sorted(candidates, reverse=True)[:_MOST_RUNS]:
        try:
            before = _outline(other)
        except (OSError, JournalFormatError):  # no run
            continue
        is_alike = before.experiment == now.experiment and before.is_inside_another == (now.parent is not None)
        if is_alike and before.started <= now.started and before.id != now.id:
            found.append(before)
    return sorted(found, key=lambda one: one.started, reverse=True)


def _outline(folder: Path) -> _Outline:
    try:
        written = (folder / "run.json").stat().st_mtime_ns
    except FileNotFoundError:
        return _read_outline(folder)
    return _known_outline(folder, written)


def _read_outline(folder: Path) -> _Outline:
    summary = catalog.summarise(folder)
    main = {name: summary.metrics[name] for name in main_metrics(summary)}
    return _Outline(
        folder=folder,
        id=summary.id,
        experiment=summary.experiment,
        started=summary.started,
        is_inside_another=summary.parent is not None,
        directions={name: metric.better for name, metric in main.items()},
        bests={name: metric.best.value for name, metric in main.items() if metric.best},
    )


@lru_cache(maxsize=5 * _MOST_RUNS)  # in a loop of short fits every run is compared with two hundred
def _known_outline(folder: Path, _written: int) -> _Outline:
    return _read_outline(folder)


def _best_of(runs: list[_Outline]) -> tuple[str, _Outline | None]:
    """The run with the best value of the metric that a person looks at first, in the latest run that has any."""
    for metric, direction in (item for run in runs for item in run.directions.items()):
        having = [run for run in runs if metric in run.bests]
        if having:
            choose = min if direction == "min" else max
            return metric, choose(having, key=lambda run: number(run.bests[metric]))
    return "", None


def _code(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    one, other = now.get("git", {}), before.get("git", {})
    if one and other:
        if one.get("commit") != other.get("commit"):
            yield f"commit {(other.get('commit') or 'none')[:7]} → {(one.get('commit') or 'none')[:7]}"
        if any(one.get(name) != other.get(name) for name in ("patch_sha256", "untracked_code_sha256")):
            changed = [*one.get("changed", []), *one.get("untracked_code", [])]
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
        yield from _values(_machine(one), _machine(other))
        cards = [[gpu.get("name", "?") for gpu in facts.get("gpus", [])] for facts in (one, other)]
        if cards[0] != cards[1]:
            yield f"GPUs {', '.join(cards[1]) or 'none'} → {', '.join(cards[0]) or 'none'}"


def _machine(hardware: Mapping[str, Any]) -> dict[str, Any]:
    """What says which machine it was; two of a kind differ by a few megabytes, and containers have passing names."""
    sizes = {name: hardware.get(name.replace("_gb", "_bytes")) for name in _HARDWARE if name.endswith("_gb")}
    in_gb = {name: round(size / 1e9, 1) for name, size in sizes.items() if size is not None}
    facts = {name: in_gb.get(name, hardware.get(name)) for name in _HARDWARE}
    if hardware.get("container_runtime"):
        facts["hostname"] = None
    return {name: value for name, value in facts.items() if value is not None}


def _data(now: list[Dataset], before: list[Dataset]) -> Iterator[str]:
    one, other = ({(data.role, data.name): data for data in known} for known in (now, before))
    for key in [key for key in one if key in other]:
        name, new, old = " ".join(part for part in key if part), one[key], other[key]
        if new.rows != old.rows and None not in (new.rows, old.rows):
            yield f"{name} {old.rows} → {new.rows} rows"
        elif new.shape != old.shape:
            yield f"{name} {_by(old.shape)} → {_by(new.shape)}"
        elif new.fingerprint and old.fingerprint and new.fingerprint != old.fingerprint:
            yield f"{name} has other values"


def _by(shape: list[int] | None) -> str:
    return "x".join(map(str, shape)) if shape is not None else "?"


def _values(now: Mapping[str, Any], before: Mapping[str, Any], *, is_complete: bool = True) -> Iterator[str]:
    """Names with another value first, then those that only one side has."""
    for name in now:
        if name in before and now[name] != before[name]:
            old, new = _short(before[name]), _short(now[name])
            if old == new:
                old, new = (_printable(repr(value)) for value in (before[name], now[name]))
            yield f"{name} {old} → {new}"
    yield from (f"{name} {_short(now[name])} added" for name in now if name not in before)
    if is_complete:
        yield from (f"{name} removed" for name in before if name not in now)


def _short(value: Any) -> str:
    return _printable(short(value))


def _printable(text: str) -> str:
    """The text on one line of a terminal, whatever is in it."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 3]}…"
