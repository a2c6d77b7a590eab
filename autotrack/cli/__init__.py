"""The `autotrack` command, with one file for each family of commands."""

from autotrack.cli.app import main as main
