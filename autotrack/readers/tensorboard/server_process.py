"""The process in which TensorBoard runs. `server.py` starts it and tells it on standard input what to show.

It ends when standard input is closed. So it ends with the process that started it, even if that one is killed.
"""

import contextlib
import importlib.metadata
import io
import os
import shutil
import sys
import traceback
from typing import BinaryIO, Literal

import msgspec

SAMPLES = {"scalars": 100_000, "images": 50, "text": 50}
"""How many points of each tag TensorBoard keeps, by plugin: as many as a browser can draw.

By default, TensorBoard thins curves out to 1000 points, and images and texts to 10. According to its documentation 0
means all, but then it shows none (tensorflow/tensorboard#5550).
"""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to show: the folder `logdir`, on `port` of the loopback interface.

    By default, the port is the first free one from 6006 on. The folder `temporary` is removed at the end.
    """

    logdir: str
    title: str
    port: int | None = None
    temporary: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The `address` at which TensorBoard listens; or the kind of `error` that prevents it, and its `detail`."""

    address: str = ""
    error: Literal["", "missing", "port", "refused", "broken"] = ""
    detail: str = ""


def main() -> None:
    """Serve until standard input is closed."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever plugins print must not get into the answer
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    try:
        answer = _launch(request)
        _send(output, answer)
        if not answer.error:
            sys.stdin.buffer.read()
    finally:
        if request.temporary:
            shutil.rmtree(request.temporary, ignore_errors=True)
        _exit(1 if answer.error else 0)


def _launch(request: Request) -> Answer:
    """Start TensorBoard in a thread of its own."""
    try:
        from tensorboard import default, program  # type: ignore[import-untyped]  # it comes without types
    except ModuleNotFoundError as error:
        if error.name == "tensorboard":
            return Answer(error="missing", detail=str(error))
        return Answer(error="broken", detail=_describe(error))
    except Exception as error:  # noqa: BLE001  whatever is wrong with it, the answer tells
        return Answer(error="broken", detail=_describe(error))
    try:
        server = program.TensorBoard(default.get_plugins())
        with contextlib.redirect_stderr(io.StringIO()):  # advice about options that the user has not given
            server.configure(
                ("",),
                logdir=request.logdir,
                host="127.0.0.1",
                port=request.port,
                window_title=request.title,
                samples_per_plugin=SAMPLES,
                reload_multifile=True,  # the slow loader would read only the newest file of a resumed run
            )
            return Answer(address=server.launch())
    except program.TensorBoardPortInUseError:
        return Answer(error="port")
    except program.TensorBoardServerException as error:
        return Answer(error="refused", detail=error.msg)
    except (Exception, SystemExit) as error:  # noqa: BLE001  as above; a third-party plugin may be at fault
        return Answer(error="broken", detail=_describe(error))


def _describe(error: BaseException) -> str:
    """Return the error, where it was raised, and the version of TensorBoard, in one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    try:
        version = importlib.metadata.version("tensorboard")
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown version"
    return f"tensorboard {version}: {type(error).__name__}: {error} ({last.filename}, line {last.lineno})"


def _send(output: BinaryIO, answer: Answer) -> None:
    with contextlib.suppress(BrokenPipeError), output:
        output.write(msgspec.json.encode(answer) + b"\n")


def _exit(code: int) -> None:
    """End at once: nobody waits for open requests any more, and threads of plugins do not matter."""
    os._exit(code)
