"""The vocabulary: everything that is known about a run is one of these records.

A journal is a file of records, one JSON object a line. Each has its type under `record` and the time at which it was
made, in seconds since 1970 (UTC). Records hold plain values only: strings, numbers, booleans, lists and dicts. JSON
has no NaN and no infinities. They are recorded as "NaN", "Infinity" and "-Infinity"; `number` turns them back.
"""

import math
from typing import Any, Literal, get_args

import msgspec

from autotrack.journal.builtin import as_builtin

FORMAT = 1
"""The version of the journal format, in every `RunStarted`. Readers refuse newer ones."""

Status = Literal["finished", "failed", "interrupted", "killed", "pruned"]
"""How a run ended. A run that has not ended is `running`; one that is `pruned` was given up early by a search."""
TrialKind = Literal["candidate", "fold", "point"]
TrialStatus = Literal["finished", "failed", "pruned"]

Number = int | float | Literal["NaN", "Infinity", "-Infinity"]
"""A measured value. What autotrack writes fits into 64 bits; `number` copes with what others may have written."""


def number(value: Number) -> int | float:
    """Return a recorded number as a Python number that floats can be compared and added with.

    >>> number("-Infinity"), number(10**400)
    (-inf, inf)
    """
    if value.__class__ is float:  # the usual case, asked for every point
        return value
    if isinstance(value, str):
        return float(value)
    try:
        float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf if value > 0 else -math.inf
    return value


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="record", tag=True):
    """What all records have in common: the `time` at which they were made, in seconds since 1970 (UTC)."""

    time: float


class RunStarted(Record, frozen=True, kw_only=True):
    """A process began to write to the run: when the run started, when it was resumed, and once for every rank.

    Attributes:
        resumed_at_step: Set when training continues from a checkpoint. Metrics that were recorded earlier, at this
            step or a later one, are about to be recorded again, so readers drop the earlier ones.
        journals: Set when a run goes on: how many bytes each of its other journals had then, by name. What they have
            up to there was recorded before this record, whatever the clocks say.
        reproduces: The id of the run that was being repeated, if `autotrack reproduce` started this one.
        group: What the ranks of one job have in common, such as the address where they meet.
        started_by: The integration that started the run, `user` for a call of `start_run`, or `script` for a script
            that `autotrack run` started.
        destinations: Where the run goes besides its folder: `tensorboard`, and URLs without credentials.
        metric: The metric that the run is to be judged by, if somebody has said so, as in the setting `metric`.
        directions: Which way metrics get better, `min` or `max`, as far as somebody has said so.
    """

    id: str
    name: str
    experiment: str
    format: int = FORMAT
    parent: str | None = None
    resumed_from: str | None = None
    reproduces: str | None = None
    resumed_at_step: int | None = None
    journals: dict[str, int] | None = None
    frameworks: dict[str, str] = {}
    argv: list[str] = []
    entry_point: str | None = None
    cwd: str = ""
    pid: int = 0
    parent_pid: int = 0
    host: str = ""
    rank: int = 0
    group: str | None = None
    started_by: str = "user"
    destinations: list[str] = []
    metric: str = ""
    directions: dict[str, Literal["min", "max"]] = {}
    python: str = ""
    autotrack: str = ""


class Params(Record, frozen=True, kw_only=True):
    """Parameters by name, and the `source` they were read from.

    They are never overwritten: readers keep a second, different value for a name under `source.name`.

    Attributes:
        given: Where the values are arguments that have defaults: the names of those that somebody gave, on the command
            line or otherwise. None where that is not known, as in records of older versions.
        defaults: The defaults of the values that differ from theirs, by name, as far as they are known.
    """

    values: dict[str, Any]
    source: str = "user"
    given: list[str] | None = None
    defaults: dict[str, Any] = {}


PRINTED = "printed"  # the source of metrics that nobody has logged


class Metrics(Record, frozen=True, kw_only=True):
    """Measured numbers by name, with their step, their epoch and the stage of training.

    `source` is `PRINTED` for those that were found in what the script prints; the others were logged.
    """

    values: dict[str, Number]
    step: int | None = None
    epoch: int | None = None
    stage: str | None = None
    source: str | None = None


class SystemStats(Record, frozen=True, kw_only=True):
    """The system load at one time. Every name ends in its unit, as in `process_memory_bytes`.

    `process_…` is the training process with all its children, `host_…` the machine, `container_…` what the container
    may use, `gpu0_…` a graphics card. `epoch` is the one that was being trained.
    """

    values: dict[str, Number]
    epoch: int | None = None
    host: str = ""
    rank: int = 0


SHARED_KIND = "shared"
"""The kind of a record that only names what a run shares with those beside it."""


class Environment(Record, frozen=True, kw_only=True):
    """What was captured of one part of the run's environment.

    `kind` is `git`, `source`, `used`, `packages`, `system_packages`, `hardware`, `process` or `reads`. `values` are
    the main facts. `files` hold the rest; they are paths relative to the run folder. A later record of the same kind
    replaces an earlier one.

    A short run has one record of the kind `shared` instead. `shared` is the digest of what it has in common with the
    runs beside it, and readers hand out the records that are kept there (`shared_files.py`).
    """

    kind: str
    values: dict[str, Any] = {}
    files: list[str] = []
    shared: str | None = None


class Dataset(Record, frozen=True, kw_only=True):
    """Data that was used for training or evaluation.

    Attributes:
        fingerprint: The same for the same data. It changes with any value, the order of rows, and any dtype, as far
            as they were covered.
        covered: The share of the bytes that went into the fingerprint, from 0 to 1.
        schema: The dtype of each column or part.
        shared_rows: How many rows are also in the data set of another role, by role, where that is known.
    """

    role: str
    kind: str
    name: str | None = None
    shape: list[int] | None = None
    dtype: str | None = None
    schema: dict[str, str] = {}
    rows: int | None = None
    bytes: int | None = None
    fingerprint: str | None = None
    covered: float = 0.0
    shared_rows: dict[str, int] = {}
    source: str | None = None


