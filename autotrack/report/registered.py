"""What a run's models have become: the versions of registered models, and where such a model comes from."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.summary import Summary
from autotrack.models.entries import RELATIONS, Origin, Registered
from autotrack.models.registered_model import RegisteredModel
from autotrack.models.registry import Registry
from autotrack.readers.plain import plain

_MOST_MODELS = 20


def registered(folder: Path, summary: Summary) -> list[dict[str, Any]]:
    """Return the versions that come from a run, with their aliases and their lineage; the newest of a model first."""
    names = dict.fromkeys(one.name for one in summary.registrations if one.version is not None)
    registry, found = Registry(folder.absolute().parent.parent), list[dict[str, Any]]()
    for name in list(names)[:_MOST_MODELS]:
        with suppress(OSError, AutotrackError):  # it was removed, or cannot be read
            model = registry.model(name)
            versions = [one for one in model.versions.values() if one.origin.run == summary.id]
            found += [_version(registry, model, one) for one in reversed(versions)]
    return found


def _version(registry: Registry, model: RegisteredModel, version: Registered) -> dict[str, Any]:
    number, origin = version.version, version.origin
    return {
        "name": model.name,
        "version": number,
        "aliases": model.aliases_of(number),
        "latest": model.latest is version,
        "description": model.described.get(number, ""),
        "tags": model.version_tags.get(number, {}),
        "weights": version.weights,
        "epoch": version.epoch,
        "metrics": plain(version.saved_for),
        "registered": version.time,
        "by": version.by,
        "folder": registry.path_in_store(model.name, number),
        **_comes_from(origin),
        "runs_before": [{"how": RELATIONS.get(how, how), "id": run} for how, run in origin.parents.items()],
    }


def _comes_from(origin: Origin) -> dict[str, Any]:
    return {
        "code": plain(origin.code),
        "packages": {"Python": origin.python, **origin.packages},
        "datasets": [{"role": one.role, "name": one.name, "fingerprint": one.fingerprint} for one in origin.datasets],
    }
