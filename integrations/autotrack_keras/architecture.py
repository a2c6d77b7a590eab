"""Describes a model: its layers as text, its architecture as JSON, the shapes and dtypes of its inputs and outputs."""

import json
from collections.abc import Mapping
from typing import Any

import keras

import autotrack
from autotrack.integrations import RunFiles, attempt
from autotrack_keras.params import count_parameters
from autotrack_keras.signatures import describe_tensors, learn_outputs, signature_of

MODEL = "model"
"""The folder in the run folder that holds the model."""

SIGNATURE = "signature.json"


def describe_architecture(run: autotrack.Run, model: Any, data: Any) -> bool:
    """Record a model's layers, architecture and signature without running it.

    Args:
        run: The run to record into.
        model: The model.
        data: What it is trained on.

    Returns:
        Whether its outputs are known.
    """
    with attempt("keras model summary"):
        run.log_text("model_summary", summary(model))
    with attempt("keras architecture"):
        (run.folder / MODEL).mkdir(exist_ok=True)
        text = architecture(model)
        if text is not None:
            _write(run, "architecture.json", text, "architecture")
    with attempt("keras signature"):
        described = signature(model, data)
        _write(run, SIGNATURE, json.dumps(described, indent=1), "signature")
        return described["outputs"] is not None
    return False


def summary(model: Any) -> str:
    """Return a table of a model's layers with output shapes and numbers of parameters.

    Keras's own table takes ten times as long.
    """
    total, trainable = count_parameters(model)
    rows = [
        ("name", "type", "output", "parameters"),
        *(
            (layer.name, type(layer).__name__, _output_shape(layer), f"{count_parameters(layer)[0]:,}")
            for layer in getattr(model, "layers", [])
        ),
        ("total", "", "", f"{total:,}"),
        ("trainable", "", "", f"{trainable:,}"),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}  {parameters:>{widths[3]}}"
        for name, kind, shape, parameters in rows
    )


def _output_shape(layer: Any) -> str:
    try:
        return str(keras.tree.map_structure(lambda tensor: tensor.shape, layer.output))
    except (AttributeError, ValueError):  # it has none, or one for each use
        return ""


def architecture(model: Any) -> str | None:
    """Return the architecture as Keras's own JSON, or None for a class of the user's that cannot be serialized."""
    try:
        return str(model.to_json())
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None


def signature(model: Any, data: Any = None) -> dict[str, Any]:
    """Return names, shapes and dtypes of a model's inputs and outputs, in the structure that the model has for them.

    A subclassed model is described by what Keras has run it on so far. If that is nothing, its inputs are those in
    the `data` that it is trained on, and its outputs are None.
    """
    functional = _functional(model)
    if functional is None:
        learned = signature_of(model)
        return {"inputs": learned.inputs or describe_tensors(_inputs_in(data)), "outputs": learned.outputs}
    inputs, outputs = functional._inputs_struct, functional._outputs_struct
    names = {
        id(tensor): name
        for tensor, name in zip(functional.outputs, getattr(functional, "output_names", []), strict=False)
    }
    if isinstance(inputs, (list, tuple)) and len(inputs) == 1 and functional is not model:
        inputs = inputs[0]
    return {"inputs": _spec(inputs, {}), "outputs": _spec(outputs, names)}


def learn_from_prediction(run: autotrack.Run | None, model: Any, outputs: Any) -> None:
    """Add the outputs to the signature in the model's run, if they were not known before this prediction."""
    if signature_of(model).outputs is None and _functional(model) is None:
        learn_outputs(model, outputs)
        if run is not None:
            complete_signature(run, model)


def complete_signature(run: autotrack.Run, model: Any) -> None:
    """Add the outputs to the recorded signature, if they were not known when the training began."""
    path, outputs = run.folder / MODEL / SIGNATURE, signature_of(model).outputs
    if outputs is None or not path.exists():
        return
    described = json.loads(path.read_text())
    if described["outputs"] is None:
        _write(run, SIGNATURE, json.dumps({**described, "outputs": outputs}, indent=1), "signature")


def _inputs_in(data: Any) -> Any:
    """Return the inputs in what `fit` was given. A `tf.data.Dataset` is never iterated: its element spec is taken."""
    spec = getattr(data, "element_spec", None)
    return data if spec is None else keras.utils.unpack_x_y_sample_weight(spec)[0]


def _functional(model: Any) -> Any:
    """Return the graph that the model is, or that a Sequential has built of itself; None if there is none."""
    functional = getattr(model, "_functional", None) or model
    return functional if hasattr(functional, "_inputs_struct") else None


def _spec(value: Any, names: Mapping[int, str]) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _spec(part, names) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spec(part, names) for part in value]
    return {"name": names.get(id(value), value.name), "shape": list(value.shape),
            "dtype": str(keras.backend.standardize_dtype(value.dtype))}  # fmt: skip


def _write(run: autotrack.Run, name: str, text: str, kind: str) -> None:
    files, path = RunFiles(run), run.folder / MODEL / name
    files.write(path, text.encode())
    files.record(path, kind=kind)
