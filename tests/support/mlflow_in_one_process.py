"""`mlflow server` with the same options, in one process.

The command makes the tables, and then starts a second Python for the server, which imports all of MLflow once more:
about half of the work until a server answers, and tests start dozens of them.
"""

import os
import sys
from collections.abc import Mapping, Sequence

import uvicorn  # imported before MLflow, which protects its pages only where a server is loaded already
from mlflow import cli, server


def serve_here(command: Sequence[str], *, extra_env: Mapping[str, str], **_: object) -> None:
    """Take the place of what starts the second Python; `command` is `python -m uvicorn …`."""
    os.environ.update(extra_env)
    uvicorn.main(args=list(command[command.index("uvicorn") + 1 :]))


if __name__ == "__main__":
    vars(server)["_exec_cmd"] = serve_here
    cli.cli(["server", *sys.argv[1:]])
