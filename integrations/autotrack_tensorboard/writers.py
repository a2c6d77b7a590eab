"""Hooks around the two classes called `SummaryWriter`, and around the `FileWriter` that their summaries go to.

Scalars are taken as they were given, as a summary has only 32 bits of them; everything else as the writer encoded it.
What is written with a time of the user's own has the time of the call in the journal.
"""

from collections.abc import Generator, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import autotrack
from autotrack.integrations import Hook, Outcome, Patch, attempt, flatten, is_on_cuda, log_numbers
from autotrack_tensorboard import binding, scope, summaries
from autotrack_tensorboard.sessions import Sessions

_Running = Generator[None, Outcome, None]

_KINDS = {
    "add_text": "text",
    "add_figure": "figure",
    "add_image": "image",
    "add_images": "image",
    "add_image_with_boxes": "image",
    "add_histogram": "histogram",
    "add_histogram_raw": "histogram",
    "add_pr_curve": "curve",
    "add_pr_curve_raw": "curve",
}
_LEFT_OUT = {
    "add_audio": "audio clips",
    "add_video": "videos",
    "add_mesh": "meshes",
    "add_embedding": "embeddings",
    "add_tensor": "tensors",
}

_sessions: WeakKeyDictionary[autotrack.Run, Sessions] = WeakKeyDictionary()
_unnumbered: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()


def patches(module: Any) -> Iterable[Patch]:
    """Return the hooks for `torch.utils.tensorboard.writer` or `tensorboardX.writer`."""
    own: dict[str, Hook] = {
        "add_scalar": _add_scalar,
        "add_scalars": _add_scalars,
        "add_hparams": _add_hparams,
        "close": _close,
        **{name: _reading(kind) for name, kind in _KINDS.items()},
        **{name: _leaving_out(what) for name, what in _LEFT_OUT.items()},
    }
    for name, hook in own.items():
        if hasattr(module.SummaryWriter, name):  # versions have more or fewer of them
            concerns = _is_anything_left_to_do if name == "add_scalar" else None
            yield Patch(module.SummaryWriter, name, hook, concerns=concerns)
    yield Patch(module.FileWriter, "add_summary", _add_summary, concerns=_is_call_to_be_read)
    if hasattr(module, "DummyFileWriter"):  # of tensorboardX, for a writer that writes nothing to the disk
        yield Patch(module.DummyFileWriter, "add_summary", _add_summary, concerns=_is_call_to_be_read)


def _is_anything_left_to_do(args: tuple[Any, ...], _kwargs: object) -> bool:
    elsewhere = scope.elsewhere.get()
    return elsewhere is None or elsewhere.covers is not None or not args or id(args[0]) not in elsewhere.bound


def _is_call_to_be_read(_args: object, _kwargs: object) -> bool:
    return scope.call.get() is not None


# Arguments have defaults because a call may lack some: the writer itself raises for that.


def _add_scalar(
    writer: Any, tag: str = "", scalar_value: Any = None, global_step: Any = None, *_: Any, **__: Any
) -> _Running:
    outcome = yield
    if outcome.error is not None:
        return
    if (elsewhere := scope.elsewhere.get()) is not None and elsewhere.records(tag):
        if binding.bind(writer):
            elsewhere.bound.add(id(writer))
        return
    if (call := scope.call.get()) is not None:  # add_hparams has made a writer to write its metrics
        writer = call.writer
    if (run := binding.run_of(writer)) is not None:
        log_numbers(run, {tag: scalar_value}, step_of(writer, tag, global_step))


def _add_scalars(
    writer: Any, main_tag: str = "", tag_scalar_dict: Any = None, global_step: Any = None, *_: Any, **__: Any
) -> _Running:
    outcome = yield
    elsewhere = scope.elsewhere.get()
    if outcome.error is not None or (elsewhere is not None and elsewhere.records(main_tag)):
        return
    if (run := binding.run_of(writer)) is not None:
        values = {f"{main_tag}/{tag}": value for tag, value in tag_scalar_dict.items()}
        log_numbers(run, values, step_of(writer, main_tag, global_step))


def _add_hparams(writer: Any, hparam_dict: Any = None, metric_dict: Any = None, *_: Any, **__: Any) -> _Running:
    token = scope.call.set(scope.Call(writer, "hparams"))
    outcome = yield
    scope.call.reset(token)
    if outcome.error is None and (run := binding.run_of(writer)) is not None:
        with attempt("tensorboard", run=run):
            _sessions.setdefault(run, Sessions()).add(run, flatten(hparam_dict), metric_dict)


def _reading(kind: str) -> Hook:
    def add(writer: Any, tag: str = "", *_: Any, **__: Any) -> _Running:
        if scope.call.get() is not None:  # a figure is an image by now, and is to be recorded as a figure
            return
        token = scope.call.set(scope.Call(writer, kind, tag))
        yield
        scope.call.reset(token)

    return add


def _add_summary(_file_writer: Any, summary: Any = None, global_step: Any = None, *_: Any, **__: Any) -> _Running:
    call = scope.call.get()
    if call is None or call.kind not in summaries.RECORDERS:
        return
    outcome = yield
    if outcome.error is None and (run := binding.run_of(call.writer)) is not None:
        with attempt("tensorboard", run=run):
            summaries.record(run, call.kind, call.tag, summary, step_of(call.writer, call.tag, global_step))


def _leaving_out(what: str) -> Hook:
    def add(writer: Any, *_: Any, **__: Any) -> _Running:
        outcome = yield
        if outcome.error is None and (run := binding.run_of(writer)) is not None:
            run.notice(
                "tensorboard",
                f"{what} are not recorded; they are only in {binding.log_dir_of(writer)}",
            )

    return add


def _close(writer: Any) -> _Running:
    yield
    binding.close(writer)


def step_of(writer: Any, tag: str, given: Any) -> int:
    """Return the step as the writer writes it; where none is given, what is written under a tag is counted from 0.

    Nobody waits for a step that is on a CUDA device; it counts as one that is not given.
    """
    if given.__class__ is int:
        return given
    if given is None:  # tensorboardX has a block that gives a step to all that is written in it
        given = getattr(writer.file_writer, "_default_metadata", {}).get("global_step")
    if given is None or is_on_cuda(given):
        steps = _unnumbered.setdefault(writer, {})
        steps[tag] = steps.get(tag, -1) + 1
        return steps[tag]
    return int(given)
