"""The vocabulary: everything that can be said about a run is one of these records.

A journal is a file of them, one JSON object a line, each with its type under `record` and the time it was
made in seconds since 1970 (UTC). Records hold plain values only: strings, numbers, booleans, lists, dicts.

JSON has no word for NaN and the infinities; they are the strings "NaN", "Infinity" and "-Infinity", and
`number` turns them back.
"""

from typing import Any, Literal

import msgspec

FORMAT = 1
"""Version of the journal format, written in every `RunStarted`. A reader refuses newer ones."""

Status = Literal["finished", "failed", "interrupted", "killed"]
"""How a run ended. One that has not ended is `running`."""

Number = int | float | Literal["NaN", "Infinity", "-Infinity"]


def number(value: Number) -> int | float:
    """Turn a recorded number into a Python one.

    >>> number("-Infinity")
    -inf
    """
    return float(value) if isinstance(value, str) else value


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="record", tag=True):
    """What all records have in common: the `time` they were made, in seconds since 1970 (UTC)."""

    time: float


class RunStarted(Record, frozen=True, kw_only=True):
    """A process began to write to the run: at its start, when it is resumed, and once for every rank.

    `resumed_at_step` is set when training continues from a checkpoint: what was recorded before at this step
    or a later one is about to be recorded again, and readers drop it. `group` is what the ranks of one job have in
    common, such as the address they meet at; `started_by` the integration, or `user` for a call of `start_run`;
    `destinations` are `tensorboard` and the URLs, without credentials, that the run goes to besides its folder.
    """

    id: str
    name: str
    experiment: str
    format: int = FORMAT
    parent: str | None = None
    resumed_from: str | None = None
    resumed_at_step: int | None = None
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
    python: str = ""
    autotrack: str = ""


class Params(Record, frozen=True, kw_only=True):
    """Parameters by name, and the `source` they were read from.

    Never overwritten: readers keep a second, different value for a name under `source.name`.
    """

    values: dict[str, Any]
    source: str = "user"


class Metrics(Record, frozen=True, kw_only=True):
    """Measured numbers by name, with the step and epoch they belong to and the stage of training."""

    values: dict[str, Number]
    step: int | None = None
    epoch: int | None = None
    stage: str | None = None


class SystemStats(Record, frozen=True, kw_only=True):
    """The load of the machine at one time; every name ends in its unit (`process_memory_bytes`).

    `process_…` is the training process with all its children, `host_…` the machine, `container_…` what the
    container may use, `gpu0_…` a graphics card. `epoch` is the one that was being trained.
    """

    values: dict[str, Number]
    epoch: int | None = None
    host: str = ""
    rank: int = 0


class Environment(Record, frozen=True, kw_only=True):
    """What was found out about one side of the run's surroundings: its `kind` says which.

    `git`, `source`, `packages`, `system_packages`, `hardware` or `process`. `values` are the facts in short, `files`
    hold the rest, by their paths relative to the run folder. A later record of the same kind replaces an earlier one.
    """

    kind: str
    values: dict[str, Any]
    files: list[str] = []


class Dataset(Record, frozen=True, kw_only=True):
    """Data that was trained or evaluated on: what it looks like, and a fingerprint of it.

    The `fingerprint` is the same for the same data, and another one when a value, the order of rows or a dtype within
    what was covered is; `covered` is the share of the bytes that went into it, from 0 to 1. `schema` has the dtype of
    each column or part, `shared_rows` how many rows were also in the data set of another role, where that is known.
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
    """One candidate of a search, or one fold or point of a validation: its params, and what they came to.

    `number` counts from 0; a later record of the same number replaces an earlier one. `values` are its scores and
    times by name, those of a single split as `split0_test_score`; `started` and `ended` are seconds since 1970.
    """

    number: int
    params: dict[str, Any] = {}
    values: dict[str, Number] = {}
    kind: Literal["candidate", "fold", "point"] = "candidate"
    status: Literal["finished", "failed"] = "finished"
    error: str | None = None
    started: float | None = None
    ended: float | None = None


class Plot(Record, frozen=True, kw_only=True):
    """A plot as data, drawn by whoever shows it; a later one of the same name and step replaces an earlier one.

    Its `kind` says what `data` holds, by name: `confusion_matrix` (labels, matrix), `roc` (false_positive_rate,
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

    A later record of the same path replaces an earlier one (the checksum is added so); `removed` says that
    the file is no longer there. `metrics` are the values that it was saved for, `roles` what it is among its
    kind (`best`, `last`), `source` where the file was made.
    """

    path: str
    kind: str
    bytes: int = 0
    sha256: str | None = None
    roles: list[str] = []
    metrics: dict[str, Number] = {}
    step: int | None = None
    source: str | None = None
    removed: bool = False


class Tags(Record, frozen=True, kw_only=True):
    """Labels; a later value for a name replaces an earlier one."""

    values: dict[str, str]


class Text(Record, frozen=True, kw_only=True):
    """Prose under a name; a later text of the same name replaces an earlier one."""

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
    """A process stopped writing to the run, and how the run ended.

    `overhead_seconds` is the time that autotrack itself took in the training process.
    """

    status: Status
    error: str | None = None
    traceback: str | None = None
    overhead_seconds: float = 0.0
    rank: int = 0


AnyRecord = (
    RunStarted
    | Params
    | Metrics
    | SystemStats
    | Environment
    | Dataset
    | Trial
    | Plot
    | Artifact
    | Tags
    | Text
    | Table
    | Notice
    | RunFinished
)

encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(AnyRecord)
decode = _decoder.decode
decode_lines = _decoder.decode_lines


def encode_replacing(record: AnyRecord) -> bytes:
    """Encode a record that `encode` refuses: what is no text in its strings becomes a question mark."""
    import json  # hardly ever needed

    return json.dumps(msgspec.to_builtins(record), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
