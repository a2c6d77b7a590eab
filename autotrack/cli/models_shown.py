"""How registered models are shown: in a table, one with its history, a version with where it comes from."""

from collections.abc import Iterator
from typing import Any

import msgspec

from autotrack.cli.printing import say, say_table, say_title, say_wrapped
from autotrack.errors import AutotrackError
from autotrack.format import human_bytes, moment, recent_moment, short, shown
from autotrack.models import environment_check, version_loading
from autotrack.models.entries import AliasMoved, Announced, AnyEntry, Described, Registered, VersionRemoved
from autotrack.models.lineage import Ancestor, lineage_of
from autotrack.models.measures import measured
from autotrack.models.registered_model import RegisteredModel
from autotrack.models.registry import FOLDER, Registry
from autotrack.sinks.owed import owed_by_server

_COLUMNS = ["model", "versions", "latest", "aliases", "judged by", "registered", "description"]
_CAN_MISS = ["versions", "description", "registered"]
"""Those for which a narrow terminal may have no room."""


def print_models(registry: Registry, models: list[RegisteredModel]) -> None:
    """Print a table of models, without the columns in which none of them has anything."""
    rows = [_row_of(registry, model) for model in models]
    shown_here = [place for place in range(len(_COLUMNS)) if any(row[place] for row in rows)]
    say_table(
        [_COLUMNS[place] for place in shown_here],
        [[row[place] for place in shown_here] for row in rows],
        can_miss=_CAN_MISS,
    )


def _row_of(registry: Registry, model: RegisteredModel) -> list[str]:
    """Return the row of a model in the table of all."""
    latest = model.latest
    aliases = ", ".join(f"@{alias} {number}" for alias, number in sorted(model.aliases.items()))
    return [
        model.name,
        str(len(model.versions)),
        str(latest.version) if latest else "",
        aliases,
        _metric(registry, latest) if latest else "",
        recent_moment(latest.time) if latest else "",
        model.description,
    ]


def print_model(registry: Registry, model: RegisteredModel) -> None:
    """Print a model with its versions and what happened to it."""
    say_wrapped(f"{'model':<12} ", model.name)
    for name, value in (("description", model.description), ("tags", _pairs(model.tags))):
        if value:
            say_wrapped(f"{name:<12} ", value)
    rows = [_version_row(registry, model, version) for _, version in sorted(model.versions.items(), reverse=True)]
    if rows:
        say_title("versions")
        columns = ["version", "aliases", "judged by", "weights", "run", "registered", "by", "description"]
        say_table(columns, rows, can_miss=["by", "weights", "description"])
    say_title("history")
    say_table(["when", "who", "what"], [[moment(one.time), one.by, _happened(one)] for one in model.history])
    owed = owed_by_server(registry.store / FOLDER / model.name)
    if owed:
        say_title("owed to servers")
        rows = [[server, sentence] for server, one in owed.items() for sentence in one.sentences()]
        say_table(["server", "what it has not taken"], rows)
    if model.unread:
        say(f"{model.unread} lines of its records cannot be read, and are left out", err=True)


def print_version(registry: Registry, model: RegisteredModel, version: Registered) -> None:
    """Print a version, and where it comes from."""
    origin, number = version.origin, version.version
    lineage = lineage_of(registry, version)
    facts = {
        "model": f"{model.name}/{number}",
        "aliases": ", ".join(f"@{alias}" for alias in model.aliases_of(number)),
        "description": model.described.get(number, ""),
        "tags": _pairs(model.version_tags.get(number, {})),
        "registered": f"{moment(version.time)} by {version.by}",
        "weights": weights_of(version),
        "judged by": _metric(registry, version),
        "file": f"{registry.path_in_store(model.name, number, version.path)}, {_size(version)}",
        "checked": _checked(registry, model.name, version),
        "run": f"{origin.name}  ({lineage.folder or f'{origin.folder}, which is gone'})",
        "trained": f"{moment(origin.started)} by {origin.user or '?'} on {origin.host or '?'}",
        "command": " ".join(origin.argv),
        "code": _code(origin.code),
        "packages": ", ".join(
            f"{name} {text}" for name, text in (("Python", origin.python), *origin.packages.items())
        ),
        "now": "; ".join(
            f"{one}{'' if one.matters else ' (a bug fix)'}" for one in environment_check.differences(origin)
        ),
    }
    for name, value in facts.items():
        if value:
            say_wrapped(f"{name:<12} ", value)
    data = [[one.role, one.name or "", one.kind, _count(one.rows), one.fingerprint or ""] for one in origin.datasets]
    if data:
        say_title("data")
        say_table(["role", "name", "what", "rows", "fingerprint"], data)
    if lineage.ancestors:
        say_title("runs before it")
        say_table(["how", "run", "folder"], [_ancestor_row(one) for one in lineage.ancestors])
    moves = [one for one in model.history if isinstance(one, AliasMoved) and number in (one.version, one.before)]
    if moves:
        say_title("promotions")
        say_table(["when", "who", "what"], [[moment(one.time), one.by, _happened(one)] for one in moves])


