"""Keeps the trained modules as a whole when their training is over, so that they can be loaded without the script.

A module may be gone long before the process ends, as one in a variable of `main()` is, and nothing may be kept alive
for us. So the dict of its attributes is held instead of the module: the module dies as it would without us, and with
what it leaves it is written at that moment. Then its weights go as well.
"""

import os
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

import autotrack
from autotrack.integrations import Outcome, RunFiles, attempt, guarded
from autotrack_torch.describe.params import unwrapped
from autotrack_torch.files.checkpoints import SavedFiles
from autotrack_torch.files.reach import holds_itself
from autotrack_torch.files.saved_objects import is_saving
from autotrack_torch.frames.reading import user_frames, variables
from autotrack_torch.spread import is_spread

_SHARDED = ("FullyShardedDataParallel", "fully_shard")
_MOST_MODULES = 8


class _Loop(Protocol):
    """What is asked of the loop that trains."""

    run: autotrack.Run
    step: int
    saved_files: SavedFiles | None

    @property
    def last_step(self) -> int | None: ...

    @property
    def epoch(self) -> int | None: ...


@dataclass(frozen=True)
class _Restored:
    """Weights that the script has put into a module: the step after which it did, and the file they are from."""

    step: int
    path: Path | None


@dataclass
class _Trained:
    """A module in training, by what lives longer than it."""

    label: str
    kind: type[nn.Module]
    reference: "weakref.ref[nn.Module]"
    attributes: dict[str, Any] | None
    calls: Any
    is_of_earlier_training: bool = False
    restored: "_Restored | None" = None

    def module(self) -> nn.Module | None:
        """Return the module, or one that has all that it had; None if nothing is left."""
        if (living := self.reference()) is not None or self.attributes is None:
            return living
        if "_c" in self.attributes and issubclass(self.kind, torch.jit.ScriptModule):
            wrap: Any = torch.jit._recursive.wrap_cpp_module
            scripted: nn.Module = wrap(self.attributes["_c"])
            return scripted
        again: nn.Module = object.__new__(self.kind)
        again.__dict__.update(self.attributes)
        return again


