"""Texts, tables, plots and images as the files in which MLflow's page shows them."""

import io
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal.records import Artifact, Plot, Table
from autotrack.journal.summary import Summary
from autotrack.plots import Drawn, draw_all
from autotrack.sinks.rest import params
from autotrack.sinks.rest.key_map import KeyMap
from autotrack.sinks.rest.tags import LONGEST

LOGGED_TABLES, LOGGED_IMAGES = "mlflow.loggedArtifacts", "mlflow.loggedImages"

_THUMBNAIL = 256


@dataclass(frozen=True)
class Document:
    """A file to be made: its path on the server, what `content` is made of, and how; None for nothing after all."""

    path: str
    made_of: Any
    content: Callable[[], bytes | None]


class Tables:
    """The tables of a run, until they are sent. Their paths are kept, for a tag lists them all."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int | None], Table] = {}
        self._paths: dict[str, None] = {}

    def add(self, record: Table) -> None:
        """Take a table; a later one of the same name and step replaces an earlier one."""
        self._waiting[record.name, record.step] = record

    def documents(self, names: KeyMap) -> Iterator[Document]:
        """Return those that wait."""
        for record in self._waiting.values():
            path = f"tables/{_file_name(record, names)}.json"
            self._paths[path] = None
            content = msgspec.json.encode({"columns": record.columns, "data": record.rows})
            yield Document(path, content, partial(bytes, content))

    def tag(self) -> str:
        """Return the value of the tag by which MLflow's page finds the tables, as many as fit in."""
        listed: list[dict[str, str]] = []
        for path in self._paths:
            more = [*listed, {"path": path, "type": "table"}]
            if len(msgspec.json.encode(more)) > LONGEST:
                break
            listed = more
        return msgspec.json.encode(listed).decode()

    def have_been_sent(self) -> None:
        """Let go of those that waited."""
        self._waiting.clear()


def documents(summary: Summary, names: KeyMap, *, with_params: bool, draws: bool) -> Iterator[Document]:
    """Return the texts of a run, how it failed, its params `with_params`, and its plots as data, or also drawn."""
    for name, text in summary.texts.items():
        yield _text(f"texts/{names.of(name)}.md", text)
    if summary.traceback:
        yield _text("texts/traceback.txt", summary.traceback)
    draw = cache(partial(_draw, list(summary.plots)))  # all of them in one process, once one is wanted
    for plot in summary.plots:
        path = f"plots/{_file_name(plot, names)}"
        content = msgspec.json.encode({"kind": plot.kind, **plot.data})
        yield Document(f"{path}.json", content, partial(bytes, content))
        if draws:
            yield Document(f"{path}.png", content, partial(_drawn, plot, draw))
    if with_params:
        content = params.as_file(summary.params)
        yield Document(params.FILE, content, partial(bytes, content))


def stepped_images(record: Artifact, folder: Path, run_id: str) -> Iterator[Document]:
    """Return an image that was logged at a step twice, in full and small: so MLflow's page has a slider over steps.

    Named as `MlflowClient.log_image` names them since 3.6. The same image always has the same name: its time is that
    of the file, for it is recorded a second time with its checksum.
    """
    source = folder / record.path
    if record.kind != "image" or record.step is None or record.removed or not source.is_file():
        return
    name = "/".join(PurePosixPath(record.path).parts[2:])  # below artifacts/images
    key = name.removesuffix(source.suffix).removesuffix(f"-{record.step}").replace("/", "~")
    made_of = [record.path, record.bytes, record.sha256]
    same = uuid.uuid5(uuid.NAMESPACE_OID, f"{run_id}/{record.path}")
    stem = f"images/{key}+step+{record.step}+timestamp+{source.stat().st_mtime_ns // 1_000_000}+{same}"
    yield Document(f"{stem}.png", made_of, source.read_bytes)
    yield Document(f"{stem}+compressed.webp", made_of, partial(_small, source))


def _text(path: str, text: str) -> Document:
    return Document(path, text, partial(text.encode, errors="replace"))


def _file_name(record: Plot | Table, names: KeyMap) -> str:
    return names.of(record.name) if record.step is None else f"{names.of(record.name)}-{record.step}"


def _draw(plots: Sequence[Plot]) -> dict[str, Drawn]:
    return dict(zip((plot.name for plot in plots), draw_all(plots), strict=True))


def _drawn(plot: Plot, draw: Callable[[], Mapping[str, Drawn]]) -> bytes | None:
    drawn = draw()[plot.name]
    if drawn.error is not None:
        raise AutotrackError(drawn.error)
    return drawn.png


def _small(source: Path) -> bytes:
    try:
        from PIL import Image
    except ImportError:
        return source.read_bytes()
    with Image.open(source) as image:
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        out = io.BytesIO()
        image.save(out, format="WEBP")
    return out.getvalue()
