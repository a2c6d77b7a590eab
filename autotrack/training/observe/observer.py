"""What is recorded of a run from inside its process, besides what it logs: the process, its output, its data."""

from collections.abc import Callable
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from autotrack.journal import files, records
from autotrack.journal.records import AnyRecord
from autotrack.redaction import Redactor
from autotrack.settings import Settings
from autotrack.training.observe import exits, notebook, process, random_states
from autotrack.training.observe.output import streams
from autotrack.training.observe.output.log import OutputLog

if TYPE_CHECKING:
    from autotrack.training.observe.data.observer import DataObserver

OUTPUT = "output.log"
_STATES = "environment/random_states.json"
_CELLS = "environment/source/cells.py"


class Observer:
    """Observes one run in `folder`, and hands what it finds to `put`."""

    def __init__(self, folder: Path, redactor: Redactor, put: Callable[[AnyRecord], None]) -> None:
        self._folder = folder
        self._redactor = redactor
        self._put = put
        self._data: DataObserver | None = None
        self.output: OutputLog | None = None
        self._troubles: list[str] = []
        self._is_watching = self._has_cells = self._has_output = False

    def begin(self, chosen: Settings) -> None:
        """Describe the process, and listen to what it prints from now on."""
        exits.watch.begin()
        self._is_watching = True
        if chosen.environment:
            facts = process.describe_process(self._redactor)
            states = self._folder / _STATES
            states.parent.mkdir(parents=True, exist_ok=True)
            random_states.write(states)
            self._put(records.Environment(time=time(), kind="process", values=facts, files=[_STATES]))
            self._keep_cells()
        if chosen.output:
            self.output = OutputLog(
                self._folder / OUTPUT, self._redactor, on_begin=self._note_output, on_problem=self._troubles.append
            )
            streams.listen(self.output)

    def end(self) -> None:
        """Stop listening, and keep the cells that were executed meanwhile."""
        if self._is_watching:
            exits.watch.end()
            self._is_watching = False
        if self.output is not None:
            streams.forget(self.output)
            self.output.close()
            if not self._has_output and self.output.path.exists():  # forked children alone have printed
                self._note_output()
            self.output = None
        if self._has_cells:
            self._keep_cells()
        for said in self._troubles:
            self._put(records.Notice(time=time(), about="output", message=said))
        self._troubles.clear()

    def describe(self, role: str, data: Any, name: str | None) -> records.Dataset:
        """Describe a data set."""
        from autotrack.training.observe.data.observer import DataObserver  # runs that log no data do without

        if self._data is None:
            self._data = DataObserver()
        return self._data.describe(role, data, name=name)

    def _note_output(self) -> None:
        self._has_output = True
        self._put(records.Artifact(time=time(), path=OUTPUT, kind="output"))

    def _keep_cells(self) -> None:
        cells = [self._redactor.redact_code(cell)[0] for cell in notebook.executed_cells()]
        if cells:
            self._has_cells = True
            script = notebook.as_script(cells).encode(errors="replace")
            path = self._folder / _CELLS
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomically(path, script)
            self._put(records.Environment(time=time(), kind="notebook", values={"cells": len(cells)}, files=[_CELLS]))
