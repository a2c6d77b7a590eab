"""Hooks around the functions that write what was trained: each file becomes a checkpoint or a model of the run."""

import atexit
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from types import FrameType, ModuleType
from typing import Any

import torch

import autotrack
from autotrack.integrations import Patch, RunOptions, attempt
from autotrack_torch.elsewhere import OURS
from autotrack_torch.files.checkpoints import Save, SavedFiles
from autotrack_torch.files.improvements import improvement_at
from autotrack_torch.files.saved_objects import Kind, is_saving, kind_of, metrics_in
from autotrack_torch.loop import Loop, current_loop

_Find = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""Finds something in the arguments of a call."""

_MOST_FRAMES = 4
"""In so many callers it is looked for what got better."""

_NO_PLACES = ("autotrack", "torch", "safetensors", "accelerate", "lightning", "pytorch_lightning", "contextlib")
"""Packages whose code passes on what a script saves; that of other packages is like the script's own."""


_files: dict[str, SavedFiles] = {}  # by the id of the run


def patches() -> Iterator[Patch]:
    """Return the hooks around what PyTorch itself saves with."""
    yield _patch(torch, "save", _argument(0, "obj"), _argument(1, "f"))
    yield _patch(torch.jit, "save", _argument(0, "m"), _argument(1, "f"), kind="model")
    scripted: Any = vars(torch.jit)["RecursiveScriptModule"]
    yield _patch(scripted, "save", _argument(0, "self"), _argument(1, "f"), kind="model")
    yield _patch(torch.export, "save", _argument(0, "ep"), _argument(1, "f"), kind="model")


def patches_of_safetensors(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks around `safetensors.torch`."""
    yield _patch(module, "save_file", _argument(0, "tensors"), _argument(1, "filename"))
    yield _patch(module, "save_model", _argument(0, "model"), _argument(1, "filename"), kind="checkpoint")


def patches_of_fabric(module: Any) -> Iterator[Patch]:
    """Return the hook around `Fabric.save`, which writes the file by itself."""
    yield _patch(module.Fabric, "save", _argument(2, "state"), _argument(1, "path"))


def patches_of_accelerate(module: Any) -> Iterator[Patch]:
    """Return the hook around `Accelerator.save_state`, which writes a folder and returns its path."""
    yield Patch(module.Accelerator, "save_state", _around_save_state, concerns=_is_of_loop)


def _patch(owner: type | ModuleType, name: str, what: _Find, where: _Find, kind: Kind | None = None) -> Patch:
    def around(*args: Any, **kwargs: Any) -> Any:
        if (path := _path(where(args, kwargs))) is not None:  # tensors that are pickled are saved into buffers
            yield from _record(what(args, kwargs), path, kind)

    return Patch(owner, name, around, concerns=_is_of_loop)


def _around_save_state(accelerator: Any, output_dir: Any = None, *_args: Any, **_kwargs: Any) -> Any:
    yield from _record(accelerator, _path(output_dir), "checkpoint")


def _argument(position: int, name: str) -> _Find:
    return lambda args, kwargs: args[position] if len(args) > position else kwargs.get(name)


def _path(given: Any) -> Path | None:
    """Return the path that a file is written to; None for an open file or a buffer, which are left alone."""
    return Path(os.fsdecode(given)).absolute() if isinstance(given, (str, bytes, os.PathLike)) else None


def _is_of_loop(_args: object, _kwargs: object) -> bool:
    """Whether a loop is recorded or was, and this is no part of another save."""
    return not is_saving.get() and (bool(_files) or _loop() is not None)


def _loop() -> Loop | None:
    """Return the loop that is recorded here, unless another integration records what happens at the moment."""
    loop, run = current_loop(), autotrack.current_run()
    return loop if loop is not None and (run is None or run is loop.run or run.started_by in OURS) else None


def _record(saved: Any, path: Path | None, kind: Kind | None) -> Any:
    """Let something be saved, and keep the file; other functions that save meanwhile do it for this one."""
    _finish(lambda files: files.run.status != "running")  # before what they are linked to is written over
    loop = _loop()
    files = _files_of(loop) if loop is not None else None
    if loop is None or files is None:
        return
    save = None
    with attempt("torch files", run=loop.run):
        save = _describe(saved, kind, loop)
        if path is not None:
            files.will_save(path, save)
    token, began = is_saving.set(True), perf_counter()
    outcome = yield
    is_saving.reset(token)
    with attempt("torch files", run=loop.run):
        loop.epochs.saved(perf_counter() - began)
    path = path or _path(outcome.result)
    if path is None or save is None:
        return
    with attempt("torch files", run=loop.run):
        if outcome.error is None:
            files.saved(path, save)
        else:
            files.failed(path, outcome.error)


def _files_of(loop: Loop) -> SavedFiles | None:
    """Return what keeps the files of this loop's run; None where checkpoints are switched off."""
    if loop.run.id not in _files and RunOptions.of_autolog().settings.checkpoints:
        _files[loop.run.id] = SavedFiles(loop.run)
        if len(_files) == 1:
            atexit.register(_finish, lambda _: True)  # before the run itself ends, which was registered earlier
    loop.saved_files = _files.get(loop.run.id)
    return loop.saved_files


def _finish(is_due: Callable[[SavedFiles], bool]) -> None:
    for run_id, files in list(_files.items()):
        if is_due(files):
            del _files[run_id]
            files.finish()


def _describe(saved: Any, kind: Kind | None, loop: Loop) -> Save:
    frames = _frames()
    # Not `state_dict`: it runs hooks, and that of a sharded model waits for the other ranks.
    weight_names = (name for model in loop.models for name, _ in model.named_parameters())
    return Save(
        kind=kind or kind_of(saved, weight_names),
        place=tuple((frame.f_code.co_filename, frame.f_lineno) for frame in frames),
        step=loop.last_step,
        epoch=loop.epoch,
        improvement=improvement_at(frames),
        metrics=metrics_in(saved),
    )


def _frames() -> list[FrameType]:
    """Return the frames that led to a save, the innermost first, without those that only pass it on."""
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < _MOST_FRAMES:
        if frame.f_globals.get("__name__", "").partition(".")[0].partition("_")[0] not in _NO_PLACES:
            found.append(frame)
        frame = frame.f_back
    return found
