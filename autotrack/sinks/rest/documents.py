"""Texts, tables, plots and images as files that MLflow's page can show."""

import io
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from autotrack.drawing_process import Drawn
from autotrack.errors import AutotrackError
from autotrack.journal.records import Artifact, Plot, Table
from autotrack.journal.run_folder import file_status, read_bytes
from autotrack.journal.summary import Summary
from autotrack.plots import draw_all
from autotrack.sinks.rest import params
from autotrack.sinks.rest.key_map import KeyMap
from autotrack.sinks.rest.tags import LONGEST

LOGGED_TABLES, LOGGED_IMAGES = "mlflow.loggedArtifacts", "mlflow.loggedImages"

_THUMBNAIL = 256
_MOST_BYTES = 2**27


@dataclass(frozen=True)
class Document:
    """A file to be made: its `path` on the server, what it is `made_of`, and a function that returns its content.

    `content` returns None when there is nothing to send after all.
    """

    path: str
    made_of: Any
    content: Callable[[], bytes | None]


class Tables:
    """Holds the tables of a run until they are sent. It remembers their paths, because a tag lists all of them."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int | None], Table] = {}
        self._paths: dict[str, None] = {}

    def add(self, record: Table) -> None:
        """Take a table. A later one of the same name and step replaces an earlier one."""
        self._waiting[record.name, record.step] = record

    def documents(self, keys: KeyMap) -> Iterator[Document]:
        """Yield the tables that have not been sent."""
        for record in self._waiting.values():
            path = f"tables/{_file_name(record, keys)}.json"
            self._paths[path] = None
            content = msgspec.json.encode({"columns": record.columns, "data": record.rows})
            yield Document(path, content, partial(bytes, content))

    def tag(self) -> str:
        """Return the value of the tag by which MLflow's page finds the tables. It lists as many as fit in."""
        listed: list[dict[str, str]] = []
        for path in self._paths:
            more = [*listed, {"path": path, "type": "table"}]
            if len(msgspec.json.encode(more)) > LONGEST:
                break
            listed = more
        return msgspec.json.encode(listed).decode()

    def have_been_sent(self) -> None:
        """Drop the tables, because they have been sent."""
        self._waiting.clear()


def documents(summary: Summary, keys: KeyMap, *, with_params: bool, draws: bool) -> Iterator[Document]:
    """Yield the texts of a run, its traceback, its plots as data, and on demand its params and drawn plots."""
    for name, text in summary.texts.items():
        yield _text(f"texts/{keys.of(name)}.md", text)
    if summary.traceback:
        yield _text("texts/traceback.txt", summary.traceback)
    draw = cache(partial(_draw, list(summary.plots)))  # all of them in one process, as soon as one is needed
    for plot in summary.plots:
        path = f"plots/{_file_name(plot, keys)}"
        content = msgspec.json.encode({"kind": plot.kind, **plot.data})
        yield Document(f"{path}.json", content, partial(bytes, content))
        if draws:
            yield Document(f"{path}.png", content, partial(_drawn, plot, draw))
    if with_params:
        content = params.as_file(summary.params)
        yield Document(params.FILE, content, partial(bytes, content))


def stepped_images(record: Artifact, folder: Path, run_id: str) -> Iterator[Document]:
    """Yield an image that was logged at a step in two sizes, for which MLflow's page shows a slider over the steps.

    The names are those of `MlflowClient.log_image` since MLflow 3.6. The time in them is that of the file, so that
    an image gets the same name again when it is recorded a second time, with its checksum.
    """
    if record.kind != "image" or record.step is None or record.removed:
        return
    try:
        status = file_status(folder, record.path)
    except (OSError, AutotrackError):  # it is gone, or no file of this run
        return
    read = partial(read_bytes, folder, record.path, limit_bytes=_MOST_BYTES)
    name = "/".join(PurePosixPath(record.path).parts[2:])  # below artifacts/images
    key = name.removesuffix(PurePosixPath(record.path).suffix).removesuffix(f"-{record.step}").replace("/", "~")
    made_of = [record.path, record.bytes, record.sha256]
    image_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{run_id}/{record.path}")
    stem = f"images/{key}+step+{record.step}+timestamp+{status.st_mtime_ns // 1_000_000}+{image_id}"
    yield Document(f"{stem}.png", made_of, read)
    yield Document(f"{stem}+compressed.webp", made_of, partial(_small, read))


def _text(path: str, text: str) -> Document:
    return Document(path, text, partial(text.encode, errors="replace"))


def _file_name(record: Plot | Table, keys: KeyMap) -> str:
    return keys.of(record.name) if record.step is None else f"{keys.of(record.name)}-{record.step}"


def _draw(plots: Sequence[Plot]) -> dict[str, Drawn]:
    return dict(zip((plot.name for plot in plots), draw_all(plots), strict=True))


def _drawn(plot: Plot, draw: Callable[[], Mapping[str, Drawn]]) -> bytes | None:
    drawn = draw()[plot.name]
    if drawn.error is not None:
        raise AutotrackError(drawn.error)
    return drawn.png


def _small(read: Callable[[], bytes]) -> bytes:
    try:
        from PIL import Image
    except ImportError:
        return read()
    with Image.open(io.BytesIO(read())) as image:
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        out = io.BytesIO()
        image.save(out, format="WEBP")
    return out.getvalue()
