"""What a model is: its layers as text, its architecture as JSON, the shapes and dtypes of its inputs and outputs."""

import json
from collections.abc import Mapping
from typing import Any

import keras

import autotrack
from autotrack.integrations import RunFiles, attempt
from autotrack_keras.params import count_parameters
from autotrack_keras.seen import learn_outputs, looks, seen_of

MODEL = "model"
"""The folder of the run that holds the model."""

SIGNATURE = "signature.json"


def describe_architecture(run: autotrack.Run, model: Any, data: Any) -> bool:
    """Record a model's layers and architecture; nothing is run through it. `data` is what it is trained on.

    Returns whether its outputs are known.
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
    """Return the layers of a model with the shapes of their outputs and their parameters, as text.

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
    except (AttributeError, ValueError):  # it has none, or one for each time that it is used
        return ""


def architecture(model: Any) -> str | None:
    """Return the architecture as Keras writes it; None for a class of the user's that cannot be written."""
    try:
        return str(model.to_json())
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None


def signature(model: Any, data: Any = None) -> dict[str, Any]:
    """Return names, shapes and dtypes of inputs and outputs, in the structure in which the model takes and gives them.

    A model that was made by subclassing is described by what Keras has seen it take and give back. Where Keras had no
    reason to look, its inputs are those of the `data` that it is trained on, and its outputs None.
    """
    functional = _functional(model)
    if functional is None:
        seen = seen_of(model)
        return {"inputs": seen.inputs or looks(_inputs_in(data)), "outputs": seen.outputs}
    inputs, outputs = functional._inputs_struct, functional._outputs_struct
    names = {
        id(tensor): name
        for tensor, name in zip(functional.outputs, getattr(functional, "output_names", []), strict=False)
    }
    if isinstance(inputs, (list, tuple)) and len(inputs) == 1 and functional is not model:
        inputs = inputs[0]
    return {"inputs": _spec(inputs, {}), "outputs": _spec(outputs, names)}


def learn_from_prediction(run: autotrack.Run | None, model: Any, outputs: Any) -> None:
    """Complete the signature in the model's run by what it has predicted, if Keras had no reason to look before."""
    if seen_of(model).outputs is None and _functional(model) is None:
        learn_outputs(model, outputs)
        if run is not None:
            complete_signature(run, model)


def complete_signature(run: autotrack.Run, model: Any) -> None:
    """Write the outputs into the signature of a model that were not known when its training began."""
    path, outputs = run.folder / MODEL / SIGNATURE, seen_of(model).outputs
    if outputs is None or not path.exists():
        return
    described = json.loads(path.read_text())
    if described["outputs"] is None:
        _write(run, SIGNATURE, json.dumps({**described, "outputs": outputs}, indent=1), "signature")


def _inputs_in(data: Any) -> Any:
    """The inputs in what is given to `fit`; of a `tf.data.Dataset`, which is never iterated, their specs."""
    spec = getattr(data, "element_spec", None)
    return data if spec is None else keras.utils.unpack_x_y_sample_weight(spec)[0]


def _functional(model: Any) -> Any:
    """The graph that the model is, or that a Sequential has made of itself; None without one."""
    found = getattr(model, "_functional", None) or model
    return found if hasattr(found, "_inputs_struct") else None


def _spec(value: Any, names: Mapping[int, str]) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _spec(one, names) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spec(one, names) for one in value]
    return {"name": names.get(id(value), value.name), "shape": list(value.shape),
            "dtype": str(keras.backend.standardize_dtype(value.dtype))}  # fmt: skip


def _write(run: autotrack.Run, name: str, text: str, kind: str) -> None:
    files, path = RunFiles(run), run.folder / MODEL / name
    files.write(path, text.encode())
    files.record(path, kind=kind)
