"""Records what `tf.summary` writes: scripts that use it, and the TensorBoard callback of Keras on every backend.

All of its functions end in one operation, which is hooked where it is executed eagerly; by then its tensors are on the
CPU. Inside a graph, as of `tf.function`, values exist only in TensorFlow's own file, and are not recorded.
"""

from collections.abc import Generator, Iterable
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata  # type: ignore[import-untyped]  # it comes without types
from tensorboard.compat.proto.tensor_pb2 import TensorProto  # type: ignore[import-untyped]  # it comes without types
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData  # type: ignore[import-untyped]  # it comes without types

import autotrack
from autotrack.integrations import Outcome, Patch, attempt, is_autologging, log_numbers
from autotrack_tensorboard import binding, scope, summaries

_Running = Generator[None, Outcome, None]

_RECORDED = ("scalars", "text", "images", "histograms")
_LEFT_OUT = {"audio": "audio clips", "mesh": "meshes"}


def patches(module: Any) -> Iterable[Patch]:
    """Return the hooks for `tensorflow.python.ops.summary_ops_v2`, or for the callback of Keras."""
    if module.__name__.startswith("keras."):
        yield Patch(module.TensorBoard, "_log_epoch_metrics", _skip_recorded_metrics)
        yield Patch(module.TensorBoard, "on_test_end", _skip_recorded_metrics)
        return

    def write(*args: Any, **kwargs: Any) -> _Running:
        return _write(module._summary_state.writer, *args, **kwargs)

    def write_whole(*args: Any, **kwargs: Any) -> _Running:
        return _write_whole(module._summary_state.writer, *args, **kwargs)

    yield Patch(module.gen_summary_ops, "write_summary", write)
    yield Patch(module.gen_summary_ops, "write_raw_proto_summary", write_whole)
    yield Patch(module._ResourceSummaryWriter, "close", _close)


def _skip_recorded_metrics(*_: Any, **__: Any) -> _Running:
    """Hook around the writing of metrics by Keras's callback: the integration for Keras has recorded them."""
    if not is_autologging("keras"):
        return
    token = scope.elsewhere.set(scope.Elsewhere())
    yield
    scope.elsewhere.reset(token)


def _write(
    writer: Any, _: Any = None, step: Any = None, tensor: Any = None, tag: Any = "", metadata: Any = b"", **__: Any
) -> _Running:
    outcome = yield
    if outcome.error is not None or writer is None or not hasattr(tensor, "numpy"):  # a graph is being built
        return
    plugin = SummaryMetadata.FromString(metadata).plugin_data.plugin_name
    if plugin not in (*_RECORDED, *_LEFT_OUT):  # such as the graph of a model
        return
    if plugin == "scalars" and scope.elsewhere.get() is not None:
        binding.bind(writer)
        return
    if (run := binding.run_of(writer)) is None:
        return
    with attempt("tensorboard", run=run):
        name = tag if isinstance(tag, str) else tag.numpy().decode(errors="replace")
        _record(run, plugin, name, tensor.numpy(), int(step))


def _write_whole(writer: Any, _resource: Any = None, _step: Any = None, tensor: Any = None, **_: Any) -> _Running:
    """Hook around the writing of a summary that is encoded already, as `hparams` of TensorBoard's plugin does."""
    outcome = yield
    if outcome.error is not None or writer is None or not hasattr(tensor, "numpy"):
        return
    summary = Summary.FromString(tensor.numpy())
    for plugin in [value.metadata.plugin_data for value in summary.value]:
        if plugin.plugin_name == "hparams" and (run := binding.run_of(writer)) is not None:
            with attempt("tensorboard", run=run):
                _record_params(run, plugin.content)


def _close(writer: Any) -> _Running:
    yield
    binding.close(writer)


def _record(run: autotrack.Run, kind: str, tag: str, values: Any, step: int) -> None:
    if kind == "scalars":
        log_numbers(run, {tag: values.item()}, step)
    elif kind == "text":
        texts = [text.decode(errors="replace") for text in np.ravel(values)]
        tensor = TensorProto(string_val=["\n\n".join(texts).encode()])
        summaries.record(run, "text", tag, Summary(value=[Summary.Value(tensor=tensor)]), step)
    elif kind == "images":  # width, height, and then the pictures
        for number, picture in enumerate(values[2:]):
            name = tag if len(values) == 3 else f"{tag}/{number}"
            image = Summary.Image(encoded_image_string=picture)
            summaries.record(run, "image", name, Summary(value=[Summary.Value(image=image)]), step)
    elif kind == "histograms" and len(values):  # rows of left end, right end and count
        buckets = HistogramProto(
            min=values[0][0], max=values[-1][1], bucket_limit=values[:, 1].tolist(), bucket=values[:, 2].tolist()
        )
        summaries.record(run, "histogram", tag, Summary(value=[Summary.Value(histo=buckets)]), step)
    elif kind in _LEFT_OUT:
        run.notice("tensorboard", f"{_LEFT_OUT[kind]} are not recorded; they are only in TensorFlow's own file")


def _record_params(run: autotrack.Run, content: bytes) -> None:
    """Record what `hparams` of `tensorboard.plugins.hparams.api` is called with."""
    given = HParamsPluginData.FromString(content).session_start_info.hparams
    values = {name: getattr(value, value.WhichOneof("kind") or "null_value") for name, value in given.items()}
    if values:
        run.log_params(values, "tensorboard")
