"""The hooks round Keras: they put the callback into the list that Keras makes for a call, and end it with the call."""

import inspect
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePath
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

from autotrack.integrations import Hook, Outcome, Patch, is_autologging
from autotrack_keras.calls import Call, Place, Running, bind, current_call

if TYPE_CHECKING:
    from autotrack_keras.callback import AutotrackCallback

_explicit: list[Patch] = []


def make_patches(keras: Any) -> list[Patch]:
    """Return new hooks for Keras."""
    return [Patch(owner, name, hook) for owner, name, hook in _hooks(keras)]


def watch(keras: ModuleType) -> None:
    """Place the hooks for callbacks that users pass themselves: a callback is not told when its fit fails.

    They do nothing while autolog is on, which has hooks of its own.
    """
    if _explicit:
        return  # they stay
    _explicit.extend(Patch(owner, name, _unless_autologging(hook)) for owner, name, hook in _hooks(keras))
    for patch in _explicit:
        patch.apply()


def _hooks(keras: Any) -> Iterator[Place]:
    from autotrack_keras import loading, seen

    for name, around in (("fit", _around_fit), ("evaluate", _around_evaluate), ("predict", _around_predict)):
        owner = _defining(keras.Model, name)
        yield owner, name, around(inspect.signature(getattr(owner, name)))
    yield keras.callbacks.CallbackList, "__init__", _add_callback
    yield keras.Model, "save", _note_saved
    yield keras.Model, "save_weights", _note_saved
    yield from seen.places()
    yield from loading.places()


def _defining(cls: type, name: str) -> type:
    """The class that has the method: the trainer of the backend, or `keras.Model` where somebody patched that."""
    return next(owner for owner in cls.__mro__ if name in vars(owner))


def _unless_autologging(hook: Hook) -> Hook:
    def alone(*args: Any, **kwargs: Any) -> Running:
        if not is_autologging("keras"):
            yield from hook(*args, **kwargs)

    return alone


def _around_fit(signature: inspect.Signature) -> Hook:
    def fit(model: Any, *args: Any, **kwargs: Any) -> Running:
        arguments = bind(signature, model, *args, **kwargs)
        if arguments is None:
            return
        call = Call("fit", model, arguments)
        outcome = yield from _recorded(call)
        if not call.has_callbacks and outcome.error is not None:
            _start(call, outcome.error)
            _end(call, outcome)

    return fit


def _recorded(call: Call) -> Generator[None, Outcome, Outcome]:
    """Let a call run, with ours among its callbacks."""
    call.enter()
    put_back = _add_to_list(call)
    outcome = yield
    call.leave()
    put_back()
    _end(call, outcome)
    return outcome


def _end(call: Call, outcome: Outcome) -> None:
    if call.callback is not None:
        call.callback.end(outcome.error)


def _start(call: Call, error: BaseException) -> None:
    """Record a fit that failed before Keras asked for callbacks, unless it is not known to be meant for us."""
    if is_autologging("keras") and isinstance(error, Exception) and getattr(call.model, "compiled", False):
        _new_callback().begin_recording(call)


def _around_evaluate(signature: inspect.Signature) -> Hook:
    def evaluate(model: Any, *args: Any, **kwargs: Any) -> Running:
        arguments = bind(signature, model, *args, **kwargs)
        if arguments is None or arguments.get("kwargs", {}).get("_use_cached_eval_dataset"):
            return  # the validation in a fit, with that fit's callbacks
        yield from _recorded(Call("evaluate", model, arguments))

    return evaluate


def _around_predict(signature: inspect.Signature) -> Hook:
    def predict(model: Any, *args: Any, **kwargs: Any) -> Running:
        arguments = bind(signature, model, *args, **kwargs)
        if arguments is None or current_call() is not None or not is_autologging("keras"):
            return  # a prediction within a fit belongs to whoever makes it
        from autotrack_keras.evaluation import note_prediction

        call = Call("predict", model, arguments, has_callbacks=True)
        call.enter()
        began = perf_counter()
        outcome = yield
        seconds = perf_counter() - began
        call.leave()
        if outcome.error is None:
            note_prediction(model, arguments.get("x"), outcome.result, seconds)

    return predict


def _add_callback(callback_list: Any, *_args: Any, **_kwargs: Any) -> Running:
    """Hook round the making of the list of callbacks: add ours to Keras's list, which is not the user's."""
    outcome = yield
    call = current_call()
    if outcome.error is None and call is not None and not call.has_callbacks and callback_list._model is call.model:
        _add(call, callback_list)


def _add_to_list(call: Call) -> Callable[[], None]:
    """Add ours to a `CallbackList` that the user made, and return what makes it as it was."""
    callback_list: Any = call.arguments.get("callbacks")
    before = getattr(callback_list, "callbacks", None)
    if not isinstance(before, list):
        return lambda: None
    _add(call, callback_list)
    ours = call.callback

    def put_back() -> None:
        now = callback_list.callbacks
        changed = [id(one) for one in now if one is not ours] != [id(one) for one in before if one is not ours]
        callback_list.callbacks = [one for one in now if one is not ours] if changed else before

    return put_back


def _add(call: Call, callback_list: Any) -> None:
    """Make ours the last one in Keras's list, so that it sees what the others write into the logs."""
    call.has_callbacks = True
    found = callback_list.callbacks
    explicit = [one for one in found if hasattr(one, "begin_recording")]
    idle = next((one for one in explicit if not one.is_busy), None)
    ours = idle or (_new_callback() if is_autologging("keras") or explicit else None)
    if ours is not None:  # one that is recording the fit around this one has no business here
        callback_list.callbacks = [*(one for one in found if one not in explicit), ours]
        _introduce(ours, callback_list, call)


def _introduce(ours: "AutotrackCallback", callback_list: Any, call: Call) -> None:
    ours.set_params(callback_list.params)
    ours.set_model(call.model)
    ours.begin_recording(call, callback_list)


def _new_callback() -> "AutotrackCallback":
    from autotrack_keras.callback import AutotrackCallback

    return AutotrackCallback.for_autolog()


def _note_saved(model: Any, filepath: Any, *_args: Any, **_kwargs: Any) -> Running:
    """Hook round `Model.save` and `save_weights`: whatever is saved during a fit is a checkpoint of its run."""
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
