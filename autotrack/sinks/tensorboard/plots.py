"""Plots for which TensorBoard has a page of its own."""

from itertools import pairwise

from tensorboard.compat.proto.histogram_pb2 import HistogramProto  # type: ignore[import-untyped]  # it comes without types
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]  # it comes without types
from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData  # type: ignore[import-untyped]  # it comes without types

from autotrack.journal.records import Plot, number
from autotrack.sinks.tensorboard.encoding import float_tensor, metadata

_MOST_THRESHOLDS = 200


def pr_curve(tag: str, plot: Plot) -> Summary.Value:
    """Return a precision-recall curve for the plugin of that name.

    Its tensor has one row each for true and false positives, true and false negatives, precision and recall, and one
    column for each threshold, as in `tensorboard/plugins/pr_curve/metadata.py`. The counts are not recorded. Here they
    are those of a thousand positives, because the page leaves out points at the end that have no counts.
    """
    precision, recall = ([float(number(value)) for value in plot.data[name]] for name in ("precision", "recall"))
    points = list(zip(precision, recall, strict=True))
    if points and points[0][1] < points[-1][1]:  # the page expects the lowest threshold first
        points.reverse()
    points = points[:: -(-len(points) // _MOST_THRESHOLDS) or 1]
    columns = [(1000 * r, 1000 * r * (1 - p) / p if p else 1.0, 0.0, 1000 * (1 - r), p, r) for p, r in points]
    rows = [value for row in zip(*columns, strict=True) for value in row]
    content = PrCurvePluginData(version=0, num_thresholds=len(points)).SerializeToString()
    return Summary.Value(tag=tag, metadata=metadata("pr_curves", content), tensor=float_tensor([6, len(points)], rows))


def histogram(tag: str, plot: Plot) -> Summary.Value:
    """Return a histogram for the plugin of that name, from `edges` and `counts`; there is one edge more."""
    edges, counts = ([float(number(value)) for value in plot.data[name]] for name in ("edges", "counts"))
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    pairs = list(zip(middles, counts, strict=True))
    return Summary.Value(
        tag=tag,
        histo=HistogramProto(
            min=edges[0],
            max=edges[-1],
            num=sum(counts),
            sum=sum(middle * count for middle, count in pairs),
            sum_squares=sum(middle * middle * count for middle, count in pairs),
            bucket_limit=edges[1:],
            bucket=counts,
        ),
    )
