"""What can be logged to a run: numbers, params, tables, pictures, data sets, files. Each becomes a record."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from time import time
from typing import Any, Literal
from uuid import uuid4

from autotrack.errors import AutotrackError, SettingsError
from autotrack.journal import files, records
from autotrack.model_names import checked_name
from autotrack.settings import UNREADABLE
from autotrack.training import arguments, artifact_files, cuda, long_texts
from autotrack.training.metric_logger import MetricLogger
from autotrack.training.values import as_data, as_number, as_text, flatten


class Logger(MetricLogger):
    """Turns what is logged to the run in `folder` into records, and takes the secrets out of them.

    `Run` is a `Logger` that appends the records to its journal.
    """

    @property
    def _is_in_worker(self) -> bool:
        """Whether another process records the run, to which this one only adds."""
        raise NotImplementedError

    def log_params(self, values: Mapping[str, Any], source: str = "user") -> None:
        """Log hyperparameters: a mapping, a namespace or a dataclass. Nested ones get dotted names.

        Objects are recorded by the name of their class, and a value that cannot be read is named in a notice. Nothing
        is overwritten: a second, different value for a name is kept under `source.name`.
        """
        source = arguments.text_of("source", source, "user")
        if flat := flatten(values):
            self._put(records.Params(time=time(), values=flat, source=source))
            self._notice_unreadable("params", source, flat)

    def log_tags(self, values: Mapping[str, Any]) -> None:
        """Label the run. A later value for a name replaces an earlier one."""
        named = arguments.values_by_name("log_tags", values, "{'why': 'baseline'}")
        texts = {as_text(name): as_text(value) for name, value in named.items()}
        self._put(records.Tags(time=time(), values=texts))
        self._notice_unreadable("tags", "the tags", texts)

    def log_text(self, name: str, text: str, step: int | None = None) -> None:
        """Log text, as Markdown if you like.

        Of more than a million characters, the record holds the beginning, and a file in `artifacts/texts` everything.
        To take the secrets out of so long a text takes about a second for every 10 MB.
        """
        name, content, step = as_text(name), as_text(text), arguments.step_of(step)
        if len(content) > long_texts.MOST_CHARACTERS:
            content = self._keep_long_text(name, content, step)
        self._put(records.Text(time=time(), name=name, text=content, step=step))

    def _keep_long_text(self, name: str, text: str, step: int | None) -> str:
        """Put all of a text into a file; returns what the record is to hold."""
        clean, secrets = self._redactor.redactor.redact_text(text)
        if secrets:
            self.notice("redaction", f"kept out of the text {name!r}: {', '.join(secrets)}")
        file = long_texts.file_of(self._redactor.redactor.redact_path(name), step)
        with artifact_files.disk_may_be_full(file.as_posix()):
            (self.folder / file.parent).mkdir(parents=True, exist_ok=True)
            files.write_atomically(self.folder / file, clean.encode(errors="backslashreplace"))
            self._record_artifact(self.folder / file, kind="text", step=step)
        return long_texts.beginning(clean, file)

    def register(
        self,
        name: str,
        *,
        weights: Literal["best", "last"] = "last",
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Have the model of this run registered as the next version of `name`, as soon as the run has ended.

        It is a version in `models/NAME` of the store, and on the servers of the run. `weights` says which one:
        `"last"` for the model as training leaves it, `"best"` for the best checkpoint.

        Raises `SettingsError` for a name or weights that cannot be.
        """
        if weights not in ("best", "last"):
            raise SettingsError(f"the weights are {weights!r:.100}; expected 'best' or 'last'", value=weights)
        try:
            checked_name(name)
        except ValueError as error:
            raise SettingsError(f"the model cannot be registered as {name!r:.100}: {error}", value=name) from None
        named = arguments.values_by_name("register", tags or {}, "tags={'why': 'paper'}")
        texts = {as_text(key): as_text(value) for key, value in named.items()}
        self._register(name, weights=weights, description=as_text(description), tags=texts)

    def register_when_finished(self, name: str) -> None:
        """Have the model registered if the run ends as `finished`, as the setting `register` asks for."""
        self._register(name, if_finished=True)

    def _register(self, name: str, **about: Any) -> None:
        self._put(records.Registration(time=time(), id=uuid4().hex, name=name, **about))

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
        self._put(records.Table(time=time(), name=str(name), columns=header, rows=rows, step=arguments.step_of(step)))

    def log_trial(self, number: int, params: Mapping[str, Any], values: Mapping[str, Any], **about: Any) -> None:
        """Log one candidate of a search, or one fold or point of a validation; `about` are other fields of `Trial`.

        Values that are not numbers are left out, with a notice.
        """
        numbers: dict[str, records.Number] = {}
        for name, value in arguments.values_by_name("log_trial", values, "{'score': 0.9}").items():
            if type(value) is float and value - value == 0.0:
                numbers[name] = value
            elif self._is_number(name, value):
                numbers[name] = as_number(name, value)
        flat = flatten(params)
        number, fields = arguments.index_of("number", number), arguments.fields_of_trial(about)
        trial = {"params": flat, "values": numbers, "by_worker": self._is_in_worker, **fields}
        self._put(records.Trial(time=time(), number=number, **trial))
        self._notice_unreadable("params", "a trial", flat)

    def log_plot(self, name: str, kind: str, data: Mapping[str, Any], step: int | None = None) -> None:
        """Log a plot as data, for readers to draw. `records.Plot` lists the kinds and the names that `data` has.

        Raises `ValueError` for a kind that nobody can draw.
        """
        kind = arguments.kind_of_plot(kind)
        named = arguments.values_by_name("log_plot", data, "{'x': [1, 2], 'y': [3, 4]}")
        plain = {key: as_data(value) for key, value in named.items()}
        self._put(
            records.Plot(
                time=time(),
                name=str(name),
                kind=kind,
                data=plain,
                step=arguments.step_of(step),
            )
        )

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
        role = arguments.text_of("role", role, "train")
        if data is None:
            raise TypeError("log_dataset was given None; give it data, such as an array, a data loader or a path")
        name = None if name is None else arguments.text_of("name", name, "digits")
        described = self._observer.describe(role, data, name)
        self._put(described)
        return described

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None, *, kind: str = "output") -> None:
        """Copy a file or folder to `artifacts/` in the run folder, under its own name or `name`.

        A large file is copied by the sidecar while training goes on. It may be deleted or replaced at once. If it is
        written over in place before the copy is made, a notice says so.

        Raises `FileNotFoundError` when it does not exist, `AutotrackError` for a name that leads out of the run folder
        and for a folder that contains the run itself, a pipe and a device. What cannot be copied of a folder, such as
        a link to nothing, is left out and named in a notice.
        """
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
            raise TypeError(f"log_artifact was given {path!r:.100}; give it the path of a file or folder")
        source, kind = Path(path), arguments.text_of("kind", kind, "model")
        if not source.exists():
            raise FileNotFoundError(f"log_artifact was given {str(path)!r}, which does not exist")
        if not source.is_file() and not source.is_dir():
            raise AutotrackError(f"log_artifact was given {str(path)!r}, which is neither a file nor a folder")
        target = self.folder / "artifacts" / self._safe_path(source.name if name is None else name)
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

    def _record_model(self, folder: Path, **about: Any) -> None:
        """Record that a folder in the run folder holds a model; `about` are other fields of `Model`."""
        self._append(records.Model(time=time(), path=folder.relative_to(self.folder).as_posix(), **about))

    def _notice_unreadable(self, about: str, source: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if type(value) is str and value.startswith(UNREADABLE):
                self.notice(about, f"{name} of {source} {value}")

    def _safe_path(self, name: str) -> PurePosixPath:
        return files.safe_relative_path(
            self._redactor.redactor.redact_path(arguments.text_of("name", name, "confusion"))
        )

    def _log_picture(self, save: Any, picture: Any, kind: str, name: str, step: int | None) -> None:
        step = arguments.step_of(step)
        stem = self.folder / "artifacts" / f"{kind}s" / self._safe_path(name)
        stem = stem if step is None else stem.with_name(f"{stem.name}-{step}")
        with artifact_files.disk_may_be_full(name):
            stem.parent.mkdir(parents=True, exist_ok=True)
            self._record_artifact(save(picture, stem), kind=kind, step=step)
