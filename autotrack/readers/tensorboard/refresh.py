"""Brings the event files of runs up to date before TensorBoard shows them."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from autotrack import interpreter
from autotrack.drawing_process import drawn_together
from autotrack.errors import AutotrackError
from autotrack.journal.reader import RunReader, is_being_written
from autotrack.journal.run_folder import check_structure
from autotrack.sinks import build
from autotrack.sinks.shipment import Shipment

_LONGEST_OUTPUT = 2000


def bring_up_to_date(folders: Iterable[Path], *, on_problem: Callable[[str], None]) -> None:
    """Write what is missing in the event files of the runs in these folders, from their journals.

    Runs that are still being recorded are skipped, because their own process writes the files. For a run that cannot
    be read or written, `on_problem` is called with a sentence, and the others go on.
    """
    for folder in folders:
        try:
            check_structure(folder)
        except (OSError, AutotrackError) as error:
            on_problem(str(error))
            continue
        if any(is_being_written(journal) for journal in RunReader(folder).journals):
            continue
        shipment = Shipment(folder, build.tensorboard_sink(), on_problem=partial(_report, on_problem, folder))
        shipment.carry(flush=True)
        shipment.close()


def bring_up_to_date_beside(folders: Sequence[Path], *, on_problem: Callable[[str], None]) -> None:
    """Do the same in another process, so that this one, which may be training, imports nothing for it."""
    done = subprocess.run(
        interpreter.command("autotrack.readers.tensorboard.refresh", keeps_order=True),
        input=msgspec.json.encode([str(folder.absolute()) for folder in folders]),
        capture_output=True,
        check=False,
    )
    try:
        problems = msgspec.json.decode(done.stdout, type=list[str])
    except msgspec.DecodeError:
        problems = [f"event files were not written: {done.stderr.decode(errors='replace')[-_LONGEST_OUTPUT:]}"]
    for problem in problems:
        on_problem(problem)


def main() -> None:
    """Read folders from standard input as JSON, and write the problems to standard output."""
    folders = msgspec.json.decode(sys.stdin.buffer.read(), type=list[str])
    problems: list[str] = []
    with drawn_together():
        bring_up_to_date(map(Path, folders), on_problem=problems.append)
    sys.stdout.buffer.write(msgspec.json.encode(problems))


def _report(on_problem: Callable[[str], None], folder: Path, problem: str) -> None:
    on_problem(f"{folder}: {problem}")
