"""Fulfils what a run asks for when it has ended: that its model is registered, and perhaps promoted."""

from pathlib import Path

from autotrack.journal.records import Registration
from autotrack.models.announcing import announce
from autotrack.models.promotion import promote as promote_by
from autotrack.models.registration import fulfil, store_of
from autotrack.models.registry import Registry
from autotrack.readers.recorded_run import load


def fulfil_request(run_folder: Path, request: Registration, *, promote: str = "", on_promote: str = "") -> str:
    """Register the model of a run that has ended, unless it was before, and promote a version by the rule `promote`.

    What was removed from the registry since is not made again. `on_promote` is told of a promotion. Both come from the
    settings of the training, and not from the run. Returns why nothing was promoted, if that is certain.

    Raises as `registration.fulfil` does.
    """
    run, registry = load(run_folder), Registry(store_of(run_folder))
    if run.status == "running" or (request.if_finished and run.status != "finished"):
        return ""
    known = registry.model(request.name) if registry.exists(request.name) else None
    if known is None or known.registered_as(request.id) is None:
        fulfil(run, request, registry=registry)
    if promote:
        decision = promote_by(registry, request.name, promote)
        if decision.move is not None and on_promote:
            announced = announce(registry, request.name, decision.move, on_promote)
            return f"{announced.to} was not told of a promotion: {announced.problem}" if announced.problem else ""
        if decision.move is None and not decision.may_change:
            return f"nothing of {request.name} is promoted: {decision.reason}"
    return ""