class TrainedModules:
    """The modules that one loop trains. Each is written when it dies, or when the run ends; one more often may be."""

    def __init__(self, loop: _Loop) -> None:
        self._loop, self._run = loop, loop.run
        self._files = RunFiles(loop.run)
        self._modules: dict[int, _Trained] = {}
        self._labels: list[str] = []
        self._written: set[str] = set()
        self.next_look = 0
        loop.run.before_end.append(self._run_ends)

    def begin_another(self) -> None:
        """Count modules anew: another training begins in the same run. Those of the one before may still be there."""
        self._labels = []
        for trained in self._modules.values():
            trained.is_of_earlier_training = True

    def add(self, model: nn.Module) -> None:
        """Watch a model, unless its weights are spread over several processes."""
        inner, wrappers = unwrapped(model)
        known = self._modules.get(id(inner))
        if (known is not None and known.reference() is inner) or len(self._modules) >= _MOST_MODULES:
            return
        if any(name in _SHARDED for name in wrappers) or any(map(is_spread, inner.parameters())):
            return
        self._labels.append(self._label(model, inner))
        attributes = None if holds_itself(inner) else vars(inner)
        reference = weakref.ref(inner, self._when_gone(id(inner)))
        self._modules[id(inner)] = _Trained(
            self._labels[-1],
            type(inner),
            reference,
            attributes,
            self._files.calls_of(inner),
        )
        self.next_look = self._loop.step + 1

    def follow_instead(self, original: nn.Module) -> None:
        """Watch the model that those watched so far are copies of, and none of them."""
        if any(trained.reference() is original for trained in self._modules.values()):
            return
        for trained in self._modules.values():
            trained.calls.stop()
        self._modules, self._labels = {}, []
        self.add(original)

    def after_step(self) -> None:
        """Learn from calls of the modules, now and then: `next_look` is the step to call this after."""
        for trained in self._modules.values():
            trained.calls.after_step(self._loop.step)
        self.next_look = min((trained.calls.next_look for trained in self._modules.values()), default=0)

    def note_restored(self, model: nn.Module, path: Path | None) -> None:
        """Note that the script has loaded a state into a model, from a file if there is a `path`."""
        trained = self._modules.get(id(unwrapped(model)[0]))
        if trained is not None and trained.reference() is not None:
            trained.restored = _Restored(self._loop.step, path)

    def _label(self, model: nn.Module, inner: nn.Module) -> str:
        """Return what the script calls a model, as one that tells it from the others."""
        label = _variable_of(model) or type(inner).__name__
        taken = {*self._labels, *(trained.label for trained in self._modules.values())}
        numbered = (f"{label}-{number}" for number in count(2))
        return label if label not in taken else next(one for one in numbered if one not in taken)

    def _when_gone(self, key: int) -> Callable[[object], None]:
        @guarded
        def gone(_reference: object) -> None:
            trained = self._modules.pop(key, None)
            if trained is not None:
                trained.calls.stop()
            if trained is not None and trained.attributes is not None and os.getpid() == self._run.pid:
                self._keep(trained, is_alone=len(self._labels) == 1 and not trained.is_of_earlier_training)

        return gone

    @guarded
    def _run_ends(self, error: BaseException | None) -> None:
        modules, self._modules = self._modules, {}
        for trained in modules.values():
            trained.calls.stop()
            if error is None and os.getpid() == self._run.pid:
                self._keep(trained, is_alone=len(modules) == 1 and len(self._labels) <= 1, at_end=True)

    def _keep(self, trained: _Trained, *, is_alone: bool, at_end: bool = False) -> None:
        with attempt("torch model", run=self._run):
            module = trained.module()
            if module is None:
                return
            size = sum(one.numel() * one.element_size() for one in (*module.parameters(), *module.buffers()))
            name = "" if is_alone else trained.label
            if name in self._written and not at_end and not self._files.budget.allows(size):
                return
            self._written.add(name)
            self._write(module, size, name=name, calls=trained.calls, **self._weights_of(trained))

    def _weights_of(self, trained: _Trained) -> dict[str, Any]:
        """Return which weights a module has: those of its last step, or others that were put into it since."""
        last = {"weights": "last", "step": self._loop.last_step, "epoch": self._loop.epoch}
        if (restored := trained.restored) is None or restored.step != self._loop.step:
            return last
        files = self._loop.saved_files
        best = files.best_at(restored.path) if files is not None and restored.path is not None else None
        return {"weights": "restored"} if best is None else {**best, "weights": "best"}

    def _write(self, module: nn.Module, size: int, **about: Any) -> None:
        token = is_saving.set(True)
        try:
            self._files.keep_pickled_model(
                _save_scripted(module) if isinstance(module, torch.jit.ScriptModule) else _save(module),
                size_bytes=size,
                flavors={
                    "python_function": {"loader_module": "mlflow.pytorch", "data": "data"},
                    "pytorch": {"model_data": "data", "pytorch_version": str(torch.__version__)},
                },
                modules=["torch"],
                **about,
            )
        finally:
            is_saving.reset(token)


def before_compiling(*_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `torch.compile`: what is learned from calls of modules must not get into what is compiled."""
    RunFiles.script_compiles()
    yield


def _save(module: nn.Module) -> Callable[[Path, Any], None]:
    return lambda path, pickling: torch.save(module, path, pickle_module=pickling)


def _save_scripted(module: nn.Module) -> Callable[[Path, Any], None]:
    def save(path: Path, _pickling: Any) -> None:
        save_scripted: Any = torch.jit.save
        save_scripted(module, path)

    return save


def _variable_of(model: nn.Module) -> str | None:
    """Return the name of a variable of the running code that has this model, or of an attribute of its objects."""
    for frame in user_frames():
        held = variables(frame)
        for name, value in held.items():
            if value is model and name.isidentifier():
                return name
        for value in held.values():
            if type(attributes := getattr(value, "__dict__", None)) is dict and not isinstance(value, type):
                for name, inner in list(attributes.items())[:100]:
                    if inner is model and name.isidentifier():
                        return str(name)
    return None
