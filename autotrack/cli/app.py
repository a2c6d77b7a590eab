"""The command line: its commands, and how errors are printed."""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

from autotrack.cli.commands import COMMANDS
from autotrack.cli.guessed_commands import Commands
from autotrack.cli.plain_arguments import PlainCommand
from autotrack.cli.printing import say, say_error, write_any_character
from autotrack.errors import AutotrackError
from autotrack.training.ignored_settings import ignored_settings
from autotrack.version import __version__


def app_with(commands: Iterable[str]) -> typer.Typer:
    """Return the command line with these of its commands, whose modules are imported."""
    app = typer.Typer(
        help="Show and manage the training runs that autotrack recorded.",
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode="markdown",  # joins the lines of a paragraph
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_options)
    for name in commands:
        if name == "run":
            from autotrack.cli import run_help  # `autotrack run` itself goes its own way

            run_help.add_to(app)
            continue
        module, function = COMMANDS[name].split(".")
        command = getattr(import_module(f"autotrack.cli.{module}"), function)
        if isinstance(command, typer.Typer):  # a family of commands
            app.add_typer(command, name=name)
        else:
            app.command(name, cls=PlainCommand)(command)
    return app


def __getattr__(name: str) -> typer.Typer:
    """Return `app`, with all commands."""
    if name == "app":
        return app_with(COMMANDS)
    raise AttributeError(name)


def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Show and manage the training runs that autotrack recorded."""
    if version:
        say(f"autotrack {__version__}")
        raise typer.Exit
    for sentence in ignored_settings():
        say(f"autotrack: {sentence}", err=True)


def _wanted() -> Iterable[str]:
    """Return the commands that are needed: the one that is called or completed, or all if it is none of them.

    To import all takes several times as long as most commands.
    """
    asked = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    words = asked.split()[1:] if "_AUTOTRACK_COMPLETE" in os.environ else sys.argv[1:]
    return words[:1] if words and words[0] in COMMANDS else COMMANDS


def main() -> None:
    """Run the command line.

    A mistake of the user, and a file or folder that cannot be read or written, become one line on standard error and
    exit code 1.
    """
    write_any_character()
    try:
        app_with(_wanted())(prog_name="autotrack")
    except BrokenPipeError:  # the reader of a pipe has closed it
        sys.stderr.close()
        sys.exit(0)
    except (AutotrackError, OSError) as error:
        say_error(error)
        sys.exit(1)
