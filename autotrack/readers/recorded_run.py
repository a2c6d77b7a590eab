"""One recorded run, as readers see it: what is asked for most comes from the index, everything else from its files."""

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from autotrack.escapes import printable
from autotrack.journal.reader import is_being_written, journal_sizes
from autotrack.journal.summary import Summary, read
from autotrack.readers.index.values import SHOWN_FIELDS
from autotrack.readers.query.names import Name, proposed

if TYPE_CHECKING:  # a list of runs needs little; what reads their journals is imported where it is needed
    from autotrack.journal.fold import Fold
    from autotrack.journal.points import Points
    from autotrack.readers.compare.comparison import RunComparison
    from autotrack.readers.kept_files import KeptFiles, Weights
    from autotrack.readers.reproducibility.score import Reproducibility


_set = object.__setattr__
"""Past our own: of ten thousand runs, it would take longer than to look at them. So would a `__dict__` for each."""


class Index(Protocol):
    """What is known of many runs, each of which has a number."""

    def column(self, name: Name) -> Mapping[int, Any]:
        """Return the values of one name, by the number of the run. Raises `KeyError` for one that is not indexed."""

    def card(self, number: int) -> dict[str, Any] | None:
        """Return the fields and mappings that are shown in lists, quickly for one run; None if it is gone."""


