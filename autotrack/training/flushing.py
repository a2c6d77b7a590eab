"""Waiting for everything that is done beside training."""

from autotrack.amounts import time_limit
from autotrack.training import sidecar_client
from autotrack.training.run import current_run


def flush(timeout: float | None = 30.0) -> list[str]:
    """Wait until all that this process has logged is in summaries and event files, and on the servers runs go to.

    Training may go on afterwards. Returns what is not up to date after `timeout` seconds, a sentence each; nothing,
    mostly. None waits as long as it takes, which may be forever with a server that is away. For one run, there is
    `Run.wait`.
    """
    seconds = time_limit("timeout", timeout)
    if (run := current_run()) is not None:
        run.hand_over()
    return sidecar_client.flush(timeout=seconds)
