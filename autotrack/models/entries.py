"""What is recorded of a registered model: every entry of its `records.jsonl` is one of these.

Entries are appended and never changed, so that everything can be traced and undone. Each says who made it and when.
They belong to no run, so that they are no records of `autotrack.journal.records`.
"""

from typing import Any

import msgspec

from autotrack.journal.records import Dataset, Number

RELATIONS = {"parent": "part of", "resumed_from": "goes on with", "reproduces": "repeats"}
"""What a run does with the runs before it, by the names that these have in its record."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="record", tag=True):
    """What all entries have in common: the `time` in seconds since 1970 (UTC), and `by` whom, as in `ann@host`."""

    time: float
    by: str = ""


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of a version, by its path in the folder of the version."""

    path: str
    sha256: str
    bytes: int


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A metric of the run: its last and its best value, the stage it was measured in, and which way it gets better."""

    last: Number
    best: Number | None = None
    better: str | None = None
    stage: str | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a version comes from, as the run has recorded it. It stays known when the run is gone.

    Attributes:
        run: The id of the run.
        name: The name of the run.
        experiment: Its experiment.
        folder: Where it lies, relative to the store.
        parents: The runs that it is part of, goes on with, or repeats: the id of each, by `parent`, `resumed_from`
            or `reproduces`.
        code: What was captured of the code: commit, branch, uncommitted files.
        packages: The versions of the packages that the model needs, by name.
        metric: What the run is judged by.
        params: By source and name; a framework may need them to load the model.
    """

    run: str
    name: str
    experiment: str
    folder: str
    started: float = 0.0
    user: str = ""
    host: str = ""
    argv: list[str] = []
    entry_point: str | None = None
    parents: dict[str, str] = {}
    code: dict[str, Any] = {}
    python: str = ""
    frameworks: dict[str, str] = {}
    packages: dict[str, str] = {}
    datasets: list[Dataset] = []
    metrics: dict[str, Value] = {}
    metric: str | None = None
    params: dict[str, dict[str, Any]] = {}


class Registered(Entry, frozen=True, kw_only=True):
    """A run's model has become a version.

    Attributes:
        version: Its number, which is never given again.
        registration: The request that this fulfils; the same request never makes a second version.
        path: The file to load, among `files`.
        weights: `last` for those of the last step, `best` for those of the best checkpoint, `restored` for others that
            were put in after the last step.
        saved_for: The metrics that these weights were kept for, with their values.
    """

    version: int
    registration: str
    path: str
    weights: str
    files: list[File]
    origin: Origin
    epoch: int | None = None
    step: int | None = None
    saved_for: dict[str, Number] = {}
    description: str = ""
    tags: dict[str, str] = {}


class AliasMoved(Entry, frozen=True, kw_only=True):
    """An alias points to another version now: somebody moved it, or a rule has promoted a version.

    Attributes:
        version: Where it points to; None if it was taken away.
        before: Where it pointed to before.
        rule: The rule by which the version was promoted; empty if somebody decided it.
        reason: What decided it.
        undoes: Whether this takes back the last move.
    """

    alias: str
    version: int | None = None
    before: int | None = None
    rule: str = ""
    reason: str = ""
    undoes: bool = False


class Described(Entry, frozen=True, kw_only=True):
    """Somebody has described the model, or one `version` of it; tags in `removed` are taken away."""

    version: int | None = None
    description: str | None = None
    tags: dict[str, str] = {}
    removed: list[str] = []


class VersionRemoved(Entry, frozen=True, kw_only=True):
    """The files of a version were deleted."""

    version: int


class Announced(Entry, frozen=True, kw_only=True):
    """What the user wants to be told of promotions was told of one: a command or URL, and what came of that."""

    version: int
    alias: str
    to: str
    problem: str = ""


AnyEntry = Registered | AliasMoved | Described | VersionRemoved | Announced

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AnyEntry).decode
