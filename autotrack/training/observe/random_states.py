"""The states of the global random generators of Python, numpy and torch (CPU) when a run starts.

They are read, and never set: except in a process of `autotrack reproduce`, where the run that stands for the repeated
one starts with the states that were recorded of that.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from autotrack import repeating
from autotrack.journal import files

_SHARED_NAME = "random_states.json.gz"

_SHARED_SECONDS = 1.0


class _Shared(NamedTuple):
    drawn: tuple[dict[str, Any], Path]
    written: float
    digest: str


_shared: _Shared | None = None
_runs_begun = 0
_written: tuple[dict[str, Any], Path] | None = None


def set_as_recorded() -> None:
    """Set the states of the run that is being repeated, if the run that now begins stands for it.

    What the states cannot be read of, or a generator does not take, stays as it is.
    """
    global _runs_begun  # noqa: PLW0603  the generators are those of the process too
    repetition = repeating.repetition()
    _runs_begun += 1
    if repetition is None or not repetition.states or repetition.position != _runs_begun - 1:
        return
    try:
        states = msgspec.json.decode(Path(repetition.states).read_bytes())
    except (OSError, msgspec.DecodeError):
        return
    for name, put in (("python", _set_python), ("numpy", _set_numpy), ("torch", _set_torch)):
        with suppress(KeyError, TypeError, ValueError, RuntimeError, AttributeError, OverflowError):
            put(states[name])


def _set_python(state: Any) -> None:
    sys.modules["random"].setstate((state["version"], tuple(state["state"]), state["gauss"]))


def _set_numpy(state: Any) -> None:
    numpy = sys.modules["numpy"]
    if "numpy.random" in sys.modules and "keys" in state:
        generator = {"key": numpy.array(state["keys"], dtype="uint32"), "pos": state["position"]}
        gauss = {"has_gauss": state["has_gauss"], "gauss": state["gauss"]}
        numpy.random.set_state({"bit_generator": state["name"], "state": generator, **gauss})


def _set_torch(state: Any) -> None:
    torch = sys.modules["torch"]
    torch.set_rng_state(torch.tensor(list(bytes.fromhex(state["state"])), dtype=torch.uint8))


def write(path: Path) -> None:
    """Write the states as JSON, or link to the file of the previous run if nothing was drawn since it started."""
    global _written  # noqa: PLW0603  the generators are those of the process too
    states = read()
    if _written is not None and _written[0] == states:
        try:
            os.link(_written[1], path)
        except OSError:  # that run was deleted or is on another disk, or this run is resumed
            pass
        else:
            return
    files.write_atomically(path, msgspec.json.encode(states))
    _written = states, path


def write_shared(run: Path) -> str | None:
    """Write the states beside the run in `run`, compressed; return the name by which the run opens the file.

    Runs that start without any number drawn in between share it. Where numbers are drawn, they are written once a
    second at most, or they would take more room than all the rest of a short run; None for runs that come too soon.
    To repeat such a run, repeat the script from an earlier one.
    """
    global _shared  # noqa: PLW0603  the generators are those of the process too
    import gzip  # only processes that begin many runs need these two

    from autotrack.journal import shared_files

    drawn, now = (read(), run.parent), monotonic()
    if _shared is None or _shared.drawn != drawn:
        if _shared is not None and now < _shared.written + _SHARED_SECONDS:
            return None
        compressed = gzip.compress(msgspec.json.encode(drawn[0]), compresslevel=1, mtime=0)
        _shared = _Shared(drawn, now, shared_files.publish(run, {_SHARED_NAME: compressed}))
    return shared_files.shared_name(_shared.digest, _SHARED_NAME)


def read() -> dict[str, Any]:
    """Return the states as plain data.

    Reading them changes none. For a generator on a CUDA device only the seed can be read without asking the device.
    """
    states: dict[str, Any] = {}
    random = sys.modules.get("random")
    if random is not None and hasattr(random, "getstate"):  # the script may have a module of this name
        version, numbers, gauss = random.getstate()
        states["python"] = {"version": version, "state": numbers, "gauss": gauss}
    if "numpy.random" in sys.modules:  # asking numpy for it would import it
        states["numpy"] = _numpy_state(sys.modules["numpy"])
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):  # it may not be imported completely, or be the script's
        states["torch"] = {"seed": torch.initial_seed(), "state": bytes(torch.get_rng_state().tolist()).hex()}
        if torch.cuda.is_initialized():
            states["torch_cuda"] = {"seeds": [generator.initial_seed() for generator in torch.cuda.default_generators]}
    return states


def _numpy_state(numpy: Any) -> dict[str, Any]:
    whole = numpy.random.get_state(legacy=False)
    if whole["bit_generator"] != "MT19937":  # the user has replaced the default one
        return {"name": whole["bit_generator"]}
    return {
        "name": whole["bit_generator"],
        "keys": whole["state"]["key"].tolist(),
        "position": whole["state"]["pos"],
        "has_gauss": whole["has_gauss"],
        "gauss": whole["gauss"],
    }
