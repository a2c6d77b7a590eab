"""Packages of the npm registry, which tools of the page need: fetched by npm, and known by their checksums."""

import base64
import hashlib
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path


def files_of(package: str, version: str, sha512: str, *names: str) -> list[str]:
    """Return texts of a package by their paths in it. Ends the process if the package has another checksum."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"], cwd=folder, check=True)
        archive = next(Path(folder).glob("*.tgz")).read_bytes()
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != sha512:
        raise SystemExit(f"{package} {version} has the checksum {digest}, not {sha512}")
    texts = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        for name in names:
            file = content.extractfile(f"package/{name}")
            assert file is not None
            texts.append(file.read().decode())
    return texts
