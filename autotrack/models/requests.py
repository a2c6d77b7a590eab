"""Fulfils what a run asks for when it has ended: that its model is registered, and perhaps promoted."""

from collections.abc import Callable
from pathlib import Path
from time import time
from typing import NamedTuple

import msgspec

from autotrack.journal.records import AnyRecord, Registration
from autotrack.models.announcing import announce
from autotrack.models.entries import Registered
from autotrack.models.promotion import promote as promote_by
from autotrack.models.registration import fulfil, store_of, with_best_model
from autotrack.models.registry import Registry
from autotrack.readers.recorded_run import load


class Fulfilled(NamedTuple):
    """What became of a request: how the run is to note it, if there is a version, and why nothing was promoted."""

    request: Registration | None
    problem: str = ""


def fulfil_request(
    run_folder: Path,
    request: Registration,
    *,
    note: Callable[[list[AnyRecord]], None],
    promote: str = "",
    on_promote: str = "",
) -> Fulfilled:
    """Register the model of a run that has ended, unless it was before, and promote a version by the rule `promote`.

    `note` is given what is to be recorded in the run when a model of its best weights is made.
    What was removed from the registry since is not made again. `on_promote` is told of a promotion. Both come from the
    settings of the training, and not from the run.

    Raises as `registration.fulfil` does.
    """
    run, registry = load(run_folder), Registry(store_of(run_folder))
    if run.status == "running" or (request.if_finished and run.status != "finished"):
        return Fulfilled(None)
    known = registry.model(request.name).registered_as(request.id) if registry.exists(request.name) else None
    if known is None and request.weights == "best":
        run, _ = with_best_model(run, note)
    version = known or fulfil(run, request, registry=registry)
    return Fulfilled(noted(request, version), _promoted(registry, request.name, version, promote, on_promote))


def noted(request: Registration, version: Registered) -> Registration:
    """Return a request as it is noted in the run when it is fulfilled: servers go by that."""
    return msgspec.structs.replace(request, time=time(), path=version.path, version=version.version)


def _promoted(registry: Registry, name: str, version: Registered, rule: str, on_promote: str) -> str:
    """Promote by a rule, if there is one, now that `version` is there; return why nothing was, if that is certain."""
    if not rule:
        return ""
    decision = promote_by(registry, name, rule)
    if decision.move is None:
        is_promoted = version.version in registry.model(name).aliases.values()  # when this was done before
        return "" if decision.may_change or is_promoted else f"nothing of {name} is promoted: {decision.reason}"
    told = announce(registry, name, decision.move, on_promote) if on_promote else None
    return f"{told.to} was not told of a promotion: {told.problem}" if told and told.problem else ""
