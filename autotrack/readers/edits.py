"""What people change of a run after it has ended: its tags, its note, its name.

A change is a record like any other, in a journal of its own, `journal/edits.jsonl`. Everything that is derived from
the journals follows: lists, TensorBoard, servers at the next `autotrack sync`. Nothing is overwritten, so a change can
be undone.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import time

from autotrack.errors import AutotrackError, JournalBusyError
from autotrack.journal.fold import Fold
from autotrack.journal.reader import JournalReader, RunReader, is_being_written, journal_sizes
from autotrack.journal.records import AnyRecord, Registration, Renamed, Tags, Text
from autotrack.journal.run_folder import check_structure
from autotrack.journal.writer import Journal
from autotrack.readers.index.card import NOTE
from autotrack.readers.scan import LATEST
from autotrack.redaction.record_redactor import RecordRedactor
from autotrack.sinks.folder import FolderSink

_JOURNAL = "edits.jsonl"
_LONGEST_NAME = 200


def tag(folder: Path, values: Mapping[str, str], removed: tuple[str, ...] = ()) -> None:
    """Set tags of a run, and remove others. Raises `AutotrackError` and `OSError`."""
    for name, value in values.items():
        if not (isinstance(name, str) and isinstance(value, str) and name):
            raise AutotrackError(
                f"the tag {name!r:.100} has the value {value!r:.100}; expected texts, as in why=paper"
            )
    _add(folder, Tags(time=time(), values=dict(values), removed=list(removed)))


def note(folder: Path, text: str) -> None:
    """Replace the note of a run, which is prose for people. Raises `AutotrackError` and `OSError`."""
    _add(folder, Text(time=time(), name=NOTE, text=text))


def rename(folder: Path, name: str) -> None:
    """Give a run another name. Its folder stays where it is. Raises `AutotrackError` and `OSError`."""
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise AutotrackError(
            f"the name {name!r:.100} cannot be used; expected one line of 1 to {_LONGEST_NAME} characters"
        )
    if name.strip() == LATEST:
        raise AutotrackError(f"the name {LATEST!r} cannot be used: it always means the newest run")
    _add(folder, Renamed(time=time(), name=name.strip()))


def note_made(folder: Path, made: Sequence[AnyRecord]) -> None:
    """Note in a run what was made of its files. Raises as `tag` does."""
    _add(folder, *made)


def register(folder: Path, request: Registration) -> None:
    """Note in a run that its model is registered, so that servers get to know it. Raises as `tag` does.

    `undo` does not take that back: a version is removed from the registry.
    """
    _add(folder, request)


def undo(folder: Path) -> str:
    """Take back the last change of a run, by a change to what it was before; return what that is.

    Undone twice, it is as it was at first. Raises `AutotrackError` when nothing was changed, and `OSError`.
    """
    path = folder / "journal" / _JOURNAL
    last, before = _last(path)
    if last is None:
        raise AutotrackError(f"nothing was changed of the run in {folder} since it was recorded")
    reader = RunReader(folder, until={**journal_sizes(folder), _JOURNAL: before})
    fold = Fold(keep_points=False)
    for rank, batch in reader:
        fold.add(batch, rank=rank)
    earlier = fold.summary()
    match last:
        case Tags():
            names = [*last.values, *last.removed]
            tag(
                folder,
                {name: earlier.tags[name] for name in names if name in earlier.tags},
                tuple(name for name in names if name not in earlier.tags),
            )
            return f"tags {', '.join(names)} are as before"
        case Text():
            note(folder, earlier.texts.get(last.name, ""))
            return "the note is as before"
        case _:
            rename(folder, earlier.name)
            return f"the name is {earlier.name} again"


def _add(folder: Path, *added: AnyRecord) -> None:
    """Append records, without secrets, and bring the summary up to date."""
    check_structure(folder)
    problems: list[str] = []
    try:
        journal = Journal(folder / "journal" / _JOURNAL, on_problem=problems.append)
    except JournalBusyError as error:
        raise JournalBusyError(f"somebody else is changing the run in {folder}; try again") from error
    try:
        redactor = RecordRedactor()
        for record in added:
            journal.append(redactor.clean(record))
    finally:
        journal.close()
    if problems:
        raise OSError(f"the change of the run in {folder} could not be written: {problems[0]}")
    if is_being_written(folder / "journal" / "main.jsonl") is not True:  # or its sidecar does it
        _refresh(folder)


def _refresh(folder: Path) -> None:
    """Bring `run.json` up to date."""
    reader, sink = RunReader(folder), FolderSink()
    sink.open(folder)
    for rank, batch in reader:
        sink.write(batch, rank=rank)
    sink.flush(reader.position())


def _last(path: Path) -> tuple[Tags | Text | Renamed | None, int]:
    """Return the last change, and where in the journal it begins."""
    last: Tags | Text | Renamed | None = None
    before = 0
    reader = JournalReader(path)
    with suppress(FileNotFoundError):
        while True:
            offset = reader.offset
            batch = reader.read(limit_bytes=1)  # a line at a time
            if not batch:
                break
            if isinstance(batch[-1], (Tags, Text, Renamed)):
                last, before = batch[-1], offset
    return last, before
