"""What the records of a run have told so far, as far as a sidecar needs it."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from autotrack.journal.records import (
    PRINTED,
    AnyRecord,
    Artifact,
    Dataset,
    Environment,
    Metrics,
    Model,
    Notice,
    Number,
    Params,
    Plot,
    Registration,
    Renamed,
    RunFinished,
    RunStarted,
    SystemStats,
    Table,
    Tags,
    Text,
    Trial,
)
from autotrack.journal.replacing import replaces

_MOST_NAMES = 10_000


_LAST_LOGGED = 100


class RunFacts:
    """Takes the records of a run in order, and remembers what a sidecar has to know.

    Attributes:
        started: The latest start of the run in rank 0.
        finished: The end of the run in rank 0, if one follows that start.
        captured_kinds: The kinds of environment that are recorded.
        shared_environment: The digest of the environment that the run shares with others.
        versions: The packages of the training with their versions, once they are captured.
        registrations: What the model of the run is to be registered as, by the id of the request.
        has_metrics: Whether any metric has been logged.
        logged_metrics: The names of metrics that were logged; of very many names, only the first ones.
        last_logged: Their last values, by name.
    """

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.finished: RunFinished | None = None
        self.captured_kinds: set[str] = set()
        self.shared_environment: str | None = None
        self.has_metrics = False
        self.logged_metrics: set[str] = set()
        self.last_logged: dict[str, Number] = {}
        self.versions: Mapping[str, str] = {}
        self.registrations: dict[str, Registration] = {}
        self._artifacts: dict[str, Artifact] = {}
        self._models: dict[str, Model] = {}
        self._described: dict[str, Model] = {}

    def add(self, record: AnyRecord) -> None:  # noqa: C901, PLR0912  one case a type of record
        """Take the next record."""
        match record:
            case Metrics():
                self._add_metrics(record)
            case RunStarted():
                if record.rank == 0:
                    self.started, self.finished = record, None
            case RunFinished():
                if record.rank == 0 and self.started is not None and _ends(record, self.started):
                    self.finished = record
            case Artifact():
                if replaces(record, self._artifacts.get(record.path)):
                    self._artifacts[record.path] = record
            case Model():
                self._models[record.path] = record
            case Environment():
                if record.kind == "packages":
                    self.versions = record.values.get("versions", {})
                self.captured_kinds.add(record.kind)
                self.shared_environment = record.shared or self.shared_environment
            case Registration():
                self.registrations[record.id] = record
            case (
                SystemStats()
                | Params()
                | Dataset()
                | Trial()
                | Plot()
                | Tags()
                | Text()
                | Table()
                | Notice()
                | Renamed()
            ):
                pass  # the sinks need these, the sidecar does not
            case _:
                assert_never(record)

    def add_logged(self, batch: Sequence[Metrics]) -> None:
        """Take metrics that were logged, as `add` does one by one."""
        known = self.logged_metrics
        for record in batch:
            if not known.issuperset(record.values) and len(known) < _MOST_NAMES:
                known.update(name.lower() for name in record.values)
                known.update(record.values)
        for record in batch[-_LAST_LOGGED:]:  # of a long batch, what was logged last is in its end
            if len(self.last_logged) < _MOST_NAMES:
                self.last_logged.update(record.values)
        self.has_metrics = self.has_metrics or bool(batch)

    def _add_metrics(self, record: Metrics) -> None:
        if record.source != PRINTED:
            self.add_logged([record])

    def models_to_describe(self, name: str) -> list[Model]:
        """Return the models whose folder lacks the file `name`, or has one from before the model was kept anew."""
        return [model for model in list(self._models.values()) if not self._is_described(model, name)]

    def note_described(self, model: Model) -> None:
        """Remember that this process has described a model: clocks may be set until it is kept anew."""
        self._described[model.path] = model

    def _is_described(self, model: Model, name: str) -> bool:
        if (described := self._described.get(model.path)) is not None:
            return described is model
        found = self._artifacts.get(f"{model.path}/{name}")
        return found is not None and found.time >= model.time

    def artifacts_without_checksum(self) -> list[Artifact]:
        """Return the artifacts that exist and have no SHA-256 yet."""
        return [record for record in list(self._artifacts.values()) if not record.removed and record.sha256 is None]


def _ends(finished: RunFinished, started: RunStarted) -> bool:
    """Return whether the process that this start is of has ended, and not an earlier one."""
    if finished.started is None:  # as early versions recorded it
        return finished.time >= started.time
    return finished.started == started.time
