"""The `autotrack` command, with one file for each family of commands."""

import sys


def main() -> None:
    """Run the command line.

    `autotrack run` goes its own, quick way: it imports nothing of the other commands before the script starts.
    """
    if sys.argv[1:2] == ["run"]:
        from autotrack.cli.run import main as run

        run(sys.argv[2:])  # comes back only where help is asked for
    from autotrack.cli.app import main as other_commands

    other_commands()
