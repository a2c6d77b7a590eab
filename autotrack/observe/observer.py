"""What is recorded of a run from inside its process, besides what it logs: the process, its output, its data."""

from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack import files, records
from autotrack.observe import exits, notebook, process, tee
from autotrack.observe.output import OutputLog
from autotrack.records import AnyRecord
from autotrack.redaction import Redactor
from autotrack.settings import Settings

if TYPE_CHECKING:
    from autotrack.observe.data.datasets import DataObserver

OUTPUT = "output.log"
_STATES = "environment/random_states.json"
_CELLS = "environment/source/cells.py"


class Observer:
    """Observes one run in `folder`; each method returns the records to be written."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self._folder = folder
        self._redactor = redactor
        self._data: DataObserver | None = None
        self.output: OutputLog | None = None
        self.troubles: list[str] = []
        self._is_watching = self._has_cells = False

    def begin(self, chosen: Settings) -> list[AnyRecord]:
        """Describe the process, and listen to what it prints from now on."""
        found: list[AnyRecord] = []
        exits.watch.begin()
        self._is_watching = True
        if chosen.environment:
            facts = process.describe_process(self._redactor)
            self._place(_STATES).write_bytes(msgspec.json.encode(process.random_states()))
            found.append(records.Environment(time=time(), kind="process", values=facts, files=[_STATES]))
            found += self._cells()
        if chosen.output:
            self.output = OutputLog(self._folder / OUTPUT, self._redactor, on_trouble=self.troubles.append)
            tee.listen(self.output)
            found.append(records.Artifact(time=time(), path=OUTPUT, kind="output"))
        return found

    def end(self) -> list[AnyRecord]:
        """Stop listening, and keep the cells that were executed meanwhile."""
        found: list[AnyRecord] = []
        if self._is_watching:
            exits.watch.end()
            self._is_watching = False
        if self.output is not None:
            tee.forget(self.output)
            self.output.close()
            self.output = None
        if self._has_cells:
            found += self._cells()
        found += [records.Notice(time=time(), about="output", message=said) for said in self.troubles]
        self.troubles.clear()
        return found

    def describe(self, role: str, data: Any, name: str | None) -> records.Dataset:
        """Describe a data set."""
        from autotrack.observe.data.datasets import DataObserver  # runs that log no data do without

        if self._data is None:
            self._data = DataObserver()
        return self._data.describe(role, data, name=name)

    def _cells(self) -> list[AnyRecord]:
        cells = [self._redactor.redact_code(cell)[0] for cell in notebook.executed_cells()]
        if not cells:
            return []
        self._has_cells = True
        files.write_atomically(self._place(_CELLS), notebook.as_script(cells).encode(errors="replace"))
        return [records.Environment(time=time(), kind="notebook", values={"cells": len(cells)}, files=[_CELLS])]

    def _place(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
