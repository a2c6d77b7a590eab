"""What is recorded once of a loop: its optimizers, schedulers, models, loss functions, switches and data."""

import sys
import weakref
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import torch
from torch.nn.modules.loss import _Loss
from torch.optim.lr_scheduler import LRScheduler

import autotrack
from autotrack.integrations import Outcome, as_plain, attempt
from autotrack_torch import members
from autotrack_torch.describe import params
from autotrack_torch.describe.models import visible
from autotrack_torch.frames.reading import variables
from autotrack_torch.watch import watch

_MOST_OPTIMIZERS = 20

_order: list[weakref.ref[Any]] = []
_given: "weakref.WeakKeyDictionary[Any, dict[str, Any]]" = weakref.WeakKeyDictionary()


def note_scheduler(scheduler: Any, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `LRScheduler.__init__`: note that there is a scheduler, and its arguments."""
    with attempt("torch scheduler", of_user=True):
        _given[scheduler] = _arguments_around(scheduler)
    outcome = yield
    if outcome.error is None:
        _order[:] = [one for one in _order if one() is not None]
        _order.append(weakref.ref(scheduler))


def given_to(scheduler: Any) -> dict[str, Any]:
    """Return the arguments that a scheduler was made with, as far as its class has called `LRScheduler.__init__`."""
    return _given.get(scheduler, {})


def _arguments_around(scheduler: Any) -> dict[str, Any]:
    """Return the arguments of the constructors that are running for a scheduler, the outermost of which counts.

    Not all are kept by the schedulers: of `max_lr` of OneCycleLR, nothing is left but rates.
    """
    found: dict[str, Any] = {}
    frame: FrameType | None = sys._getframe(1)
    is_inside = False
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__init__":
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            values = variables(frame, set(names))
            if names and values.pop(names[0], None) is scheduler:
                is_inside = True
                found |= {name: as_plain(value) for name, value in values.items() if value is not None}
            elif is_inside:
                break
        elif is_inside:
            break
        frame = frame.f_back
    return found


def _without_rates(optimizer: Any) -> list[dict[str, Any]]:
    return [
        {name: as_plain(value) for name, value in group.items() if name != "lr"}
        for group in members.arguments_of(optimizer)
    ]


class Description:
    """Records what a loop works with, each thing once."""

    def __init__(self, run: autotrack.Run) -> None:
        self._run = run
        self._optimizers: list[weakref.ref[Any]] = []
        self._described: list[weakref.ref[Any]] = []  # schedulers, models and loss modules
        self._trained: list[weakref.ref[Any]] = []
        self._loaders: list[tuple[Callable[[], Any], tuple[str, dict[str, Any]]]] = []
        self._counts: dict[str, int] = {}
        self.known_settings: set[str] = set()
        """The names of settings, such as that of clipping, that are recorded already."""

        self._arguments: list[Any] = []  # of the optimizers that were recorded, without the rates
        with attempt("torch params: seed", run=run):
            run.log_params(params.switches(), "seed")
        with attempt("torch params: processes", run=run):
            run.log_params(params.processes(), "distributed")

    def add(self, optimizer: Any, models: list[torch.nn.Module]) -> None:
        """Record an optimizer and the models that it trains."""
        self._optimizers.append(weakref.ref(optimizer))
        self._arguments.append(_without_rates(optimizer))
        label = self._label("optimizer")
        with attempt(f"torch params: {label}", run=self._run):
            self._run.log_params(params.optimizer_params(label, optimizer), label)
        for model in models:
            if self._is_new(model):
                self._add_model(model)
        self.add_schedulers(visible(LRScheduler))
        with attempt("torch params: loss function", run=self._run):
            modules = [module for module in visible(_Loss) if self._is_new(module)]
            found = params.loss_params(modules, watch.functions.values() if not self._counts.get("loss") else ())
            self._counts["loss"] = self._counts.get("loss", 0) + len(found)
            self._run.log_params(found, "loss_function")

    def succeed(self, optimizer: Any) -> None:
        """Note an optimizer that goes on where another one stopped; it is recorded if more than its rate differs."""
        if _without_rates(optimizer) in self._arguments or len(self._arguments) >= _MOST_OPTIMIZERS:
            self._optimizers = [*(one for one in self._optimizers if one() is not None), weakref.ref(optimizer)]
        else:
            self.add(optimizer, [])

    def add_schedulers(self, more: list[Any] | None = None) -> None:
        """Record the schedulers of the optimizers that were made since the last time, and those at hand."""
        known = {id(scheduler): scheduler for one in _order if (scheduler := one()) is not None}
        known |= {id(scheduler): scheduler for scheduler in more or ()}
        within = {id(inner) for one in known.values() for inner in getattr(one, "_schedulers", ())}
        optimizers = [one() for one in self._optimizers]
        for key, scheduler in known.items():
            optimizer = getattr(scheduler, "optimizer", None)
            if key in within or not any(one is optimizer for one in optimizers if one is not None):
                continue
            if self._is_new(scheduler):
                label = self._label("scheduler")
                with attempt(f"torch params: {label}", run=self._run):
                    self._run.log_params(params.scheduler_params(label, scheduler, given_to), label)

    def _add_model(self, model: torch.nn.Module) -> None:
        label = self._label("model")
        with attempt(f"torch params: {label}", run=self._run):
            self._run.log_params(params.model_params(label, model), label)
            self._run.log_text(f"{label}_summary", params.model_summary(model))

    def add_loader(self, role: str, loader: Any, name: str | None = None) -> None:
        """Record a data loader and its data set, which serve as `role`: `train`, `validate` or `test`."""
        is_new = self._is_new(loader)
        if role == "train" and not any(one() is loader for one in self._trained):
            self._trained.append(weakref.ref(loader))  # it may have been evaluated before
        elif not is_new:
            return
        if self._is_made_anew(role, loader):
            return
        number = self._label(f"data.{role}")
        with attempt(f"torch params: {number}", run=self._run):
            self._run.log_params(params.loader_params(loader), number)
        with attempt(f"torch data: {role}", run=self._run):
            self._run.log_dataset(role, loader, name)

    def _is_made_anew(self, role: str, loader: Any) -> bool:
        """Return whether this loader is like an earlier one, of the same data: some scripts make one in each epoch."""
        data = getattr(loader, "dataset", None)
        try:
            reference: Callable[[], Any] = weakref.ref(data)
        except TypeError:  # a list
            return False
        facts = (role, params.loader_params(loader))
        if any(one() is data and about == facts for one, about in self._loaders):
            return True
        self._loaders.append((reference, facts))
        return False

    def add_settings(self, source: str, values: dict[str, Any]) -> None:
        """Record settings of a part, such as clipping, once each."""
        fresh = {name: value for name, value in values.items() if name not in self.known_settings}
        if fresh:
            self.known_settings.update(fresh)
            self._run.log_params(fresh, source)

    def has(self, thing: Any) -> bool:
        """Whether this has been recorded already."""
        return any(one() is thing for one in self._described)

    def _label(self, kind: str) -> str:
        number = self._counts.get(kind, 0)
        self._counts[kind] = number + 1
        return f"{kind}{number}" if number else kind

    def _is_new(self, thing: Any) -> bool:
        if self.has(thing):
            return False
        self._described = [one for one in self._described if one() is not None]
        self._described.append(weakref.ref(thing))
        return True
