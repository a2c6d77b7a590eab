"""Where a version comes from: its run, and the runs that this one is part of, goes on with or repeats."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from autotrack.errors import AutotrackError
from autotrack.models.entries import RELATIONS, Registered
from autotrack.models.registry import Registry
from autotrack.readers.catalog import Catalog
from autotrack.readers.recorded_run import RecordedRun

_MOST = 20


@dataclass(frozen=True)
class Ancestor:
    """A run before the one of the version; without `name` and `folder` if it is not in the store."""

    how: str
    id: str
    name: str | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Lineage:
    """The `folder` of the run, if it is still there, and the runs before it, the nearest first."""

    folder: Path | None
    ancestors: list[Ancestor] = field(default_factory=list)


def lineage_of(registry: Registry, version: Registered) -> Lineage:
    """Return where a version comes from, as far as the runs are in the store."""
    catalog = Catalog()
    run = _run(catalog, registry, version.origin.run)
    waiting = list(version.origin.parents.items())
    ancestors: list[Ancestor] = []
    while waiting and len(ancestors) < _MOST:
        how, wanted = waiting.pop(0)
        if wanted in [one.id for one in ancestors] or wanted == version.origin.run:
            continue
        other = _run(catalog, registry, wanted)
        found = (None, None) if other is None else (other.name, other.folder)
        ancestors.append(Ancestor(RELATIONS.get(how, how), wanted, *found))
        if other is not None:
            waiting += [(name, getattr(other, name)) for name in RELATIONS if getattr(other, name)]
    return Lineage(run.folder if run else None, ancestors)


def _run(catalog: Catalog, registry: Registry, wanted: str) -> RecordedRun | None:
    with suppress(OSError, AutotrackError):
        return catalog.with_id(wanted, registry.store)
    return None
