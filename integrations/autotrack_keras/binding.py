"""Which run a training or an evaluation belongs to."""

import sys
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, ref

import keras
from keras import tree

import autotrack
from autotrack.integrations import RunOptions
from autotrack.integrations import rank as announced_rank
from autotrack_keras.data import fingerprint
from autotrack_keras.loading import run_loaded_from


@dataclass
class Known:
    """Data that was seen before: the object, if it lives, and what its content is known by."""

    held: "ref[Any] | None" = None
    mark: str | None = None


@dataclass
class Trained:
    """The run that a model was trained or only evaluated in, how far the training has come, and on what data."""

    run: autotrack.Run
    is_fit: bool = True
    step: int | None = None
    epoch: int | None = None
    data: dict[str, "Known"] = field(default_factory=dict)
    predictions: int = 0

    def name_data(self, name: str, data: Any) -> None:
        """Remember data under a name, without keeping it alive."""
        self.data[name] = Known(_reference(data))

    def name_of(self, x: Any, y: Any, *, new: str) -> tuple[str, bool]:
        """Return the name of this data, and whether it was known; what is new is called `test`, `test2`, ….

        Data is known again as the same object, or by its fingerprint. What has none, as a generator, has one name.
        """
        held = _reference(x)
        for name, known in self.data.items():
            if held is not None and known.held is not None and known.held() is held():
                return name, True
        mark = fingerprint(x, y)
        for name, known in self.data.items():
            if name.startswith(new) and known.mark == mark:
                known.held = held
                return name, True
        count = sum(name.startswith(new) for name in self.data)
        name = new if not count else f"{new}{count + 1}"
        self.data[name] = Known(held, mark)
        return name, False


_trained: WeakKeyDictionary[Any, Trained] = WeakKeyDictionary()


def remember(model: Any, trained: Trained) -> None:
    """Bind a model to its run, for as long as the model lives."""
    _trained[model] = trained


def trained_in(model: Any) -> Trained | None:
    """Return the run of the latest fit of this model, or of its evaluations if it has none.

    Evaluations alone have a run of their own for as long as the model lives. In the run of a person they belong to it.
    """
    found = _trained.get(model)
    if found is None or found.is_fit:
        return found
    here = autotrack.current_run()
    return found if here is found.run or (here is None and found.run.started_by != "user") else None


def origin_of(model: Any) -> str | None:
    """Return the id of the run that a model comes from: of its latest fit, or whose file it was loaded from."""
    found = _trained.get(model)
    return found.run.id if found is not None and found.is_fit else run_loaded_from(model)


def open_run(options: RunOptions, *, origin: str | None = None) -> tuple[autotrack.Run | None, bool]:
    """Return the run to record into, and whether it is to be ended with the training that is about to start.

    There is none for another rank than 0, and within a training that is being recorded already. `origin` is the id of
    the run that it goes on from.
    """
    if rank():
        return None, False
    outer = options.enclosing_run()
    if outer is not None:
        return (outer if outer.started_by == "user" else None), False
    return options.start_run(started_by="keras", frameworks=frameworks(), resumed_from=origin), True


def rank() -> int:
    """Return which of the processes of a distributed training this is."""
    announced = announced_rank()
    if announced:
        return announced
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    jax = sys.modules.get("jax")
    if jax is not None and keras.backend.backend() == "jax":
        return int(jax.process_index())
    return 0


def frameworks() -> dict[str, str]:
    """Return the versions of Keras and of its backend."""
    backend = keras.backend.backend()
    version = getattr(sys.modules.get(backend), "__version__", "")
    return {"keras": str(keras.__version__), backend: str(version)}


def _reference(data: Any) -> "ref[Any] | None":
    """A weak reference to the first array of a structure, or to the data set itself."""
    first = next((one for one in tree.flatten(data) if one is not None), None)
    try:
        return ref(first)
    except TypeError:  # as of a number
        return None
