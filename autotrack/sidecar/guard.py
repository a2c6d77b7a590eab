"""What fails for one run harms no other, and not training either: it becomes a notice in that run."""

import contextlib
from collections.abc import Callable, Mapping

from autotrack.sidecar.followed_run import FollowedRun


class Guard:
    """Calls functions that may fail.

    Args:
        runs: The runs that are followed at the moment.
    """

    def __init__(self, runs: Mapping[str, FollowedRun]) -> None:
        self._runs = runs
        self._said: set[str] = set()

    def call(self, act: Callable[..., None], *args: object) -> None:
        """Call `act`. If it fails, the runs among its arguments get a notice.

        Without any, one of the runs gets it, and only once: the same may happen a thousand times.
        """
        try:
            act(*args)
        except Exception as fault:  # noqa: BLE001  see above
            message = f"{type(fault).__name__}: {fault}"
            concerned = [argument for argument in args if isinstance(argument, FollowedRun)]
            if not concerned and message not in self._said:
                self._said.add(message)
                concerned = list(self._runs.values())[:1]
            for run in concerned:
                with contextlib.suppress(Exception):
                    run.notice("sidecar", message)

    def each(self, act: Callable[[FollowedRun], None]) -> None:
        """Call `act` for every run."""
        for run in list(self._runs.values()):
            self.call(act, run)
