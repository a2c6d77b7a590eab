"""The calls of `add_hparams`: one call describes the run; several calls with different values are its trials."""

from collections.abc import Mapping
from typing import Any

import autotrack
from autotrack.integrations import is_on_cuda


class Sessions:
    """The calls of `add_hparams` for one run. The caller also records their metrics as metrics."""

    def __init__(self) -> None:
        self._trials = 0
        self._first: tuple[dict[str, Any], dict[str, Any]] | None = None

    def add(self, run: autotrack.Run, params: dict[str, Any], metrics: Mapping[str, Any]) -> None:
        """Record a call: the first as params of the run, later ones as trials, and then the first as a trial, too."""
        values = {
            name: value for name, value in metrics.items() if not is_on_cuda(value)
        }  # reading those would wait for the device
        if self._first is None:
            self._first = params, values
            run.log_params(params, "tensorboard")
        elif params != self._first[0]:
            if not self._trials:
                run.log_trial(0, *self._first)
            self._trials += 1
            run.log_trial(self._trials, params, values)
