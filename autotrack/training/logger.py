"""What can be logged to a run: numbers, params, tables, pictures, data sets, files. Each becomes a record."""

import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path, PurePosixPath
from time import time
from typing import Any

import msgspec

from autotrack.journal import files, records
from autotrack.journal.records import AnyRecord
from autotrack.redaction.record_redactor import RecordRedactor
from autotrack.training import artifact_files, cuda
from autotrack.training.arguments import MOST_CHARACTERS, index_of, values_by_name
from autotrack.training.configs import UNREADABLE
from autotrack.training.observe.observer import Observer
from autotrack.training.values import as_data, as_number, as_text, flatten, is_on_cuda


class Logger:
    """Turns what is logged to the run in `folder` into records, and takes the secrets out of them.

    `Run` is a `Logger` that appends the records to its journal.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._redactor = RecordRedactor()
        self._observer = Observer(folder, self._redactor.redactor, self._put)
        self._noticed: set[str] = set()
        self._clean_names = self._redactor.names_found_clean
        self._waiting = cuda.PendingRecords(self._append_completed)
        self._has_diverged = False
        self._unnumbered_steps = count()

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
            step = index_of("step", step)
        if epoch is not None and epoch.__class__ is not int:
            epoch = index_of("epoch", epoch)
        try:
            measured = values.values()
        except AttributeError:
            raise TypeError(f"log was given {values!r}; give it names and values, such as {{'loss': 0.1}}") from None
        if stage not in self._clean_names or not self._clean_names.issuperset(values):
            values, stage = self._redactor.clean_names(values), stage and self._redactor.clean_stage(as_text(stage))
            measured = values.values()
            self._notice_redacted()
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
        record = records.Metrics(time=time(), values=values, step=step, epoch=epoch, stage=stage)
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
        if stage not in self._clean_names or not self._clean_names.issuperset(values):
            values, stage = self._redactor.clean_names(values), stage and self._redactor.clean_stage(as_text(stage))
        try:
            self._log_converted(values, step, epoch, stage)
        except TypeError:
            numbers = {name: value for name, value in values.items() if self._is_number(name, value)}
            if numbers:
                self.log(numbers, step, epoch=epoch, stage=stage)

    def log_params(self, values: Mapping[str, Any], source: str = "user") -> None:
        """Log hyperparameters: a mapping, a namespace or a dataclass. Nested ones get dotted names.

        Objects are recorded by the name of their class, and a value that cannot be read is named in a notice. Nothing
        is overwritten: a second, different value for a name is kept under `source.name`.
        """
        if flat := flatten(values):
            self._put(records.Params(time=time(), values=flat, source=source))
            self._notice_unreadable("params", source, flat)

    def log_tags(self, values: Mapping[str, Any]) -> None:
        """Label the run. A later value for a name replaces an earlier one."""
        named = values_by_name("log_tags", values, "{'why': 'baseline'}")
        texts = {as_text(name): as_text(value) for name, value in named.items()}
        self._put(records.Tags(time=time(), values=texts))
        self._notice_unreadable("tags", "the tags", texts)

    def log_text(self, name: str, text: str, step: int | None = None) -> None:
        """Log text, as Markdown if you like. The first million characters are kept."""
        content = as_text(text)
        if len(content) > MOST_CHARACTERS:
            content = content[:MOST_CHARACTERS]
            self.notice(
                as_text(name), f"only the first {MOST_CHARACTERS:,} characters are kept; log a file to keep all"
            )
        self._put(records.Text(time=time(), name=as_text(name), text=content, step=step))

    def log_table(
        self, name: str, table: Any, step: int | None = None, *, columns: Sequence[str] | None = None
    ) -> None:
        """Log a data frame, a list of dicts, a dict of columns, or a list of rows with `columns`.

        The first 10,000 rows are kept. Raises `TypeError` or `ValueError` for what cannot be read as a table.
        """
        from autotrack.training import media  # few runs log tables or pictures

        header, rows = media.read_table(table, columns)
        if len(rows) > media.MOST_ROWS:
            rows = rows[: media.MOST_ROWS]
            self.notice(name, f"the table {name!r} has more than {media.MOST_ROWS} rows; only the first ones are kept")
        self._put(records.Table(time=time(), name=str(name), columns=header, rows=rows, step=step))

    def log_trial(self, number: int, params: Mapping[str, Any], values: Mapping[str, Any], **about: Any) -> None:
        """Log one candidate of a search, or one fold or point of a validation; `about` are other fields of `Trial`.

        Values that are not numbers are left out, with a notice.
        """
        numbers: dict[str, records.Number] = {}
        for name, value in values_by_name("log_trial", values, "{'score': 0.9}").items():
            if type(value) is float and value - value == 0.0:
                numbers[name] = value
            elif self._is_number(name, value):
                numbers[name] = as_number(name, value)
        flat = flatten(params)
        self._put(records.Trial(time=time(), number=number, params=flat, values=numbers, **about))
        self._notice_unreadable("params", "a trial", flat)

    def log_plot(self, name: str, kind: str, data: Mapping[str, Any], step: int | None = None) -> None:
        """Log a plot as data, for readers to draw. `records.Plot` lists the kinds and the names that `data` has."""
        named = values_by_name("log_plot", data, "{'x': [1, 2], 'y': [3, 4]}")
        plain = {key: as_data(value) for key, value in named.items()}
        self._put(records.Plot(time=time(), name=str(name), kind=kind, data=plain, step=step))

    def log_figure(self, name: str, figure: Any, step: int | None = None) -> None:
        """Log a matplotlib figure, kept as PNG, or a plotly figure, kept as HTML."""
        from autotrack.training import media

        self._log_picture(media.save_figure, figure, "figure", name, step)

    def log_image(self, name: str, image: Any, step: int | None = None) -> None:
        """Log a Pillow image, or an array or tensor of pixels, as PNG; see `media.save_image` for the shapes."""
        from autotrack.training import media

        self._log_picture(media.save_image, image, "image", name, step)

    def log_dataset(self, role: str, data: Any, name: str | None = None) -> records.Dataset:
        """Describe the data that the run is trained or evaluated on, with a fingerprint. The data itself is not kept.

        `role` is `train`, `validate`, `test` or a word of your own. `data` may be an array, a tensor, a data frame, a
        sparse matrix, a data set or data loader, a path, or a tuple or dict of these. Nothing is iterated; at most
        50 ms are spent and a few megabytes are read. For data sets that were read completely, the record says how many
        rows they share. Returns the record.
        """
        described = self._observer.describe(role, data, name)
        self._put(described)
        return described

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None, *, kind: str = "output") -> None:
        """Copy a file or folder to `artifacts/` in the run folder, under its own name or `name`.

        A large file is copied by the sidecar while training goes on. It may be deleted or replaced at once. If it is
        written over in place before the copy is made, a notice says so.

        Raises `FileNotFoundError` when it does not exist, `AutotrackError` for a name that leads out of the run folder
        and for a folder that contains the run itself.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"log_artifact was given {path!r:.100}; give it the path of a file or folder")
        source = Path(path)
        if not source.exists():
            raise FileNotFoundError(f"log_artifact was given {str(path)!r}, which does not exist")
        target = self.folder / "artifacts" / self._safe_path(name or source.name)
        with artifact_files.disk_may_be_full(target.name):
            size = artifact_files.keep(source, target, run_folder=self.folder)
            self._record_artifact(target, kind=kind, source=str(source.absolute()), size=size)

    def _record_artifact(self, path: Path, *, kind: str, size: int | None = None, **about: Any) -> None:
        """Record a file that is already in the run folder, or will be; `about` are other fields of `Artifact`."""
        if size is None:
            size = 0 if about.get("removed") else files.size_bytes(path)
        metrics, copies = cuda.convert(about.pop("metrics", {}))
        record = records.Artifact(
            time=time(),
            path=path.relative_to(self.folder).as_posix(),
            kind=kind,
            bytes=size,
            metrics=metrics,
            **about,
        )
        clean = self._redactor.clean(record)
        if copies:
            self._waiting.add(clean, copies)
        else:
            self._append(clean)
        if clean is not record:
            self._notice_redacted()

    def notice(self, about: str, message: str) -> None:
        """Record, once, that autotrack could not do something or did it differently."""
        if f"{about}: {message}" not in self._noticed:
            self._noticed.add(f"{about}: {message}")
            self._put(records.Notice(time=time(), about=about, message=message))

    def note_divergence(self, name: str, value: float, step: int | None, epoch: int | None) -> None:
        """Tag the run with the first metric that is NaN or infinite, and where; later ones change nothing."""
        if not self._has_diverged:
            self._has_diverged = True
            where = {"epoch": epoch, "step": step}
            told = ", ".join(f"{word} {number}" for word, number in where.items() if number is not None)
            self.log_tags({"diverged": f"{name} is {value}{' in ' * bool(told)}{told}"})

    def _append(self, record: AnyRecord) -> None:
        raise NotImplementedError

    def _append_completed(self, record: records.Metrics | records.Artifact) -> None:
        """Append a record whose numbers have all come from their device."""
        self._append(record)
        if not self._has_diverged and isinstance(record, records.Metrics) and str in map(type, record.values.values()):
            first = next(name for name, value in record.values.items() if isinstance(value, str))
            self.note_divergence(first, records.number(record.values[first]), record.step, record.epoch)

    def _put(self, record: AnyRecord) -> None:
        """Append a record of any kind but metrics, with its secrets taken out."""
        clean = self._redactor.clean(record)
        self._append(clean)
        if clean is not record:
            self._notice_redacted()

    def _notice_unreadable(self, about: str, source: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if type(value) is str and value.startswith(UNREADABLE):
                self.notice(about, f"{name} of {source} {value}")

    def _notice_redacted(self) -> None:
        if news := self._redactor.news():
            self.notice("redaction", news)

    def _log_converted(
        self, values: Mapping[str, Any], step: int | None, epoch: int | None, stage: str | None
    ) -> None:
        numbers, copies = cuda.convert(values)
        if step is None and epoch is None:
            step = next(self._unnumbered_steps)
        record = records.Metrics(time=time(), values=numbers, step=step, epoch=epoch, stage=stage)
        if copies or self._waiting:
            self._waiting.add(record, copies)
        else:
            self._append_completed(record)

    def _is_number(self, name: str, value: object) -> bool:
        try:
            if not is_on_cuda(value):
                as_number(name, value)
        except TypeError as error:
            self.notice("metrics", str(error))
            return False
        return True

    def _safe_path(self, name: str) -> PurePosixPath:
        return files.safe_relative_path(self._redactor.redactor.redact_path(name))

    def _log_picture(self, save: Any, picture: Any, kind: str, name: str, step: int | None) -> None:
        stem = self.folder / "artifacts" / f"{kind}s" / self._safe_path(name)
        stem = stem if step is None else stem.with_name(f"{stem.name}-{step}")
        with artifact_files.disk_may_be_full(name):
            stem.parent.mkdir(parents=True, exist_ok=True)
            self._record_artifact(save(picture, stem), kind=kind, step=step)
