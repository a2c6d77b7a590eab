"""What is logged at every step: metrics, with what their records have in common with all others."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from time import time
from typing import Any

import msgspec

from autotrack.journal import records
from autotrack.journal.records import AnyRecord
from autotrack.redaction.record_redactor import RecordRedactor
from autotrack.training import arguments, cuda
from autotrack.training.observe.observer import Observer
from autotrack.training.values import as_number, as_text, is_on_cuda


class MetricLogger:
    """Turns the metrics of the run in `folder` into records, and takes the secrets out of every record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._redactor = RecordRedactor()
        self._observer = Observer(folder, self._redactor.redactor, self._put)
        self._noticed: set[str] = set()
        self._clean_names = self._redactor.names_found_clean
        self._waiting = cuda.PendingRecords(self._append_completed)
        self._has_diverged = False
        self._unnumbered_steps = count()
        self.last_metrics: records.Metrics | None = None

    _append: Callable[[AnyRecord], None]
    """Appends a record to the journal."""

    def log(
        self,
        values: Mapping[str, Any],
        step: int | None = None,
        *,
        epoch: int | None = None,
        stage: str | None = None,
    ) -> None:
        """Log metrics by name: Python or numpy numbers, or arrays and tensors with one element on any device.

        Calls without a step and an epoch are numbered from 0. `stage` is `train`, `validate` or `test`. NaN and
        infinities are kept. A tensor on a CUDA device is copied without waiting for the device; its record, and those
        of metrics logged after it, are written in order by the first later call that finds the copy complete, or by
        `finish`.

        Raises `TypeError`, naming the key, for a value that is not a number and for a step or epoch that is not an
        integer.
        """
        if step is not None and step.__class__ is not int:
            step = arguments.index_of("step", step)
        if epoch is not None and epoch.__class__ is not int:
            epoch = arguments.index_of("epoch", epoch)
        try:
            measured = values.values()
            is_clean = (stage is None or stage in self._clean_names) and self._clean_names.issuperset(values)
        except (AttributeError, TypeError):
            raise arguments.wrong_metrics(values, stage) from None
        if not is_clean:
            values, stage = self._cleaned_names(values, stage)
            measured = values.values()
        for value in measured:
            if type(value) is float and value - value == 0.0:  # false for NaN and the infinities
                continue
            self._log_converted(values, step, epoch, stage)
            return
        if step is None and epoch is None:
            step = next(self._unnumbered_steps)
        if values.__class__ is not dict:
            values = dict(values)
        # No copy of the values: they are encoded at once.
        record = self.last_metrics = records.Metrics(time=time(), values=values, step=step, epoch=epoch, stage=stage)
        if self._waiting:
            self._waiting.add(msgspec.structs.replace(record, values=dict(values)), {})
        else:
            self._append(record)

    def _log_numbers(
        self,
        values: Mapping[str, Any],
        step: int | None = None,
        *,
        epoch: int | None = None,
        stage: str | None = None,
    ) -> None:
        """Log the values that are numbers, and leave a notice, once a name, about those that are not."""
        if (stage is not None and stage not in self._clean_names) or not self._clean_names.issuperset(values):
            values, stage = self._cleaned_names(values, stage)
        try:
            self._log_converted(values, step, epoch, stage)
        except TypeError:
            numbers = {name: value for name, value in values.items() if self._is_number(name, value)}
            if numbers:
                self.log(numbers, step, epoch=epoch, stage=stage)

    def notice(self, about: str, message: str) -> None:
        """Record, once, that autotrack could not do something or did it differently."""
        about, message = as_text(about), as_text(message)
        if f"{about}: {message}" not in self._noticed:
            self._noticed.add(f"{about}: {message}")
            self._put(records.Notice(time=time(), about=about, message=message))

    def note_divergence(self, name: str, value: float, step: int | None, epoch: int | None) -> None:
        """Tag the run with the first metric that is NaN or infinite, and where; later ones change nothing."""
        if not self._has_diverged:
            self._has_diverged = True
            where = {"epoch": epoch, "step": step}
            told = ", ".join(f"{word} {number}" for word, number in where.items() if number is not None)
            tag = f"{name} is {value}{' in ' * bool(told)}{told}"
            self._put(records.Tags(time=time(), values={"diverged": tag}))

    def _append_completed(self, record: records.Metrics | records.Artifact) -> None:
        """Append a record whose numbers have all come from their device."""
        self._append(record)
        if isinstance(record, records.Metrics) and str in map(type, record.values.values()):
            self._note_first_not_finite(record)

    def _note_first_not_finite(self, record: records.Metrics) -> None:
        first = next(name for name, value in record.values.items() if isinstance(value, str))
        self.note_divergence(first, records.number(record.values[first]), record.step, record.epoch)

    def _put(self, record: AnyRecord) -> None:
        """Append a record of any kind but metrics, with its secrets taken out."""
        clean = self._redactor.clean(record)
        self._append(clean)
        if clean is not record:
            self._notice_redacted()

    def _notice_redacted(self) -> None:
        if news := self._redactor.news():
            self.notice("redaction", news)

    def _cleaned_names(self, values: Mapping[str, Any], stage: Any) -> tuple[Mapping[str, Any], str | None]:
        """Return metrics and a stage with the secrets in their names removed, the first time that they are logged."""
        if stage is not None:
            stage = self._redactor.clean_stage(arguments.text_of("stage", stage, "train"))
        arguments.check_names(values)
        values = self._redactor.clean_names(values)
        self._notice_redacted()
        return values, stage

    def _log_converted(
        self, values: Mapping[str, Any], step: int | None, epoch: int | None, stage: str | None
    ) -> None:
        numbers, copies = cuda.convert(values)
        if step is None and epoch is None:
            step = next(self._unnumbered_steps)
        record = self.last_metrics = records.Metrics(time=time(), values=numbers, step=step, epoch=epoch, stage=stage)
        if copies or self._waiting:
            self._waiting.add(record, copies)
            return
        self._append(record)
        if str in map(type, numbers.values()):
            self._note_first_not_finite(record)

    def _is_number(self, name: str, value: object) -> bool:
        try:
            if not is_on_cuda(value):
                as_number(name, value)
        except TypeError as error:
            self.notice("metrics", str(error))
            return False
        return True
