"""Waiting for everything that is done beside training."""

from autotrack.training import sidecar_client
from autotrack.training.run import current_run


def flush(timeout: float = 30.0) -> list[str]:
    """Wait until all that this process has logged is in summaries and event files, and on the servers runs go to.

    Training may go on afterwards. Returns what is not up to date after `timeout` seconds, a sentence each; nothing,
    mostly. For one run, there is `Run.wait`.
    """
    if (run := current_run()) is not None:
        run.hand_over()
    return sidecar_client.flush(timeout=timeout)
