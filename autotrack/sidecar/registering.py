"""Registers the models of runs that ask for it, when they have ended and their files are complete."""

from autotrack.errors import AutotrackError
from autotrack.sidecar.followed_run import FollowedRun


def register_models(run: FollowedRun) -> None:
    """Register the model of a run on demand, unless its exit code may still tell that it failed."""
    if not run.facts.registrations or run.follow.only_load or run.stages.awaits_exit_code:
        return
    from autotrack.models.requests import fulfil_request  # few runs are registered

    follow = run.follow
    for request in list(run.facts.registrations.values()):
        try:
            done = fulfil_request(
                run.folder, request, note=run.put, promote=follow.promote, on_promote=follow.on_promote
            )
        except (AutotrackError, OSError) as error:
            run.notice("register", f"the model is not registered as {request.name}: {error}")
            continue
        if done.request is not None and request.version is None:
            run.put([done.request])
        if done.problem:
            run.notice("promote", done.problem)
