"""Captures the packages of the operating system. Pip does not know those, such as a BLAS library or a driver."""

import os
import shutil
import subprocess
from hashlib import sha256
from time import time

from autotrack.journal.records import AnyRecord, Environment
from autotrack.sidecar.capture.base import Subject

TIMEOUT_SECONDS = 10.0

_MANAGERS = {  # they print a line for each package: whether it is installed, its name, its version
    "dpkg": ["dpkg-query", "--show", "--showformat=${db:Status-Status}\t${binary:Package}\t${Version}\n"],
    "rpm": ["rpm", "--query", "--all", "--queryformat", "installed\t%{NAME}.%{ARCH}\t%{EVR}\n"],
}


def capture(subject: Subject) -> list[AnyRecord]:
    """Capture the packages of the first package manager that has any.

    Raises `subprocess.TimeoutExpired` for a package manager that does not respond.
    """
    for manager, command in _MANAGERS.items():
        if packages := _query(command):
            lines = [f"{name}={version}" for name, version in packages]
            content = {"manager": manager, "packages": [{"name": name, "version": v} for name, v in packages]}
            values = {
                "manager": manager,
                "count": len(packages),
                "digest": sha256("\n".join(lines).encode()).hexdigest(),
            }
            files = [subject.write_json("system_packages.json", content)]
            return [Environment(time=time(), kind="system_packages", values=values, files=files)]
    return []


def _query(command: list[str]) -> list[tuple[str, str]]:
    """Return names and versions, sorted; nothing if the program or its database is missing."""
    program = shutil.which(command[0])
    if program is None:
        return []
    done = subprocess.run(
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},  # rpm prints in the language of the user
    )
    rows = [line.split("\t") for line in done.stdout.decode(errors="replace").splitlines()]
    installed = [(row[1], row[2]) for row in rows if len(row) == 3 and row[0] == "installed"]
    # The rest are keys, which rpm stores as packages.
    return sorted(package for package in installed if not package[0].startswith("gpg-pubkey."))
