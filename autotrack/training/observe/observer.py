"""What is recorded of a run from inside its process, besides what it logs: the process, its output, its data."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from autotrack.journal import files, records
from autotrack.journal.records import AnyRecord
from autotrack.output_channel import RunWriter
from autotrack.redaction import Redactor
from autotrack.settings import Settings
from autotrack.training.observe import exits, notebook, process, random_states
from autotrack.training.observe.output import streams
from autotrack.training.observe.output.between_runs import between_runs
from autotrack.training.observe.output.secret_watch import SecretWatch
from autotrack.training.observe.output.sidecar_output import Recording, SidecarOutput

if TYPE_CHECKING:
    from autotrack.sidecar.output.log import OutputLog
    from autotrack.training.observe.data.observer import DataObserver
    from autotrack.training.observe.output.streams import TextReceiver

_STATES = "environment/random_states.json"
_LOG = "output.log"
_CELLS = "environment/source/cells.py"
_MOST_LISTENING = 50
"""How many open runs keep what is printed. Each print costs a little for each of them."""


class Observer:
    """Observes the run in `folder` and passes records about it to `put`."""

    def __init__(self, folder: Path, redactor: Redactor, put: Callable[[AnyRecord], None]) -> None:
        self._folder = folder
        self._redactor = redactor
        self._put = put
        self._data: DataObserver | None = None
        self.output: TextReceiver | None = None
        self.has_handed_over_text = False
        self._problems: list[str] = []
        self._is_watching = self._has_cells = False

    def begin(
        self,
        chosen: Settings,
        *,
        recording: Recording | None = None,
        to_sidecar: RunWriter | None = None,
        is_one_of_many: bool = False,
    ) -> None:
        """Describe the process, and capture what it prints from now on.

        `to_sidecar` hands it to the sidecar; without one, this process keeps it in the file. What is written for one
        of many runs is shared with the others. `recording` is the run, which knows where the training is.
        """
        exits.watch.begin()
        self._is_watching = True
        if chosen.environment:
            random_states.set_as_recorded()
            facts = process.describe_process(self._redactor)
            states = random_states.write_shared(self._folder) if is_one_of_many else self._write_states()
            kept = [states] if states else []
            self._put(records.Environment(time=time(), kind="process", values=facts, files=kept))
            self._keep_cells()
        if chosen.output and is_one_of_many and streams.count() >= _MOST_LISTENING:
            message = f"what is printed is not kept here, because {_MOST_LISTENING} other open runs keep it"
            self._put(records.Notice(time=time(), about="output", message=message))
        elif chosen.output:
            handed_over = None if to_sidecar is None else self._open_sidecar_output(to_sidecar, recording)
            self.output = handed_over or self._open_log()
            between_runs.hand_over(self.output)
            if handed_over is not None:
                handed_over.begin()
            streams.listen(self.output)

    def end(self, *, refresh: Callable[[], None] = lambda: None) -> None:
        """Stop recording, and keep the notebook cells that were executed meanwhile.

        What is printed until another run starts goes on to the log; `refresh` is called when it has grown by that.
        """
        if self._is_watching:
            exits.watch.end()
            self._is_watching = False
        if self.output is not None:
            self._end_output(self.output, refresh)
            self.output = None
        if self._has_cells:
            self._keep_cells()
        for problem in self._problems:
            self._put(records.Notice(time=time(), about="output", message=problem))
        self._problems.clear()

    def describe(self, role: str, data: Any, name: str | None) -> records.Dataset:
        """Describe a data set."""
        from autotrack.training.observe.data.observer import DataObserver  # only runs that log data need it

        if self._data is None:
            self._data = DataObserver()
        return self._data.describe(role, data, name=name)

    def _end_output(self, output: "TextReceiver", refresh: Callable[[], None]) -> None:
        def release() -> None:
            output.close()
            if getattr(output, "has_grown", False):  # the sidecar finds out by itself
                self._put(records.Artifact(time=time(), path=_LOG, kind="output"))
                refresh()

        streams.forget(output)
        self.has_handed_over_text = getattr(output, "has_text", False)
        if between_runs.keep(output, release=release):
            output.pause()
        else:
            output.close()

    def _open_sidecar_output(self, writer: RunWriter, recording: Recording | None) -> SidecarOutput:
        return SidecarOutput(
            writer,
            SecretWatch(self._redactor),
            recording=recording,
            open_log_in_child=partial(self._open_log, is_ours=False),
            report=self._problems.append,
        )

    def _open_log(self, *, is_ours: bool = True) -> "OutputLog":
        from autotrack.sidecar.output.log import open_log  # usually in the sidecar only

        return open_log(self._folder, self._redactor, put=self._put, on_problem=self._problems.append, is_ours=is_ours)

    def _write_states(self) -> str:
        path = self._folder / _STATES
        path.parent.mkdir(parents=True, exist_ok=True)
        random_states.write(path)
        return _STATES

    def _keep_cells(self) -> None:
        cells = [self._redactor.redact_code(cell)[0] for cell in notebook.executed_cells()]
        if cells:
            self._has_cells = True
            script = notebook.as_script(cells).encode(errors="replace")
            path = self._folder / _CELLS
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomically(path, script)
            self._put(records.Environment(time=time(), kind="notebook", values={"cells": len(cells)}, files=[_CELLS]))


def identify_data(data: Any) -> str | None:
    """Return what tells this data from other data: kind, shape and fingerprint; None where it has no fingerprint."""
    from autotrack.training.observe.data.observer import DataObserver  # only trainings that look at data need it

    described = DataObserver().describe("", data)
    return f"{described.kind} {described.shape} {described.fingerprint}" if described.fingerprint else None