class RecordedRun:
    """One recorded run: its `folder`, its `summary`, and the points of each metric.

    The fields of the summary are attributes of the run itself: `run.params`, `run.status`, `run.metrics`.
    """

    _folder: Path | bytes
    _summary: Summary | None = None
    _index: Index | None = None
    _number: int = 0
    _card: dict[str, Any] | None = None

    def __init__(
        self, folder: Path | bytes, summary: Summary | None = None, *, index: Index | None = None, number: int = 0
    ) -> None:
        _set(self, "_folder", folder)
        if summary is not None:
            _set(self, "_summary", summary)
        if index is not None:
            _set(self, "_index", index)
            _set(self, "_number", number)

    def __repr__(self) -> str:
        return printable(f"<RecordedRun {self.experiment}/{self.name} {self.status}>")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.folder, self.summary)  # an index is of one process

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle ask for these before there is anything
            raise AttributeError(name)
        if self._summary is None and name in SHOWN_FIELDS:
            return self.card()[name]
        return getattr(self.summary, name)

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise AttributeError(
                f"{name!r} of a recorded run is not set: use run.tag(why='paper'), run.note('…') or run.rename('…')"
            )
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *Summary.__struct_fields__})

    @property
    def folder(self) -> Path:
        """The run folder."""
        if isinstance(self._folder, bytes):  # ten thousand paths take longer to make than as many runs to look at
            return Path(os.fsdecode(self._folder))
        return self._folder

    @property
    def summary(self) -> Summary:
        """All that `run.json` has, read when it is first asked for."""
        if self._summary is None:
            self._summary = summarise(self.folder)
        return self._summary

    def card(self) -> dict[str, Any]:
        """Return what lists show of the run, quickly: see `card_of`."""
        card = self._index.card(self._number) if self._index is not None else None
        if card is None:
            from autotrack.readers.index.card import card_of

            card = self._card = self._card or card_of(self.summary)
        return card

    def value(self, name: Name) -> Any:
        """Return what a name means in `where` and `sort`; None if the run has none."""
        if self._index is not None:
            try:
                return self._index.column(name).get(self._number)
            except KeyError:
                pass
        return name.read(self.summary)

    def path(self, name: str) -> Path:
        """Return the path of a file or folder that the run has kept, such as `run.path("artifacts/notes.txt")`.

        `"checkpoints/best"` is the best checkpoint, whatever its file is called, and a suffix may be left out. Raises
        `ArtifactNotFoundError` if there is none, or several.
        """
        return self._kept_files.path(name)

    def checkpoint(self, role: "Weights" = "best") -> Path:
        """Return the path of the best or the last checkpoint. Raises `ArtifactNotFoundError`.

        Where several are the best, by different metrics, it is the one for the metric that the run is judged by.
        """
        return self._kept_files.checkpoint(role)

    def load_model(
        self,
        weights: "Weights" = "last",
        *,
        trusted: bool = False,
        model_class: type | None = None,
        inputs: Any = None,
    ) -> Any:
        """Return the model that the run has kept, ready to predict: see `autotrack.load_model`."""
        from importlib import import_module  # by name, because it stands above the readers

        load_of_run = import_module("autotrack.models.loading").load_of_run
        return load_of_run(self, weights, trusted=trusted, model_class=model_class, inputs=inputs)

    @property
    def _kept_files(self) -> "KeptFiles":
        from autotrack.readers.kept_files import KeptFiles  # few look at runs for their files

        return KeptFiles(self.folder, self.summary)

    def tag(self, **values: str | None) -> None:
        """Set tags of the run; a tag with the value None is removed. Raises `AutotrackError` and `OSError`.

        Like `note` and `rename`, it adds a record to the run: TensorBoard shows it when it is opened the next time,
        servers have it after the next `autotrack sync`, and `undo` takes it back.
        """
        set_tags = {name: value for name, value in values.items() if value is not None}
        self._edits().tag(self.folder, set_tags, tuple(name for name in values if values[name] is None))

    def note(self, text: str) -> None:
        """Replace the note of the run, which is prose for people. Raises `AutotrackError` and `OSError`."""
        self._edits().note(self.folder, text)

    def rename(self, name: str) -> None:
        """Give the run another name; its folder stays where it is. Raises `AutotrackError` and `OSError`."""
        self._edits().rename(self.folder, name)

    def undo(self) -> str:
        """Take back the last `tag`, `note` or `rename`; return what is as before. Raises `AutotrackError`."""
        return str(self._edits().undo(self.folder))

    def register(
        self,
        name: str,
        *,
        weights: "Weights" = "last",
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> Any:
        """Make the model of the run the next version of the registered model `name`, and return that version.

        It lies in `models/NAME` of the store, and is loaded by `autotrack.load_model("models:/NAME/3")`. The same
        model of the same run is registered once. Servers have it after the next `autotrack sync`.

        Raises `ModelRegistryError`, `ArtifactNotFoundError` where the run has kept no such model, and `OSError`.
        """
        from importlib import import_module  # by name, because it stands above the readers

        register = import_module("autotrack.models.registration").register
        version = register(self, name, weights=weights, description=description, tags=tags)
        self._read_again()
        return version

    def remove(self) -> Path:
        """Move the run into the trash of its store; return where it is. `autotrack rm --restore` brings it back.

        Raises `RunNotFoundError` for a run that is being recorded, and `OSError`.
        """
        from autotrack.readers.storage import trash  # few look at runs to remove them

        return trash.remove(self.folder)

    def _edits(self) -> Any:
        from autotrack.readers import edits  # few look at runs to change them

        self._read_again()
        return edits

    def _read_again(self) -> None:
        """Forget what was read, because it changes: it is read again when it is asked for."""
        self._summary = self._index = self._card = None

    def compare(self, other: "RecordedRun", metric: str | None = None) -> "RunComparison":
        """Return how this run differs from another one, and why its `metric` is better or worse than there.

        By default, the metric is what the other run is judged by. `comparison.causes` has the likely causes, the
        likeliest first, `comparison.params()` and `comparison.metrics()` have what differs.
        """
        from autotrack.readers.compare.comparison import RunComparison  # few look at runs to compare them

        return RunComparison([other, self], metric=metric)

    @property
    def reproducibility(self) -> "Reproducibility":
        """What would be missing to repeat this run, with what can be done, and its `score` from 0 to 100.

        Each of `reproducibility.missing` says `what`, `why`, how to `fix` it, and how many `points` it takes.
        """
        from autotrack.readers.reproducibility.score import reproducibility_of  # few look at runs to repeat them

        return reproducibility_of(self.folder, self.summary)

    def reproduce(self, **options: Any) -> Any:
        """Repeat this run as a new one, and return both with the verdict on them, as `autotrack reproduce` does.

        The code is restored in a fresh folder and the command line is run there. The result has `run`, the new run,
        and `verdict`, with `kind` (`identical`, `same`, `within_seeds` or `different`), `reason` and `causes`. The
        options are those of `autotrack.reproduce.reproduction.Choices`, such as `into`, `tolerance`, and `yes`, which
        allows to run what somebody else has recorded. Raises `ReproduceError` where something is missing.
        """
        from importlib import import_module  # by name, because it stands above the readers: it runs what they read

        return import_module("autotrack.reproduce.reproduction").reproduce_run(self, **options)

    def histories(self, metrics: Iterable[str]) -> "dict[str, Points]":
        """Return every recorded point of several metrics, which takes little longer than for one."""
        from autotrack.readers.kept_points import points_of

        return points_of(self.folder, metrics)

    def history(self, metric: str | None = None) -> "Points":
        """Return every recorded point of a metric, or of the system load, in order.

        It is a sequence of points, and has them as columns: `values`, `times`, `steps`, `epochs` and `stages`. The
        names of the load begin with `system/`, as in `system/process_memory_bytes`. Raises `KeyError` for a name that
        was not recorded.
        """
        known = [*self.summary.metrics, *(f"system/{name}" for name in self.summary.system)]
        if metric is None:
            example = next(iter(known), "val_loss")
            raise TypeError(f"no metric is given; write it as in run.history({example!r}); {proposed('', known)}")
        if not isinstance(metric, str):
            raise TypeError(f"the metric is {metric!r:.100}; expected a name, such as 'val_loss'")
        points = self.histories([metric])
        if metric not in points:
            raise KeyError(f"run {self.name} has no metric {metric!r}; {proposed(metric, known)}")
        return points[metric]


def values_of(runs: Iterable[RecordedRun], name: Name) -> list[Any]:
    """Return `run.value(name)` for each of these runs, in a fraction of the time for many of them."""
    found: list[Any] = []
    for index, beside in groupby(runs, attrgetter("_index")):
        try:
            column = index.column(name) if index is not None else None
        except KeyError:
            column = None
        if column is not None:
            found += map(column.get, map(attrgetter("_number"), beside))
        else:
            found += [name.read(run.summary) for run in beside]
    return found


def folders_of(runs: Iterable[RecordedRun]) -> list[bytes]:
    """Return the run folders as the system names them, which is quicker to have than paths."""
    return [run._folder if isinstance(run._folder, bytes) else os.fsencode(run._folder) for run in runs]


def load(folder: Path) -> RecordedRun:
    """Read one run, from `run.json` if that is up to date, and from the journals otherwise. Raises `OSError`."""
    return RecordedRun(folder, summarise(folder))


def summarise(
    folder: Path, sizes: dict[str, int] | None = None, *, read_summary: Callable[[Path], Summary] = read
) -> Summary:
    """Return the summary of the run in `folder`. Raises `OSError` when there is no run.

    `sizes` is what `journal_sizes` has just returned, if somebody needs to know it.
    """
    if sizes is None:
        sizes = journal_sizes(folder)
    summary: Summary | None
    try:
        summary = read_summary(folder)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):  # it is derived: whatever is in its place
        summary = None
    if summary is None or summary.journals != sizes:
        from autotrack.readers.resumed_fold import summary_of_journals

        summary = summary_of_journals(folder, sizes)
    if not summary.id:
        raise FileNotFoundError(f"{folder} holds no run")
    if summary.status == "running" and is_being_written(folder / "journal" / "main.jsonl") is False:
        summary.status = "killed"  # its process is gone, and nobody recorded how the run ended
    return summary


def fold(folder: Path) -> "Fold":
    """Read all journals of a run."""
    from autotrack.journal.fold import Fold
    from autotrack.journal.reader import RunReader

    reader, result = RunReader(folder), Fold()
    for rank, batch in reader:
        result.add(batch, rank=rank)
    result.left_out(reader.position().left_out)
    return result
