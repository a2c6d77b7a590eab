"""The callbacks that autolog uses: Lightning calls them as it calls its own, but no list of callbacks has them."""

from collections.abc import Generator
from typing import Any
from weakref import WeakKeyDictionary

from autotrack.integrations import Outcome

Running = Generator[None, Outcome, None]

_attached: dict[int, Any] = {}
"""The callback of each trainer that is at work, by the trainer's identity."""

_latest: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def attach(callback: Any, trainer: Any) -> None:
    """Let the callback hear what happens in this trainer, until `detach`."""
    _attached[id(trainer)] = _latest[trainer] = callback


def detach(trainer: Any) -> Any:
    """Let the trainer's callback hear no more; return it, or None."""
    return _attached.pop(id(trainer), None)


def attached_to(trainer: Any) -> Any:
    """Return the callback that hears what happens in this trainer, or None."""
    return _attached.get(id(trainer))


def latest_of(trainer: Any) -> Any:
    """Return the callback that was attached to this trainer last, or None."""
    return _latest.get(trainer)


def is_heard(callback: Any, trainer: Any) -> bool:
    """Whether this callback hears what happens in the trainer: as one that is attached, or as one of the user's."""
    if _attached.get(id(trainer)) is callback:
        return True
    for one in trainer.callbacks:  # noqa: SIM110  asked with every batch, and `any` would be a call for each callback
        if one is callback:
            return True
    return False


# Hooks around the functions with which Lightning calls its callbacks. Ours comes first, so that those of the user find
# a current run.


def has_hook(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether our callback wants to hear of this, and it is not the turn of callbacks that monitor something."""
    if len(args) < 2:
        return False
    callback = _attached.get(id(args[0]))
    return callback is not None and args[1] in callback.hooks and not kwargs.get("monitoring_callbacks")


def call_hook(trainer: Any, hook_name: str, *args: Any, **kwargs: Any) -> Running:
    """Call the method of our callback. Lightning calls this several times a step, so `has_hook` is asked before."""
    kwargs.pop("monitoring_callbacks", None)
    getattr(_attached[id(trainer)], hook_name)(trainer, trainer.lightning_module, *args, **kwargs)
    return
    yield  # it is a generator all the same


def load_checkpoint(trainer: Any, checkpoint: dict[str, Any]) -> Running:
    """Show our callback a checkpoint that is being loaded."""
    if (callback := _attached.get(id(trainer))) is not None:
        callback.on_load_checkpoint(trainer, trainer.lightning_module, checkpoint)
    return
    yield


def save_checkpoint(trainer: Any, checkpoint: dict[str, Any]) -> Running:
    """Let our callback add to a checkpoint that is being saved, also after the training."""
    if (callback := _latest.get(trainer)) is not None:
        callback.on_save_checkpoint(trainer, trainer.lightning_module, checkpoint)
    return
    yield


def look_away(_finder: Any, trainer: Any, *_args: Any, **_kwargs: Any) -> Running:
    """Hook around what finds a learning rate or batch size: its trials are no part of the training."""
    callback = detach(trainer)
    yield
    if callback is not None:
        attach(callback, trainer)
