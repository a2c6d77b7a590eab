"""What differs between two runs: arguments, code, packages, params, data, hardware, the system."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from autotrack.journal.outputs import is_output
from autotrack.journal.params import varies_by_itself
from autotrack.journal.records import Dataset
from autotrack.journal.summary import Summary
from autotrack.readers.compare.arguments import changed_arguments
from autotrack.readers.compare.difference import Difference, differing_values
from autotrack.readers.compare.system_differences import system_differences

_HARDWARE = (
    "hostname",
    "cpu_model",
    "cpu_cores_usable",
    "memory_gb",
    "container_cpu_cores",
    "container_memory_gb",
)


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
OTHER_VALUES = "has other values"


def differences(now: Summary, before: Summary) -> dict[str, list[str]]:
    """Return what differs, as phrases such as `lr 0.1 → 0.01`, by area: see `differences_of`."""
    return {area: list(map(str, items)) for area, items in differences_of(now, before).items()}


def differences_of(now: Summary, before: Summary) -> dict[str, list[Difference]]:
    """Return what differs by area: `arguments`, `code` and so on.

    What was not captured in both runs is not compared. Params that a running run lacks do not count as removed,
    because it may still log them.
    """
    found = {
        "arguments": list(_arguments(now.argv, before.argv)),
        "code": list(_code(now.environment, before.environment)),
        "packages": list(_packages(now.environment, before.environment)),
        "params": _told_once(
            differing_values(_telling(now, before), _telling(before, now), is_complete=now.status != "running")
        ),
        "data": list(_data(now.datasets, before.datasets)),
        "hardware": list(_hardware(now.environment, before.environment)),
        "system": list(system_differences(now.environment, before.environment)),
    }
    found["arguments"] = [
        item
        for item in found["arguments"]
        if not (_is_among(item, found["params"]) or _comes_to_the_same(item, now, before))
    ]
    return {area: items for area, items in found.items() if items}


def _arguments(now: Sequence[str], before: Sequence[str]) -> Iterator[Difference]:
    for name, old, new in changed_arguments(now, before):
        if old is not None and new is not None:
            change = f"{old or 'without a value'} → {new or 'without a value'}"
        else:
            change = f"{old or new or ''} {'added' if old is None else 'removed'}".lstrip()
        yield Difference(name, change, old, new)


def _told_once(params: Iterable[Difference]) -> list[Difference]:
    """Return differences without those that repeat another one: a config has `model.lr`, the model itself `lr`."""
    found = list(params)
    told = {(one.name, one.change) for one in found}
    return [one for one in found if not any((tail, one.change) in told for tail in _tails(one.name))]


def _tails(name: str) -> Iterator[str]:
    """Yield a dotted name without its first parts."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _is_among(argument: Difference, params: list[Difference]) -> bool:
    """Return whether params say the same as what differs in the command line: the same name, or the same values."""
    name = argument.name.lstrip("-").replace("-", "_")
    is_unnamed = len(name) < 2 and "→" in argument.change  # what `-e` stands for is not known here
    return any(
        name == param.name.rpartition(".")[2] or (is_unnamed and param.change == argument.change) for param in params
    )


def _comes_to_the_same(argument: Difference, now: Summary, before: Summary) -> bool:
    """Return whether all params that an option sets are equal in both runs, as if one was given its own default.

    A param that has another number than the option is one of something else.
    """
    name = argument.name.lstrip("-+~").replace("-", "_")
    names = {name, name.removeprefix("no_")} - {""}
    values = [{param: value for param, value in run.params.items() if any(_is_called(param, one) for one in names)}
              for run in (now, before)]  # fmt: skip
    given = [float(text) for text in (argument.before, argument.now) if text and _NUMBER.fullmatch(text)]
    is_set = not given or any(isinstance(value, (int, float)) and value in given for value in values[0].values())
    return bool(values[0]) and values[0] == values[1] and is_set


def _is_called(param: str, name: str) -> bool:
    return param == name or param.endswith(f".{name}") or name.endswith(f".{param}")


def as_markdown(changes: Mapping[str, list[str]]) -> str:
    """Return all differences as a Markdown list."""
    return "\n".join(f"- {area}: {item}" for area, items in changes.items() for item in items) or "- nothing changed"


