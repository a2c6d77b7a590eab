"""The file `MLmodel` of a model folder, which is what readers of MLflow's format look for first."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from autotrack.journal.records import Model, RunStarted
from autotrack.journal.summary import Summary
from autotrack.model_format.signature import signature_of
from autotrack.model_format.yaml_text import dump

NAME = "MLmodel"

_GENERIC = "python_function"
"""The flavor that all readers know: one function that predicts."""


def mlmodel(
    model: Model,
    started: RunStarted | Summary,
    described: Mapping[str, Any],
    *,
    python: str,
    size_bytes: int,
    code: str | None = None,
) -> bytes:
    """Return the content of `MLmodel`.

    Args:
        model: What the integration has recorded of the model.
        started: The start of its run, or a summary of it.
        described: Its inputs and outputs, as the integration has written them.
        python: The version of Python that it was trained with.
        size_bytes: The size of its files.
        code: The folder beside it with source files that have to be on the path of imports, if there is one.
    """
    flavors = {name: dict(options) for name, options in model.flavors.items()}
    if code is not None:
        flavors = {name: {**options, "code": code} for name, options in flavors.items()}
    if _GENERIC in flavors:
        flavors[_GENERIC] |= {
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            "python_version": python,
        }
    content: dict[str, Any] = {
        "flavors": flavors,
        "metadata": {"autotrack": _origin(model, started)},
        "model_size_bytes": size_bytes,
        "model_uuid": uuid_of(model, started.id),
        "utc_time_created": moment(model.time),
    }
    if model.example:
        content["saved_input_example_info"] = dict(model.example)
    if (signature := signature_of(described)) is not None:
        content["signature"] = signature
    return dump(content).encode()


def uuid_of(model: Model, run: str) -> str:
    """Return the id of a model, which stays the same as long as it is not kept anew; `run` is the id of its run."""
    return uuid5(NAMESPACE_URL, f"{run}/{model.path}/{model.time}").hex


def moment(seconds: float) -> str:
    """Return a time in seconds since 1970 as the format has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ")
    except (ValueError, OverflowError, OSError):  # by a clock that was wrong by ages
        return moment(0)


def _origin(model: Model, started: RunStarted | Summary) -> dict[str, Any]:
    """Return which run the model is of, and which weights it has."""
    origin = {"run_id": started.id, "run": started.name, "experiment": started.experiment, "weights": model.weights}
    at = {name: value for name, value in (("step", model.step), ("epoch", model.epoch)) if value is not None}
    metrics = {name: value for name, value in model.metrics.items() if isinstance(value, (int, float, str))}
    return {**origin, **at, **({"metrics": metrics} if metrics else {})}
