"""Writes figures and images as files, and reads tables of several kinds."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from autotrack.errors import MissingLibraryError
from autotrack.training.values import as_plain

MOST_ROWS = 10_000
"""The journal keeps this many rows of a table; log a file to keep more."""


def save_figure(figure: Any, path: Path) -> Path:
    """Write a matplotlib figure as PNG or a plotly figure as HTML; return the path with its suffix.

    Raises `TypeError` for anything else.
    """
    if hasattr(figure, "savefig"):
        path = path.with_name(f"{path.name}.png")
        figure.savefig(path, format="png", bbox_inches="tight")
    elif hasattr(figure, "write_html"):
        path = path.with_name(f"{path.name}.html")
        figure.write_html(path)
    else:
        raise TypeError(f"log_figure takes a matplotlib or plotly figure, not {type(figure).__name__}")
    return path


def save_image(image: Any, path: Path) -> Path:
    """Write a Pillow image, or an array or tensor of pixels, as PNG; return the path with its suffix.

    Pixels are of shape (height, width), (height, width, 1|3|4) or (1|3|4, height, width), as integers from 0
    to 255 or floats from 0 to 1. Raises `TypeError` or `ValueError` for anything else.
    """
    path = path.with_name(f"{path.name}.png")
    if not hasattr(image, "save"):
        image = _image_from_pixels(image)
    image.save(path, format="PNG")
    return path


def _image_from_pixels(pixels: Any) -> Any:
    import numpy as np

    try:
        from PIL import Image
    except ImportError as error:
        raise MissingLibraryError("writing an array as an image needs Pillow:\npip install pillow") from error
    if hasattr(pixels, "detach"):
        pixels = pixels.detach().cpu()
        pixels = pixels.float() if pixels.is_floating_point() else pixels  # numpy has no bfloat16
    array = np.asarray(pixels)
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind not in "biuf" or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(
            f"an image of shape {np.shape(pixels)} and type {array.dtype} was given; expected (height, width), "
            f"(height, width, 1|3|4) or (1|3|4, height, width) of numbers"
        )
    if array.dtype.kind in "bf":
        array = np.clip(np.nan_to_num(array.astype("float64")), 0.0, 1.0) * 255.0
    return Image.fromarray(np.clip(np.round(array), 0, 255).astype("uint8"))


def read_table(table: Any, columns: Sequence[str] | None) -> tuple[list[str], list[list[Any]]]:
    """Read a data frame, a list of dicts, a dict of columns or a list of rows into names and plain rows.

    `columns` names the columns of a list of rows, and chooses the keys of a list of dicts. Raises `TypeError` or
    `ValueError` for anything else.
    """
    if columns is not None and (isinstance(columns, (str, bytes)) or not isinstance(columns, Iterable)):
        raise TypeError(f"columns is {columns!r:.100}; expected a list of names, such as ['x', 'y']")
    if hasattr(table, "itertuples") and hasattr(table, "columns"):  # pandas
        names, rows = list(table.columns), table.head(MOST_ROWS + 1).itertuples(index=False, name=None)
    elif hasattr(table, "iter_rows") and hasattr(table, "columns"):  # polars
        names, rows = list(table.columns), table.head(MOST_ROWS + 1).iter_rows()
    elif isinstance(table, Mapping):
        names, rows = list(table), zip(*_columns(table), strict=True)
    elif isinstance(table, Sequence) and not isinstance(table, (str, bytes)):
        if table and all(isinstance(row, Mapping) for row in table):
            keys = names = list(columns or dict.fromkeys(name for row in table for name in row))
            rows = ([row.get(key) for key in keys] for row in table)
        else:
            names, rows = list(columns or []), map(_listed, table)
    else:
        raise TypeError(f"log_table takes a data frame, dicts or rows, not {type(table).__name__}")
    names = [str(name) for name in columns or names]
    plain = [[as_plain(cell) for cell in row] for row, _ in zip(rows, range(MOST_ROWS + 1), strict=False)]
    names = names or [str(index) for index in range(len(plain[0]) if plain else 0)]
    for row in plain:
        if len(row) != len(names):
            raise ValueError(f"a row has {len(row)} cells but there are {len(names)} columns: {names!r:.200}")
    return names, plain


def _columns(table: Mapping[Any, Any]) -> list[list[Any]]:
    """Return the columns of a table, as far as they are kept. Raises `ValueError` if they have not as many rows."""
    columns = [list(islice(_listed(cells), MOST_ROWS + 1)) for cells in table.values()]
    if len(set(map(len, columns))) > 1:
        lengths = ", ".join(f"{str(name)!r} has {len(column)}" for name, column in zip(table, columns, strict=True))
        raise ValueError(f"the columns of a table differ in length: {lengths:.200}; give each as many rows")
    return columns


def _listed(cells: Any) -> Iterable[Any]:
    """Return the cells of a row or a column of a table."""
    if isinstance(cells, (str, bytes)) or not isinstance(cells, Iterable):
        raise TypeError(
            f"a row or column of a table is {cells!r:.100}; expected a list, as in {{'x': [1, 2]}} or [[1, 2]]"
        )
    return cells
