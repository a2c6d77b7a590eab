"""Reads the learning rate, if possible without a computation on a device.

Asking an optimizer with a schedule for its learning rate runs operations of the backend: half a millisecond with
torch, a fifth of a second of compiling with JAX. Keras's own schedules are formulas of the step and a few numbers.
"""

import contextlib
import inspect
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import keras
from keras.callbacks import LambdaCallback
from keras.optimizers import schedules
from keras.src.utils.naming import to_snake_case

from autotrack_keras.params import shortest

_Formula = Callable[[Any, float], float]


def _exponential(schedule: Any, step: float) -> float:
    return float(schedule.initial_learning_rate * schedule.decay_rate ** _fraction(schedule, step))


def _inverse_time(schedule: Any, step: float) -> float:
    return float(schedule.initial_learning_rate / (1 + schedule.decay_rate * _fraction(schedule, step)))


def _fraction(schedule: Any, step: float) -> float:
    fraction = step / schedule.decay_steps
    return float(math.floor(fraction)) if schedule.staircase else float(fraction)


def _piecewise(schedule: Any, step: float) -> float:
    for boundary, value in zip(schedule.boundaries, schedule.values, strict=False):
        if step <= boundary:
            return float(value)
    return float(schedule.values[-1])


def _polynomial(schedule: Any, step: float) -> float:
    length = schedule.decay_steps
    if schedule.cycle:
        length *= math.ceil(step / length) if step else 1
    left = 1 - min(step, length) / length
    end = schedule.end_learning_rate
    return float((schedule.initial_learning_rate - end) * left**schedule.power + end)


def _cosine(schedule: Any, step: float) -> float:
    top, target = schedule.initial_learning_rate, schedule.warmup_target
    if target is not None:
        if step < schedule.warmup_steps:
            return float(top + (target - top) * step / schedule.warmup_steps)
        top, step = target, step - schedule.warmup_steps
    return _half_wave(top, schedule.alpha, min(step, schedule.decay_steps) / schedule.decay_steps)


def _cosine_restarts(schedule: Any, step: float) -> float:
    fraction, length = step / schedule.first_decay_steps, schedule._t_mul
    if length == 1.0:
        restarts = math.floor(fraction)
        fraction -= restarts
    else:
        restarts = math.floor(math.log(1.0 - fraction * (1.0 - length)) / math.log(length) + 1e-9)
        fraction = (fraction - (1.0 - length**restarts) / (1.0 - length)) / length**restarts
    return _half_wave(schedule.initial_learning_rate * schedule._m_mul**restarts, schedule.alpha, fraction)


def _half_wave(top: float, alpha: float, fraction: float) -> float:
    return float(top * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * fraction)) + alpha))


_FORMULAS: dict[type, _Formula] = {
    schedules.ExponentialDecay: _exponential,
    schedules.InverseTimeDecay: _inverse_time,
    schedules.PiecewiseConstantDecay: _piecewise,
    schedules.PolynomialDecay: _polynomial,
    schedules.CosineDecay: _cosine,
    schedules.CosineDecayRestarts: _cosine_restarts,
}


class LearningRate:
    """The learning rate of the optimizer of a model.

    Its name is `lr-` with the name that the user gave the schedule or the optimizer, or with the optimizer's class.
    """

    def __init__(self, optimizer: Any) -> None:
        inner = getattr(optimizer, "inner_optimizer", optimizer)  # an optimizer that scales the loss wraps another one
        self._optimizer = inner
        self._rate = getattr(inner, "_learning_rate", None)
        self._is_schedule = isinstance(self._rate, schedules.LearningRateSchedule)
        of_schedule = _name_given(self._rate) if self._is_schedule else None  # otherwise it is a variable
        self.name = f"lr-{of_schedule or _name_given(inner) or type(inner).__name__}"
        self._formula = _FORMULAS.get(type(self._rate))
        self._iterations = 0
        self._base = 0
        self._read: tuple[float, float] = 0.0, 0.0  # what was read last, and the shortest number that it is

    @property
    def is_scheduled(self) -> bool:
        """Whether a schedule gives the rate of every step."""
        return self._is_schedule

    def starts(self, base: int) -> None:
        """Begin at this step. How often the optimizer was used before is read from it once."""
        self._base = base
        if self._is_schedule:
            self._iterations = int(_plain(self._optimizer.iterations))

    def at_epoch(self, step: int) -> float | None:
        """Return the rate at this step, the first of an epoch, when no computation is under way."""
        if self._is_schedule:
            return self.at_step(step)
        rate = getattr(self._optimizer, "learning_rate", None)
        return None if rate is None else _plain(rate)

    def at_step(self, step: int) -> float | None:
        """Return the rate at this step where it follows from a schedule. The user's own ones are asked, on the CPU."""
        if not self._is_schedule:
            return None
        iteration = max(step - self._base, 0) + self._iterations
        if self._formula is not None:
            return self._formula(self._rate, iteration)
        schedule: Any = self._rate
        with keras.device("cpu"):
            return _plain(schedule(iteration))

    def now(self) -> Any:
        """Return the rate before a batch as torch holds it; with other backends the optimizer does not hold it."""
        value = getattr(self._rate, "_value", None)
        if value is None or not hasattr(value, "is_cuda"):
            return None
        if value.is_cuda:
            return value.detach().clone()  # without waiting for the device
        read = value.item()
        if read != self._read[0]:
            self._read = read, shortest(read)
        return self._read[1]


_BATCH_BEGINS = ("on_train_batch_begin", "on_batch_begin")
_BATCH_ENDS = ("on_train_batch_end", "on_batch_end")
_CALLED = {"learning_rate", "_learning_rate", "lr"}


def may_set_rates(model: Any, callbacks: Iterable[Any]) -> bool:
    """Whether a callback, or a training step of the user's, could set the learning rate between two batches."""
    return _have_hooks(callbacks, _BATCH_BEGINS + _BATCH_ENDS) or _has_own_step(model)


def is_set_in_step(model: Any, callbacks: Iterable[Any]) -> bool:
    """Whether a training step of the user's could set the learning rate of that step.

    Where callbacks could set that of the next one before our turn comes, it has to name the rate for that.
    """
    if not _has_own_step(model):
        return False
    code = getattr(type(model).train_step, "__code__", None)
    names_it = code is not None and not _CALLED.isdisjoint(code.co_names)
    return names_it or not _have_hooks(callbacks, _BATCH_ENDS)


def _has_own_step(model: Any) -> bool:
    return not type(model).train_step.__module__.startswith("keras.")


def _have_hooks(callbacks: Iterable[Any], names: Iterable[str]) -> bool:
    """Whether any of the callbacks has one of these methods; Keras's own callbacks set rates between epochs only."""
    return any(
        not getattr(getattr(callback, name, None), "_is_default", False)
        for callback in callbacks
        if isinstance(callback, LambdaCallback) or not type(callback).__module__.startswith("keras.src.callbacks.")
        for name in names
    )


def _name_given(named: Any) -> str | None:
    """Return the name that a user gave a schedule or an optimizer; otherwise Keras gives them one, such as `sgd_1`."""
    name, kind = getattr(named, "name", None), type(named)
    if not isinstance(name, str):
        return None
    with contextlib.suppress(TypeError, ValueError, KeyError):
        if name == inspect.signature(kind).parameters["name"].default:
            return None
    return None if re.fullmatch(rf"{to_snake_case(kind.__name__)}(_\d+)?", name) else name


def _plain(value: Any) -> float:
    from keras import ops

    return shortest(float(ops.convert_to_numpy(value)))