class Trial(Record, frozen=True, kw_only=True):
    """One candidate of a search, or one fold or point of a validation: its params and its results.

    `number` counts from 0; a later record of it replaces an earlier one. `values` are scores and times by name, such
    as `split0_test_score`. `started` and `ended` are seconds since 1970. Workers of a search record `by_worker`.
    """

    number: int
    params: dict[str, Any] = {}
    values: dict[str, Number] = {}
    kind: TrialKind = "candidate"
    status: TrialStatus = "finished"
    error: str | None = None
    started: float | None = None
    ended: float | None = None
    by_worker: bool = False


class Plot(Record, frozen=True, kw_only=True):
    """A plot as data, which is drawn by whoever shows it. A later one of the same name and step replaces it.

    `kind` tells what `data` holds, by name: `confusion_matrix` (labels, matrix), `roc` (false_positive_rate,
    true_positive_rate, auc), `precision_recall` (recall, precision), `calibration` (predicted, observed),
    `importances` and `coefficients` (names, values), `residuals` (predicted, residual), `curve` (x, y, their names),
    `histogram` (edges, counts).
    """

    name: str
    kind: str
    data: dict[str, Any]
    step: int | None = None


class Artifact(Record, frozen=True, kw_only=True):
    """A file or folder in the run folder, by its `path` relative to it.

    A later record of the same path replaces an earlier one. `removed` means that the file is no longer there.
    `metrics` are the values it was saved for, `roles` what it is among its kind (`best`, `last`), and `source` is the
    path it was copied from. The record that adds the checksum `completes` an earlier one, which it names by its time.
    """

    path: str
    kind: str
    bytes: int = 0
    sha256: str | None = None
    roles: list[str] = []
    metrics: dict[str, Number] = {}
    step: int | None = None
    epoch: int | None = None
    source: str | None = None
    removed: bool = False
    completes: float | None = None


class Model(Record, frozen=True, kw_only=True):
    """A folder in the run folder holds a trained model, which can be loaded. A later record of the path replaces it.

    Attributes:
        path: The folder, relative to the run folder.
        files: The files that hold the model, relative to `path`.
        flavors: How it is loaded, by the names that MLflow's format has for ways to load.
        described_in: The file, relative to `path`, that says what goes into the model and what comes out.
        modules: The modules of Python that it needs, beside those that its files name.
        weights: Which weights it has, as of `step` and `epoch`: `last` are those that training ended with, `best`
            those of a checkpoint saved for `metrics`, `restored` others that the script put in after its last step.
        example: What MLflow's format says of the example of an input beside it.
    """

    path: str
    files: list[str] = []
    flavors: dict[str, dict[str, Any]] = {}
    described_in: str | None = None
    modules: list[str] = []
    weights: str = "last"
    step: int | None = None
    epoch: int | None = None
    metrics: dict[str, Number] = {}
    example: dict[str, str] = {}


class Registration(Record, frozen=True, kw_only=True):
    """The run's model is to be a version of `name`, one for each `id`; or it is: the file `path`, as a `version`."""

    id: str
    name: str
    weights: Literal["best", "last"] = "last"
    description: str = ""
    tags: dict[str, str] = {}
    if_finished: bool = False
    path: str = ""
    version: int | None = None


class Tags(Record, frozen=True, kw_only=True):
    """Labels by name. A later value for a name replaces an earlier one; those in `removed` are taken away."""

    values: dict[str, str]
    removed: list[str] = []


class Renamed(Record, frozen=True, kw_only=True):
    """Somebody has given the run another name."""

    name: str


class Text(Record, frozen=True, kw_only=True):
    """Prose under a name. A later text of the same name replaces an earlier one."""

    name: str
    text: str
    step: int | None = None


class Table(Record, frozen=True, kw_only=True):
    """Rows under a name."""

    name: str
    columns: list[str]
    rows: list[list[Any]]
    step: int | None = None


class Notice(Record, frozen=True, kw_only=True):
    """Something that autotrack itself could not do, or did differently, and why."""

    about: str
    message: str


class RunFinished(Record, frozen=True, kw_only=True):
    """A process stopped writing to the run; how the run ended.

    Attributes:
        stop_reason: Why the training stopped before it was to, such as what early stopping waited for in vain.
        started: The time of the `RunStarted` whose process has ended. It tells which one that was, not when.
        duration_seconds: How long the process recorded the run, by a clock that nobody can set.
        overhead_seconds: The time that autotrack took in the training process.
        parent: The id of the run that this one turned out to be a part of, after it had begun.
    """

    status: Status
    error: str | None = None
    traceback: str | None = None
    stop_reason: str | None = None
    started: float | None = None
    duration_seconds: float | None = None
    overhead_seconds: float = 0.0
    rank: int = 0
    parent: str | None = None


AnyRecord = (
    RunStarted | Params | Metrics | SystemStats | Environment | Dataset | Trial
    | Plot | Artifact | Model | Registration | Tags | Text | Table | Notice | RunFinished | Renamed
)  # fmt: skip

KINDS = frozenset(kind.__name__ for kind in get_args(AnyRecord))
"""The names of all types of records, as they stand in a journal."""


encode = msgspec.json.Encoder(enc_hook=as_builtin).encode
decoder = msgspec.json.Decoder(AnyRecord)
decode = decoder.decode
decode_lines = decoder.decode_lines
