"""Has tracking servers follow what a command has changed of registered models."""

from collections.abc import Sequence

from autotrack import settings
from autotrack.cli.printing import say
from autotrack.models.registry import Registry
from autotrack.models.servers import follow_up
from autotrack.readers.recorded_run import RecordedRun
from autotrack.sidecar.sync import RunSync
from autotrack.sidecar.sync_runs import checked, servers_named

_PATIENCE_SECONDS = 10.0


def say_followed(registry: Registry, name: str) -> None:
    """Have the servers follow that have versions of the model; what they do not take now, `sync` sends."""
    servers = servers_named(settings.resolve())
    for server, owed in follow_up(registry, name, servers, patience=_PATIENCE_SECONDS).items():
        _say_of_server(server, name, list(owed.sentences()))


def send_registered(run: RecordedRun, name: str, to: Sequence[str]) -> bool:
    """Send a run whose model was registered as `name`, and the version with it; return whether all has arrived."""
    sync = RunSync(checked(to), registers=True, on_problem=lambda _, problem: say(problem, err=True))
    outcome = sync.sync(run.folder)
    for server, fault in outcome.sent.items():
        lacking = [fault] if fault else list(outcome.owed[server].sentences()) if server in outcome.owed else []
        _say_of_server(server, name, lacking)
    return outcome.is_done


def _say_of_server(server: str, name: str, lacking: list[str]) -> None:
    if lacking:
        say(f"{server} has not all of {name}: {'; '.join(lacking)}. `autotrack sync` tries it again", err=True)
    else:
        say(f"{server} has it, too")
