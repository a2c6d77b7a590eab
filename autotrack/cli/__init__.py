"""The `autotrack` command, with one file for each family of commands."""

import os
import sys


def main() -> None:
    """Run the command line.

    What a shell wants completed is answered without importing the commands, if it has to do with runs.
    `autotrack run` goes its own, quick way: it imports nothing of the other commands before the script starts. Neither
    does `autotrack --version`.
    """
    if "_AUTOTRACK_COMPLETE" in os.environ:
        from autotrack.cli.completion import completed

        if completed():
            return
    if sys.argv[1:] == ["--version"]:
        from autotrack.version import __version__

        sys.stdout.write(f"autotrack {__version__}\n")
        return
    if sys.argv[1:2] == ["run"]:
        from autotrack.cli.run import main as run

        run(sys.argv[2:])  # comes back only where help is asked for
    from autotrack.cli.app import main as other_commands

    other_commands()
