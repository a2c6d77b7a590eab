"""`autotrack tag`, `note`, `rename` and `undo` change what people say of a run that was recorded."""

from typing import Annotated

import typer

from autotrack.cli.named_run import named_run
from autotrack.cli.options import RunArgument, StoreOption
from autotrack.cli.printing import say, say_text
from autotrack.errors import AutotrackError
from autotrack.readers import catalog, edits
from autotrack.readers.index.card import NOTE
from autotrack.readers.query.names import proposed


def tag(
    run: RunArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]…", help="Such as why=paper.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", "-r", help="Remove the tag of this name.")] = None,
    store: StoreOption = None,
) -> None:
    """Set tags of a run, or remove them."""
    recorded = named_run(run, store)
    values = {}
    for text in tags or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise AutotrackError(f"{text!r} is no tag; write it as in why=paper, or remove one with --remove")
        values[name] = value
    if lacking := [name for name in remove or [] if name not in recorded.tags]:
        raise AutotrackError(f"run {recorded.name} has no tag {lacking[0]!r}; {proposed(lacking[0], recorded.tags)}")
    if values or remove:
        edits.tag(recorded.folder, values, tuple(remove or ()))
    shown = catalog.find(str(recorded.folder)).tags
    say(f"{recorded.name}: " + (", ".join(f"{name}={value}" for name, value in shown.items()) or "no tags"))


def note(
    run: RunArgument,
    text: Annotated[str | None, typer.Argument(help="The new note; without it, the note is printed.")] = None,
    store: StoreOption = None,
) -> None:
    """Write a note on a run, in place of the one it has, or print it."""
    recorded = named_run(run, store)
    if text is None:
        say_text(recorded.texts.get(NOTE, "").rstrip())
        return
    edits.note(recorded.folder, text)
    say(f"{recorded.name} has {'no note' if not text else 'a new note'}")


def rename(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="The new name.")],
    store: StoreOption = None,
) -> None:
    """Give a run another name. Its folder stays where it is."""
    recorded = named_run(run, store)
    edits.rename(recorded.folder, name)
    say(f"{recorded.name} is called {name} now ({recorded.folder})")


def undo(run: RunArgument, store: StoreOption = None) -> None:
    """Take back the last change of tags, note or name. Undone twice, it is as it was at first."""
    recorded = named_run(run, store)
    said = edits.undo(recorded.folder)
    say(f"{recorded.name}: {said}")
