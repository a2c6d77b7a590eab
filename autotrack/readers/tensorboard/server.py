"""Starts TensorBoard in a process of its own, and ends it. `server_process.py` is what runs there."""

import contextlib
import http.client
import os
import shutil
import subprocess
import tempfile
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import msgspec

from autotrack import interpreter
from autotrack.errors import AutotrackError, MissingLibraryError
from autotrack.journal.own_folders import LINKS
from autotrack.readers.tensorboard.selection import View
from autotrack.readers.tensorboard.server_process import Answer, Request

_ANSWERS_WITHIN_SECONDS = 60
_ENDS_WITHIN_SECONDS = 5
_LONGEST_OUTPUT = 2000


class TensorBoardServer:
    """TensorBoard, which listens at `address` on the loopback interface until it is closed or this process ends.

    Raises `MissingLibraryError` if TensorBoard is not installed, and `AutotrackError` if the port is taken or
    TensorBoard does not start.
    """

    def __init__(self, view: View, *, port: int | None = None) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._temporary = None if view.logdir else Path(tempfile.mkdtemp(prefix=LINKS))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            if self._temporary:
                make_links(self._temporary, view.links)
            logdir = str(view.logdir or self._temporary)
            temporary = str(self._temporary) if self._temporary else None
            self._process = self._spawn(Request(logdir=logdir, title=view.title, port=port, temporary=temporary))
            self.address = self._address(self._process, port)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The id of its process."""
        return self._process.pid if self._process else None

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self._process is not None and self._process.poll() is None

    def wait(self) -> None:
        """Wait until the process ends, which only happens when somebody kills it. Raises `AutotrackError` then."""
        if self._process is not None:
            self._process.wait()
            raise AutotrackError(f"TensorBoard has ended{self._why()}")

    def close(self) -> None:
        """End the process, and remove the temporary folder."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            try:
                self._process.wait(_ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _spawn(self, request: Request) -> subprocess.Popen[bytes]:
        """Start the process in a session of its own, so that interrupting a cell of a notebook does not end it."""
        try:
            process = subprocess.Popen(
                interpreter.command("autotrack.readers.tensorboard.server_process", keeps_order=True),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise AutotrackError(f"a process for TensorBoard cannot be started: {error}") from error
        assert process.stdin is not None  # noqa: S101  for the type checker: it is a pipe
        with contextlib.suppress(BrokenPipeError):  # it has died, which `_address` finds out
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
        return process

    def _address(self, process: subprocess.Popen[bytes], port: int | None) -> str:
        """Return the address once TensorBoard answers there."""
        assert process.stdout is not None  # noqa: S101  for the type checker: it is a pipe
        line = process.stdout.readline()
        if not line:
            process.wait()
            raise AutotrackError(f"TensorBoard did not start{self._why()}")
        answer = msgspec.json.decode(line, type=Answer)
        if answer.error:
            raise _error(answer, port)
        host = urllib.parse.urlsplit(answer.address)
        connection = http.client.HTTPConnection(
            host.hostname or "127.0.0.1", host.port, timeout=_ANSWERS_WITHIN_SECONDS
        )
        try:
            connection.request("GET", "/data/environment")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise AutotrackError(f"TensorBoard does not answer at {answer.address}: {error!r}{self._why()}") from error
        finally:
            connection.close()
        return answer.address

    def _why(self) -> str:
        """Return the exit code, if the process has ended, and the end of its output."""
        code = self._process.poll() if self._process else None
        self._errors.seek(max(0, os.fstat(self._errors.fileno()).st_size - _LONGEST_OUTPUT))
        output = self._errors.read().decode(errors="replace").strip()
        return (f" (exit code {code})" if code is not None else "") + (f":\n{output}" if output else "")


def make_links(folder: Path, links: Mapping[str, Path]) -> None:
    """Create a symbolic link to each folder. Slashes in a name make subfolders."""
    for name, target in links.items():
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target.absolute(), target_is_directory=True)


def _error(answer: Answer, port: int | None) -> AutotrackError:
    if answer.error == "missing":
        return MissingLibraryError("TensorBoard is not installed; install it with\npip install tensorboard")
    if answer.error == "port":
        return AutotrackError(f"port {port} is taken; give another one, or none to get the first free one")
    if answer.error == "refused":
        return AutotrackError(f"TensorBoard did not start: {answer.detail}")
    return AutotrackError(
        f"TensorBoard is broken: {answer.detail}; install it anew with\npip install --force-reinstall tensorboard"
    )
