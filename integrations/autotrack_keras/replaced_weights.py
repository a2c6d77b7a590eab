"""Puts kept weights into the file of a kept model, without loading either with Keras."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

from autotrack.integrations import KeptModel

_WEIGHTS = "model.weights.h5"
_OPTIMIZER = "optimizer"


def replace_weights(kept: KeptModel, model: Path, target: Path) -> None:
    """Write the model in the file `model` to `target`, with the weights in `kept.path`, which may be a whole model.

    Raises `ModelLoadError` where they do not fit.
    """
    if kept.path.suffix == ".keras":
        shutil.copyfile(kept.path, target)
        return
    if not kept.path.name.endswith(".weights.h5") or model.suffix != ".keras":
        kept.fail("cannot be put into the model that the run has kept: it is of a kind that Keras no longer writes")
    weights = target.with_name(f"{target.name}.h5")
    try:
        with zipfile.ZipFile(model) as before:
            with before.open(_WEIGHTS) as source, weights.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            _put(kept.path, weights)
            with zipfile.ZipFile(target, "w") as after:
                for entry in before.infolist():
                    if entry.filename == _WEIGHTS:
                        after.write(weights, _WEIGHTS)
                    else:
                        after.writestr(entry, before.read(entry))
    except (ValueError, KeyError, OSError, NotImplementedError, zipfile.BadZipFile) as error:
        kept.fail(f"cannot be put into the model that the run has kept: {error}")
    finally:
        weights.unlink(missing_ok=True)


def _put(source: Path, target: Path) -> None:
    """Put every array of a file of weights into another one. The state of an optimizer there stays as it is."""
    import h5py  # type: ignore[import-untyped]  # Keras needs it as well; no types are published with it

    with h5py.File(source, "r") as given, h5py.File(target, "r+") as wanted:
        new, old = _arrays(h5py, given), _arrays(h5py, wanted)
        if new.keys() != old.keys() or any(new[name].shape != old[name].shape for name in new):
            raise ValueError("it has other weights")
        for name, array in new.items():
            old[name][...] = array[()]


def _arrays(h5py: Any, file: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def visit(name: str, one: Any) -> None:
        if isinstance(one, h5py.Dataset) and name.partition("/")[0] != _OPTIMIZER:
            found[name] = one

    file.visititems(visit)
    return found
