"""Which run a training or an evaluation belongs to."""

import sys
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, ref

import keras
from keras import tree

import autotrack
from autotrack.integrations import RunOptions, is_worker
from autotrack.integrations import rank as announced_rank
from autotrack_keras.data import fingerprint
from autotrack_keras.loading import run_loaded_from


@dataclass
class DataIdentity:
    """What data is recognized by: the object, while it lives, or the fingerprint of its content."""

    reference: "ref[Any] | None" = None
    fingerprint: str | None = None


@dataclass
class Trained:
    """The run that a model was trained or only evaluated in, how far the training has come, and on what data."""

    run: autotrack.Run
    is_fit: bool = True
    step: int | None = None
    epoch: int | None = None
    data: dict[str, DataIdentity] = field(default_factory=dict)
    predictions: int = 0

    def name_data(self, name: str, data: Any) -> None:
        """Remember data under a name, without keeping it alive."""
        self.data[name] = DataIdentity(_reference(data))

    def name_of(self, x: Any, y: Any, *, new: str) -> tuple[str, bool]:
        """Return the name of this data, and whether it has been named before; new data is called `test`, `test2`, ….

        Data is recognized as the same object, or by its fingerprint. All data without one, as generators, shares a
        name.
        """
        reference = _reference(x)
        for name, identity in self.data.items():
            if reference is not None and identity.reference is not None and identity.reference() is reference():
                return name, True
        mark = fingerprint(x, y)
        for name, identity in self.data.items():
            if name.startswith(new) and identity.fingerprint == mark:
                identity.reference = reference
                return name, True
        count = sum(name.startswith(new) for name in self.data)
        name = new if not count else f"{new}{count + 1}"
        self.data[name] = DataIdentity(reference, mark)
        return name, False


_trained: WeakKeyDictionary[Any, Trained] = WeakKeyDictionary()


def remember(model: Any, trained: Trained) -> None:
    """Bind a model to its run, for as long as the model lives."""
    _trained[model] = trained


def trained_in(model: Any) -> Trained | None:
    """Return the run of the latest fit of this model, or of its evaluations if it has none.

    Evaluations alone have a run of their own for as long as the model lives. Within a run that the user started they
    belong to that run.
    """
    trained = _trained.get(model)
    if trained is None or trained.is_fit:
        return trained
    current = autotrack.current_run()
    is_here = current is trained.run or (current is None and trained.run.started_by != "user")
    return trained if is_here else None


def origin_of(model: Any) -> str | None:
    """Return the id of the run that a model comes from: of its latest fit, or whose file it was loaded from."""
    trained = _trained.get(model)
    return trained.run.id if trained is not None and trained.is_fit else run_loaded_from(model)


def open_run(options: RunOptions, *, origin: str | None = None) -> tuple[autotrack.Run | None, bool]:
    """Return the run to record into, and whether it ends with the training that is about to start.

    It is None for ranks other than 0, and within a training that is being recorded already. `origin` is the id of the
    run that this one continues.
    """
    if rank() or is_worker():
        return None, False
    outer = options.enclosing_run(resumed_from=origin)
    if outer is not None:
        return (outer if outer.started_by == "user" else None), False
    return options.start_run(started_by="keras", frameworks=frameworks(), resumed_from=origin), True


def rank() -> int:
    """Return the rank of this process in a distributed training; 0 without one."""
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
    """Return a weak reference to the first array of a structure, or to the data set itself."""
    first = next((part for part in tree.flatten(data) if part is not None), None)
    try:
        return ref(first)
    except TypeError:  # such as a number
        return None
