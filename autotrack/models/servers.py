"""Has servers follow what is done with registered models here: aliases, promotions, descriptions and tags.

The versions themselves are sent with their runs.
"""

import threading
from collections.abc import Iterable

from autotrack.destinations import without_credentials
from autotrack.errors import AutotrackError
from autotrack.models.entries import AliasMoved
from autotrack.models.registered_model import RegisteredModel
from autotrack.models.registry import FOLDER, Registry
from autotrack.sinks.base import ModelState, VersionState
from autotrack.sinks.build import send_model
from autotrack.sinks.named_servers import named_servers
from autotrack.sinks.owed import Owed, servers_with

_REASON = "autotrack.promoted"


def state_of(model: RegisteredModel) -> ModelState:
    """Return a registered model as a server is to have it."""
    versions = {
        version.registration: VersionState(
            number,
            model.described.get(number, ""),
            {**model.version_tags.get(number, {}), **_promotions(model, number)},
        )
        for number, version in model.versions.items()
    }
    aliases = {alias: model.versions[number].registration for alias, number in model.aliases.items()}
    return ModelState(model.name, model.description, dict(model.tags), versions, aliases)


def send(
    registry: Registry, name: str, url: str, *, stop: threading.Event | None = None, patience: float | None = None
) -> Owed:
    """Bring a server up to date with a registered model; return what it has not taken. Raises as `send_model` does."""
    folder = registry.store / FOLDER / name
    return send_model(state_of(registry.model(name)), folder, url, stop=stop, patience=patience)


def send_models(
    registry: Registry,
    names: Iterable[str],
    url: str,
    *,
    stop: threading.Event | None = None,
    patience: float | None = None,
) -> Owed:
    """Bring a server up to date with some registered models; return what it has not taken.

    That is sent the next time.
    """
    lacking = Owed()
    for name in dict.fromkeys(names):
        try:
            owed = send(registry, name, url, stop=stop, patience=patience)
        except (AutotrackError, OSError) as error:
            lacking.broken_off = f"the registered model {name}: {error}"
        else:
            lacking.refused |= {f"{what} of {name}": reason for what, reason in owed.refused.items()}
    return lacking


def follow_up(registry: Registry, name: str, named: Iterable[str], *, patience: float) -> dict[str, Owed]:
    """Have the servers follow a change that have versions of a model; return what they have not taken, by server.

    Which these are is written in the store, so that only those are asked which the user has `named`.
    """
    known = {without_credentials(url): url for url in (*named_servers(), *named)}
    there = servers_with(registry.store / FOLDER / name)
    return {url: send_models(registry, [name], known[url], patience=patience) for url in there if url in known}


def _promotions(model: RegisteredModel, number: int) -> dict[str, str]:
    """Return tags that say by which rule a version was promoted, and why."""
    moves = [move for move in model.history if isinstance(move, AliasMoved) and move.version == number and move.rule]
    return {f"{_REASON}.{move.alias}": f"{move.rule}: {move.reason} ({move.by})"[:5000] for move in moves}
