"""`autotrack archive` packs runs into one file, `autotrack unarchive` brings them back."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autotrack.cli.asking import agreed
from autotrack.cli.named_run import named_run
from autotrack.cli.options import StoreOption, WhereOption
from autotrack.cli.printing import say
from autotrack.cli.progress import byte_progress
from autotrack.cli.unreadable import say_unreadable
from autotrack.errors import QueryError
from autotrack.format import human_bytes
from autotrack.readers import catalog, recorded_run
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.storage import trash
from autotrack.readers.storage.archive import check_target, pack

if TYPE_CHECKING:
    from autotrack.readers.storage.unarchive import Archive

_MOST_NAMED = 5


def archive(
    names: Annotated[list[str], typer.Argument(metavar="[RUN]… FILE", help="Runs, and the .zip file to write.")],
    where: WhereOption = None,
    in_trash: Annotated[bool, typer.Option("--trash", help="Also what is in the trash.")] = False,
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, and replace the file.")] = False,
) -> None:
    """Pack runs into one .zip file, with everything that belongs to them; they stay where they are.

    `autotrack unarchive FILE` brings them back, here or on another machine. Without any run or --where, all runs of
    the store are packed.
    """
    *references, name = names
    target = Path(name)
    place = catalog.existing_store(store)
    if len(names) == 1 and not target.suffix:
        raise QueryError(
            f"the file to write is missing; to pack the run {name!r}: autotrack archive {name} {name}.zip"
        )
    check_target(target)
    looked_at = catalog.Catalog()
    chosen = [named_run(reference, store, looked_at) for reference in references]
    if where or not references:
        every = looked_at.runs(place)
        say_unreadable(place)
        chosen += every.where(where) if where else every
    if in_trash:
        chosen += [recorded_run.load(folder) for folder in trash.in_trash(place)]
    chosen = list({run.folder.absolute(): run for run in chosen}.values())
    if not chosen:
        raise QueryError(f"there are no runs to be packed in {place}")
    if target.exists() and not agreed(f"replace {target}", yes=yes):
        return
    with byte_progress("packing") as progress:
        packed = pack(chosen, place, target, progress=progress)
    for path, reason in list(packed.left_out.items())[:_MOST_NAMED]:
        say(f"left out {path}: {reason}", err=True)
    if len(packed.left_out) > _MOST_NAMED:
        say(f"left out {len(packed.left_out) - _MOST_NAMED} more", err=True)
    size = human_bytes(target.stat().st_size)
    say(f"{_runs(len(packed.runs))}, {packed.files} files of {human_bytes(packed.bytes)}, in {target} ({size})")


def unarchive(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `autotrack archive` has written.")],
    store: StoreOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask: runs that are there already go into the trash.")
    ] = False,
) -> None:
    """Bring runs back from an archive. Runs that are there already stay as they are, unless you agree.

    So does the disk, if the archive becomes more than a gigabyte and a hundred times as large as it is.
    """
    from autotrack.readers.storage.unarchive import Archive  # most commands bring nothing back

    place = catalog.store_path(store)

    def replaces(run: RecordedRun) -> bool:
        if not yes and not sys.stdin.isatty():
            return False
        return agreed(f"move {run.folder} into the trash, and put the one of the archive in its place", yes=yes)

    with Archive(file) as opened, byte_progress("unpacking") as progress:
        if opened.is_suspiciously_small and not agreed("unpack it", yes=yes, why=_how_much(file, opened, place)):
            return
        done = list(opened.unpack(place, replaces=replaces, progress=progress))
    for name, folder in done:
        say(f"restored {folder}" if folder else f"{name} is there already and was left as it is; --yes replaces it")
    say(f"{_runs(sum(folder is not None for _, folder in done))} restored into {place}")


def _how_much(file: Path, opened: "Archive", place: Path) -> str:
    free = shutil.disk_usage(next(folder for folder in (place, *place.absolute().parents) if folder.exists())).free
    size, becomes = human_bytes(file.stat().st_size), human_bytes(opened.contents.bytes)
    return f"{file} has {size} and becomes {becomes}, as no usual run does; the disk has {human_bytes(free)} left"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