def _telling(summary: Summary, other: Summary) -> dict[str, Any]:
    """Return the params to compare, without arguments of a kind that was not captured of the other run."""
    alone = summary.params_given.keys() - other.params_by_source.keys()
    by_source = summary.params_by_source.items()
    captured = {name for source, values in by_source if source not in alone for name in values}
    names = {name for source in alone for name in summary.params_by_source.get(source, {})} - captured
    return {
        name: value
        for name, value in summary.params.items()
        if name not in names and not varies_by_itself(name, value)
    }


def _code(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Difference]:
    new, old = now.get("git", {}), before.get("git", {})
    if new and old:
        if new.get("commit") != old.get("commit"):
            yield Difference("commit", f"{(old.get('commit') or 'none')[:7]} → {(new.get('commit') or 'none')[:7]}")
        if any(new.get(name) != old.get(name) for name in ("patch_sha256", "untracked_code_sha256")):
            uncommitted, code = _uncommitted(new), [name for name in _uncommitted(new) if not is_output(name)]
            if code:
                named = f"{', '.join(code[:2])}{' …' if code[2:] else ''}"
                yield Difference("uncommitted", named, files=tuple(code))
            elif not uncommitted and not all(map(is_output, _uncommitted(old))):
                yield Difference("now all committed")
    new, old = now.get("source", {}).get("files", {}), before.get("source", {}).get("files", {})
    for name in sorted({*new, *old}):
        if new and old and new.get(name) != old.get(name):
            yield Difference(name, files=(name,))


def _uncommitted(git: Mapping[str, Any]) -> list[str]:
    return [*git.get("changed", []), *git.get("untracked_code", [])]


def _packages(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Difference]:
    new, old = now.get("packages", {}), before.get("packages", {})
    if new and old:
        if new.get("python") != old.get("python"):
            yield Difference("Python", f"{old.get('python')} → {new.get('python')}")
        yield from differing_values(new.get("versions", {}), old.get("versions", {}))
        commits, old_commits = new.get("commits", {}), old.get("commits", {})
        for name in commits:
            if old_commits.get(name, commits[name]) != commits[name]:
                yield Difference(name, "at another commit")


def _hardware(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Difference]:
    new, old = now.get("hardware", {}), before.get("hardware", {})
    if new and old:
        yield from differing_values(_machine(new), _machine(old))
        new_gpus, old_gpus = (_gpus(facts) for facts in (new, old))
        if new_gpus != old_gpus:
            yield Difference("GPUs", f"{', '.join(old_gpus) or 'none'} → {', '.join(new_gpus) or 'none'}")


def _gpus(hardware: Mapping[str, Any]) -> list[str]:
    return [str(gpu.get("name", "?")) for gpu in hardware.get("gpus", []) if isinstance(gpu, dict)]


def _machine(hardware: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that identify a machine.

    Sizes are rounded, because two machines of a kind differ by a few megabytes. The host name of a container is left
    out, because it changes every time.
    """
    sizes = {name: hardware.get(name.replace("_gb", "_bytes")) for name in _HARDWARE if name.endswith("_gb")}
    in_gb = {name: round(size / 1e9, 1) for name, size in sizes.items() if size is not None}
    facts = {name: in_gb.get(name, hardware.get(name)) for name in _HARDWARE}
    if hardware.get("container_runtime"):
        facts["hostname"] = None
    return {name: value for name, value in facts.items() if value is not None}


def _data(now: list[Dataset], before: list[Dataset]) -> Iterator[Difference]:
    now_by_key, before_by_key = ({(data.role, data.name): data for data in datasets} for datasets in (now, before))
    for key in [key for key in now_by_key if key in before_by_key]:
        name, new, old = " ".join(part for part in key if part), now_by_key[key], before_by_key[key]
        if new.rows != old.rows and None not in (new.rows, old.rows):
            yield Difference(name, f"{old.rows} → {new.rows} rows")
        elif new.shape != old.shape:
            yield Difference(name, f"{_by(old.shape)} → {_by(new.shape)}")
        elif new.fingerprint and old.fingerprint and new.fingerprint != old.fingerprint:
            yield Difference(name, OTHER_VALUES)


def _by(shape: list[int] | None) -> str:
    return "x".join(map(str, shape)) if shape is not None else "?"
