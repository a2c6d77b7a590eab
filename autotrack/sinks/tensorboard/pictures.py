"""Logged figures and images, and plots. They take longest to write, so they come last."""

import struct
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]  # it comes without types

from autotrack.drawing_process import Drawn
from autotrack.errors import AutotrackError
from autotrack.journal.records import Artifact, Plot
from autotrack.journal.run_folder import read_bytes
from autotrack.plots import draw_all
from autotrack.sinks.tensorboard import plots, text
from autotrack.sinks.tensorboard.encoding import summary_event, text_value
from autotrack.sinks.tensorboard.tags import Tags

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_BYTES = 20 * 2**20
_KINDS = {"figure": "figures", "image": "images"}


class Pictures:
    """Keeps pictures until they are written. Of two with the same name and step, it keeps the later one."""

    def __init__(self, folder: Path, tags: Tags) -> None:
        self._folder = folder
        self._tags = tags
        self._plots: dict[tuple[str, int | None], Plot] = {}
        self._files: dict[str, Artifact] = {}
        self._taken: set[str] = set()

    def add_plot(self, plot: Plot) -> None:
        """Take a plot."""
        self._plots[plot.name, plot.step] = plot

    def add_artifact(self, artifact: Artifact) -> None:
        """Take an artifact if it is a picture. A record that only adds the checksum brings nothing new."""
        if artifact.kind not in _KINDS or not artifact.path.endswith(".png"):
            return
        if artifact.removed:
            self._files.pop(artifact.path, None)
        elif artifact.sha256 is None or artifact.path not in self._taken:
            self._taken.add(artifact.path)
            self._files[artifact.path] = artifact

    @property
    def has_undrawn(self) -> bool:
        """Whether plots wait to be drawn."""
        return bool(self._plots)

    def forget(self, *, but_plots: bool = False) -> None:
        """Forget what was taken, except plots with `but_plots`, because it has been written before."""
        self._files.clear()
        if not but_plots:
            self._plots.clear()

    def events(self, *, draws: bool) -> Iterator[bytes]:
        """Yield an event for each picture, and forget it. Plots are included only with `draws`."""
        plots_now, files_now = list(self._plots.values()) if draws else [], list(self._files.values())
        self.forget(but_plots=not draws)
        for artifact in files_now:
            yield from self._of_file(artifact)
        for plot in plots_now:
            if plot.kind == "histogram":
                yield from self._of_histogram(plot)
        drawable = [plot for plot in plots_now if plot.kind != "histogram"]
        for plot, drawn in zip(drawable, draw_all(drawable), strict=True):
            yield from self._of_plot(plot, drawn)

    def _of_file(self, artifact: Artifact) -> Iterator[bytes]:
        try:
            content = read_bytes(self._folder, artifact.path, limit_bytes=_MOST_BYTES)
        except (OSError, AutotrackError):  # it was removed in the meantime, or is not a logged picture
            return
        if not content.startswith(_SIGNATURE):
            return
        name = PurePosixPath(artifact.path).with_suffix("")
        parts = name.parts[2:] if name.parts[:2] == ("artifacts", _KINDS[artifact.kind]) else name.parts
        shown = "/".join(parts)
        if artifact.step is not None:
            shown = shown.removesuffix(f"-{artifact.step}")
        tag = self._tags.named(_KINDS[artifact.kind], shown)
        yield summary_event(artifact.time, artifact.step or 0, [_image(tag, content)])

    def _of_histogram(self, plot: Plot) -> Iterator[bytes]:
        try:
            value = plots.histogram(self._tags.named("plots", plot.name), plot)
        except Exception as error:  # noqa: BLE001  its data may be anything, and the other records have to be written
            value = self._failure(plot, _describe(error))
        yield summary_event(plot.time, plot.step or 0, [value])

    def _of_plot(self, plot: Plot, drawn: Drawn) -> Iterator[bytes]:
        values: list[Summary.Value] = []
        if drawn.error is not None:
            values.append(self._failure(plot, drawn.error))
        elif drawn.png is not None:
            values.append(_image(self._tags.named("plots", plot.name), drawn.png))
        if plot.kind == "precision_recall":
            try:
                values.append(plots.pr_curve(self._tags.named("pr_curves", plot.name), plot))
            except Exception as error:  # noqa: BLE001  as above
                values = [self._failure(plot, drawn.error or _describe(error))]
        if values:
            yield summary_event(plot.time, plot.step or 0, values)

    def _failure(self, plot: Plot, error: str) -> Summary.Value:
        sentence = f"This plot could not be drawn: {text.plain(error)}"
        return text_value(self._tags.named("plots not drawn", plot.name), sentence)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _image(tag: str, png: bytes) -> Summary.Value:
    width, height = struct.unpack(">II", png[16:24])  # in the header, which comes first in a PNG
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
    return Summary.Value(tag=tag, image=image)
