"""Hooks around Keras: they add the callback to the list that Keras makes for a call, and end it with the call."""

import inspect
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePath
from time import perf_counter
from types import ModuleType
from typing import Any, Protocol

from autotrack.integrations import Hook, Outcome, Patch, is_autologging
from autotrack_keras import loading, signatures
from autotrack_keras.calls import Call, HookPoint, Running, bind, current_call
from autotrack_keras.evaluation import record_prediction


class RecordingCallback(Protocol):
    """What the hooks need of the callback."""

    def set_params(self, params: Any) -> None:
        """Take the `params` of Keras's list of callbacks."""

    def set_model(self, model: Any) -> None:
        """Take the model."""

    def begin_recording(self, call: Call | None, callback_list: Any = None) -> None:
        """Start to record a call."""


NewCallback = Callable[[], RecordingCallback]
"""Makes a callback with the settings of autolog."""

_explicit: list[Patch] = []


def make_patches(keras: Any, new_callback: NewCallback) -> list[Patch]:
    """Return new hooks for Keras."""
    return [Patch(owner, name, hook) for owner, name, hook in _hook_points(keras, new_callback)]


def watch(keras: ModuleType, new_callback: NewCallback) -> None:
    """Apply the hooks for callbacks that users pass themselves: Keras does not tell a callback that its fit failed.

    They do nothing while autolog is on, which has hooks of its own. Once applied, they stay.
    """
    if _explicit:
        return
    points = _hook_points(keras, new_callback)
    _explicit.extend(Patch(owner, name, _unless_autologging(hook)) for owner, name, hook in points)
    for patch in _explicit:
        patch.apply()


def _hook_points(keras: Any, new_callback: NewCallback) -> Iterator[HookPoint]:
    recorder = _CallRecorder(new_callback)
    for name, around in (
        ("fit", recorder.around_fit),
        ("evaluate", recorder.around_evaluate),
        ("predict", _around_predict),
    ):
        owner = _defining(keras.Model, name)
        yield owner, name, around(inspect.signature(getattr(owner, name)))
    yield keras.callbacks.CallbackList, "__init__", recorder.around_callback_list
    yield keras.Model, "save", _note_saved
    yield keras.Model, "save_weights", _note_saved
    yield from signatures.hook_points()
    yield from loading.hook_points()


def _defining(cls: type, name: str) -> type:
    """The class that has the method: the trainer of the backend, or `keras.Model` where somebody patched that."""
    return next(owner for owner in cls.__mro__ if name in vars(owner))


def _unless_autologging(hook: Hook) -> Hook:
    def alone(*args: Any, **kwargs: Any) -> Running:
        if not is_autologging("keras"):
            yield from hook(*args, **kwargs)

    return alone


class _CallRecorder:
    """The hooks that give a call its callback; `new_callback` makes one where the user passed none."""

    def __init__(self, new_callback: NewCallback) -> None:
        self._new_callback = new_callback

    def around_fit(self, signature: inspect.Signature) -> Hook:
        """Return the hook around `fit`."""

        def fit(model: Any, *args: Any, **kwargs: Any) -> Running:
            arguments = bind(signature, model, *args, **kwargs)
            if arguments is None:
                return
            call = Call("fit", model, arguments)
            outcome = yield from self._record(call)
            if not call.has_callbacks and outcome.error is not None:
                self._record_early_failure(call, outcome.error)

        return fit

    def around_evaluate(self, signature: inspect.Signature) -> Hook:
        """Return the hook around `evaluate`."""

        def evaluate(model: Any, *args: Any, **kwargs: Any) -> Running:
            arguments = bind(signature, model, *args, **kwargs)
            if arguments is None or arguments.get("kwargs", {}).get("_use_cached_eval_dataset"):
                return  # the validation in a fit, with that fit's callbacks
            yield from self._record(Call("evaluate", model, arguments))

        return evaluate

    def around_callback_list(self, callback_list: Any, *_args: Any, **_kwargs: Any) -> Running:
        """Hook around the making of a `CallbackList`: add ours to that list, which is Keras's and not the user's."""
        outcome = yield
        call = current_call()
        if (
            outcome.error is None
            and call is not None
            and not call.has_callbacks
            and callback_list._model is call.model
        ):
            self._add(call, callback_list)

    def _record(self, call: Call) -> Generator[None, Outcome, Outcome]:
        """Let a call run, with ours among its callbacks."""
        call.enter()
        restore = self._add_to_users_list(call)
        outcome = yield
        call.leave()
        restore()
        if call.callback is not None:
            call.callback.end(outcome.error)
        return outcome

    def _record_early_failure(self, call: Call, error: BaseException) -> None:
        """Record a fit that failed before Keras made its callback list; without autolog it may not be meant for us."""
        if is_autologging("keras") and isinstance(error, Exception) and getattr(call.model, "compiled", False):
            self._new_callback().begin_recording(call)
            if call.callback is not None:
                call.callback.end(error)

    def _add_to_users_list(self, call: Call) -> Callable[[], None]:
        """Add ours to the `CallbackList` that the user passed, if any, and return a function that restores it."""
        callback_list: Any = call.arguments.get("callbacks")
        before = getattr(callback_list, "callbacks", None)
        if not isinstance(before, list):
            return lambda: None
        self._add(call, callback_list)
        ours = call.callback

        def restore() -> None:
            after = callback_list.callbacks
            theirs = [id(callback) for callback in after if callback is not ours]
            is_changed = theirs != [id(callback) for callback in before if callback is not ours]
            callback_list.callbacks = (
                [callback for callback in after if callback is not ours] if is_changed else before
            )

        return restore

    def _add(self, call: Call, callback_list: Any) -> None:
        """Make ours the last callback in the list, so that it sees what the others write into the logs."""
        call.has_callbacks = True
        callbacks = callback_list.callbacks
        explicit = [callback for callback in callbacks if hasattr(callback, "begin_recording")]
        idle = next((callback for callback in explicit if not callback.is_busy), None)
        ours = idle or (self._new_callback() if is_autologging("keras") or explicit else None)
        if ours is None:
            return
        # A callback that is recording the fit around this call is taken out: this call is not its own.
        callback_list.callbacks = [*(callback for callback in callbacks if callback not in explicit), ours]
        ours.set_params(callback_list.params)
        ours.set_model(call.model)
        ours.begin_recording(call, callback_list)


def _around_predict(signature: inspect.Signature) -> Hook:
    def predict(model: Any, *args: Any, **kwargs: Any) -> Running:
        arguments = bind(signature, model, *args, **kwargs)
        if arguments is None or current_call() is not None or not is_autologging("keras"):
            return  # a prediction within a fit belongs to whoever makes it
        call = Call("predict", model, arguments, has_callbacks=True)
        call.enter()
        began = perf_counter()
        outcome = yield
        seconds = perf_counter() - began
        call.leave()
        if outcome.error is None:
            record_prediction(model, arguments.get("x"), outcome.result, seconds)

    return predict


def _note_saved(model: Any, filepath: Any, *_args: Any, **_kwargs: Any) -> Running:
    """Hook around `Model.save` and `save_weights`: whatever is saved during a fit is a checkpoint of its run."""
    call = current_call()
    while call is not None and not (call.method == "fit" and call.model is model):
        call = call.outer
    if call is None or call.callback is None or not isinstance(filepath, (str, PurePath)):
        return
    recording, path = call.callback, Path(filepath)
    recording.will_save(path)
    outcome = yield
    if outcome.error is None:
        recording.saved(path)
