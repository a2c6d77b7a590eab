"""The command line: its commands, and how errors are printed."""

import sys
from typing import Annotated

import typer

from autotrack.cli import (
    archive,
    compare,
    doctor,
    edit,
    ls,
    manage,
    report,
    reproduce,
    run_help,
    show,
    sync,
    tensorboard,
)
from autotrack.cli.printing import say, say_error, write_any_character
from autotrack.errors import AutotrackError
from autotrack.training.ignored_settings import ignored_settings
from autotrack.version import __version__

app = typer.Typer(
    help="Show and manage the training runs that autotrack recorded.",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # joins the lines of a paragraph
    pretty_exceptions_enable=False,
)
run_help.add_to(app)
app.command("ls")(ls.ls)
app.command("show")(show.show)
app.command("compare")(compare.compare)
app.command("best")(compare.best)
app.command("report")(report.report)
app.command("tag")(edit.tag)
app.command("note")(edit.note)
app.command("rename")(edit.rename)
app.command("undo")(edit.undo)
app.command("export")(manage.export)
app.command("du")(manage.du)
app.command("rm")(manage.rm)
app.command("archive")(archive.archive)
app.command("unarchive")(archive.unarchive)
app.command("reproduce")(reproduce.reproduce_command)
app.command("sync")(sync.sync)
app.command("tensorboard")(tensorboard.tensorboard)
app.command("doctor")(doctor.doctor)


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Show and manage the training runs that autotrack recorded."""
    if version:
        say(f"autotrack {__version__}")
        raise typer.Exit
    for sentence in ignored_settings():
        say(f"autotrack: {sentence}", err=True)


def main() -> None:
    """Run the command line.

    A mistake of the user, and a file or folder that cannot be read or written, become one line on standard error and
    exit code 1.
    """
    write_any_character()
    try:
        app(prog_name="autotrack")
    except BrokenPipeError:  # the reader of a pipe has closed it
        sys.stderr.close()
        sys.exit(0)
    except (AutotrackError, OSError) as error:
        say_error(error)
        sys.exit(1)