def model_as_json(registry: Registry, model: RegisteredModel) -> dict[str, Any]:
    """Return all that is known of a model, for other programs."""
    return {
        "name": model.name,
        "description": model.description,
        "tags": model.tags,
        "aliases": model.aliases,
        "versions": [version_as_json(registry, model, version) for _, version in sorted(model.versions.items())],
        "history": [msgspec.to_builtins(one) for one in model.history if not isinstance(one, Registered)],
    }


def version_as_json(registry: Registry, model: RegisteredModel, version: Registered) -> dict[str, Any]:
    """Return all that is known of a version, for other programs."""
    return {
        **msgspec.to_builtins(version),
        "name": model.name,
        "folder": str((registry.store / registry.path_in_store(model.name, version.version)).absolute()),
        "aliases": model.aliases_of(version.version),
        "description": model.described.get(version.version, ""),
        "tags": model.version_tags.get(version.version, {}),
    }


def weights_of(version: Registered) -> str:
    """Say which weights a version has."""
    at = f" of epoch {version.epoch}" if version.epoch is not None else ""
    saved = ", ".join(f"{name} {short(value)}" for name, value in version.saved_for.items())
    ended_with = "the weights" if version.saved_for else "the weights that training ended with"
    others = {"best": "the best weights", "restored": "weights that were put in after the last step"}
    return f"{others.get(version.weights, ended_with)}{at}{f', kept for {saved}' if saved else ''}"


def _version_row(registry: Registry, model: RegisteredModel, version: Registered) -> list[str]:
    return [
        str(version.version),
        ", ".join(f"@{alias}" for alias in model.aliases_of(version.version)),
        _metric(registry, version),
        version.weights,
        version.origin.name,
        recent_moment(version.time),
        version.by,
        model.described.get(version.version, ""),
    ]


def _metric(registry: Registry, version: Registered) -> str:
    one = measured(registry, version)
    value = one.value(one.metric) if one.metric else None
    return "" if value is None else f"{one.metric} {short(value)}"


def _happened(entry: AnyEntry) -> str:
    match entry:
        case Registered():
            return f"version {entry.version} from run {entry.origin.name}"
        case AliasMoved(version=None):
            return f"@{entry.alias} taken away from version {entry.before}"
        case AliasMoved():
            return "".join(_parts_of_move(entry))
        case Described():
            what = "the model" if entry.version is None else f"version {entry.version}"
            return f"{what} described: {entry.description or _pairs(entry.tags) or 'tags removed'}"
        case VersionRemoved():
            return f"version {entry.version} removed"
        case Announced():
            return f"told {entry.to} of @{entry.alias}: {entry.problem or 'done'}"


def _parts_of_move(entry: AliasMoved) -> Iterator[str]:
    yield f"@{entry.alias} is version {entry.version}"
    if entry.before:
        yield f", was {entry.before}"
    if entry.undoes:
        yield ", taken back"
    if entry.reason:
        yield f": {entry.reason}"
    if entry.rule:
        yield f" (by the rule {entry.rule!r})"


def _checked(registry: Registry, name: str, version: Registered) -> str:
    try:
        version_loading.verify(registry, name, version)
    except (AutotrackError, OSError) as error:
        return f"NOT what was registered: {error}"
    return "the checksums of its files are right"


def _code(code: dict[str, Any]) -> str:
    if "kept_in" in code:
        return f"kept in {code['kept_in']}"
    if not code:
        return ""
    changed = [*code.get("changed", []), *code.get("untracked", [])]
    where = code.get("tag") or code.get("branch") or "detached"
    uncommitted = f", {len(changed)} uncommitted files" if changed else ""
    return f"{str(code.get('commit', 'no commit'))[:10]} ({where}){uncommitted}"


def _ancestor_row(one: Ancestor) -> list[str]:
    return [one.how, one.name or one.id, shown(one.folder.absolute()) if one.folder else "not in this store"]


def _size(version: Registered) -> str:
    return f"{human_bytes(sum(file.bytes for file in version.files))} in {len(version.files)} files"


def _pairs(tags: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in tags.items())


def _count(rows: int | None) -> str:
    return "" if rows is None else str(rows)
