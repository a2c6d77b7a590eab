"""The process in which TensorBoard runs: told on standard input what to show, it ends when that is closed.

So it ends with whoever started it, also when that one is killed.
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
"""How many points of each tag TensorBoard keeps, by plugin: all that a browser can draw.

By default, curves are thinned out to 1000 points, images and texts to 10. Its documentation says that 0 means all; it
shows none (tensorflow/tensorboard#5550).
"""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to show: the folder `logdir`, on `port` of the loopback interface, the first free from 6006 on by default.

    The folder `temporary` is removed in the end.
    """

    logdir: str
    title: str
    port: int | None = None
    temporary: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The `address` at which TensorBoard listens, or why there is none: `error`, and the `detail` of it in words."""

    address: str = ""
    error: Literal["", "missing", "port", "refused", "broken"] = ""
    detail: str = ""


def main() -> None:
    """Serve until standard input is closed."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a plugin may print what it likes
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    try:
        answer = _launch(request)
        _send(answers, answer)
        if not answer.error:
            sys.stdin.buffer.read()
    finally:
        if request.temporary:
            shutil.rmtree(request.temporary, ignore_errors=True)
        _leave(1 if answer.error else 0)


def _launch(request: Request) -> Answer:
    """Have TensorBoard listen, in a thread of its own."""
    try:
        from tensorboard import default, program  # type: ignore[import-untyped]  # it comes without types
    except ModuleNotFoundError as error:
        if error.name == "tensorboard":
            return Answer(error="missing", detail=str(error))
        return Answer(error="broken", detail=_in_short(error))
    except Exception as error:  # noqa: BLE001  what is wrong with it is for the one who asked to know
        return Answer(error="broken", detail=_in_short(error))
    try:
        server = program.TensorBoard(default.get_plugins())
        with contextlib.redirect_stderr(io.StringIO()):  # advice on options that whoever asked has not given
            server.configure(
                ("",),
                logdir=request.logdir,
                host="127.0.0.1",
                port=request.port,
                window_title=request.title,
                samples_per_plugin=SAMPLES,
                reload_multifile=True,  # a resumed run has several files, and of the slow loader it is the newest only
            )
            return Answer(address=server.launch())
    except program.TensorBoardPortInUseError:
        return Answer(error="port")
    except program.TensorBoardServerException as error:
        return Answer(error="refused", detail=error.msg)
    except (Exception, SystemExit) as error:  # noqa: BLE001  as above; a plugin of somebody else may be at fault
        return Answer(error="broken", detail=_in_short(error))


def _in_short(error: BaseException) -> str:
    """Return the error, where it was raised, and the version of TensorBoard, in a line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    try:
        version = importlib.metadata.version("tensorboard")
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown version"
    return f"tensorboard {version}: {type(error).__name__}: {error} ({last.filename}, line {last.lineno})"


def _send(answers: BinaryIO, answer: Answer) -> None:
    with contextlib.suppress(BrokenPipeError), answers:
        answers.write(msgspec.json.encode(answer) + b"\n")


def _leave(code: int) -> None:
    """End at once: requests that are being answered are nobody's any more, and threads of plugins do not matter."""
    os._exit(code)
