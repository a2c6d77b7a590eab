"""Commands that people guess: those with another name here are named, and what can mean one thing only is done."""

import difflib
from typing import Any

from autotrack.cli.plain_arguments import PlainGroup

_CALLED = {
    "promote": "models promote", "alias": "models alias", "describe": "models describe", "list": "ls", "runs": "ls",
    "search": "ls --where", "diff": "compare", "delete": "rm", "remove": "rm", "ui": "tensorboard",
    "rerun": "reproduce", "upload": "sync", "check": "doctor", "load": "predict",
}  # fmt: skip
"""What people call commands that have another name here."""


class Commands(PlainGroup):
    """All commands; for one that there is not, the one that is probably meant is named."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is meant, and its arguments."""
        if args and args[0] not in self.commands and args[0] in _CALLED:
            ctx.fail(f"No such command {args[0]!r}. Did you mean 'autotrack {_CALLED[args[0]]}'?")
        return super().resolve_command(ctx, args)


_LIST = ("list", "ls")


class ModelCommands(PlainGroup):
    """The commands; the name of a model in place of one shows that model, and `list` lists all."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is meant, and its arguments."""
        if (
            args
            and args[0] not in self.commands
            and not difflib.get_close_matches(args[0], self.commands, cutoff=0.75)
        ):
            args = ["list", *args[1:]] if args[0] in _LIST else ["show", *args]
        return super().resolve_command(ctx, args)
