"""Pictures of every usual shape and type become the PNG they look like; tables of every kind become rows."""

import sys
from pathlib import Path
from typing import Any

import pytest

from autotrack.errors import MissingLibraryError
from autotrack.training.media import MOST_ROWS, read_table, save_figure, save_image

np = pytest.importorskip("numpy")
images = pytest.importorskip("PIL.Image")

GRAY = np.array([[0, 51, 102, 153, 204, 255], [5, 4, 3, 2, 1, 0]], dtype="uint8")
RGB = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=2)
RGBA = np.dstack([RGB, np.full((2, 6), 255, dtype="uint8")])


def pixels(path: Path) -> tuple[str, Any]:
    with images.open(path) as image:
        assert image.format == "PNG"
        return image.mode, np.asarray(image)


def channels_first(array: Any) -> Any:
    return np.moveaxis(array, 2, 0)


@pytest.mark.parametrize(
    ("given", "mode", "expected"),
    [
        (GRAY, "L", GRAY),
        (GRAY[:, :, None], "L", GRAY),
        (GRAY[None], "L", GRAY),
        (RGB, "RGB", RGB),
        (channels_first(RGB), "RGB", RGB),
        (RGBA, "RGBA", RGBA),
        (channels_first(RGBA), "RGBA", RGBA),
        (GRAY / 255.0, "L", GRAY),
        ((RGB / 255.0).astype("float32"), "RGB", RGB),
        ((GRAY / 255.0).astype("float16"), "L", GRAY),
        (GRAY.astype("int64"), "L", GRAY),
        (GRAY > 100, "L", (GRAY > 100) * np.uint8(255)),
        (np.array([[-1, 300, 255]]), "L", np.array([[0, 255, 255]])),
        (np.array([[-0.5, 1.5, np.nan, np.inf, 0.5]]), "L", np.array([[0, 255, 0, 255, 128]])),
        ([[0, 255], [255, 0]], "L", np.array([[0, 255], [255, 0]])),
    ],
    ids=[
        "HxW", "HxWx1", "1xHxW", "HxWx3", "3xHxW", "HxWx4", "4xHxW", "float64", "float32", "float16", "int64", "bool",
        "integers out of range", "floats out of range", "lists",
    ],
)  # fmt: skip
def test_pixels_become_the_png_they_look_like(given: Any, mode: str, expected: Any, tmp_path: Path) -> None:
    path = save_image(given, tmp_path / "image.v1")
    assert path == tmp_path / "image.v1.png"
    found_mode, found = pixels(path)
    assert found_mode == mode
    assert found.tolist() == expected.tolist()


def test_a_pillow_image_is_kept_as_it_is(tmp_path: Path) -> None:
    assert pixels(save_image(images.fromarray(RGBA), tmp_path / "image"))[1].tolist() == RGBA.tolist()


def test_tensors_are_pictures_too(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for tensor in (
        torch.from_numpy(GRAY),
        torch.from_numpy(GRAY / 255.0).requires_grad_(),
        torch.from_numpy(GRAY / 255.0).bfloat16()[None],
    ):
        found = pixels(save_image(tensor, tmp_path / "image"))[1]
        assert abs(found.astype(int) - GRAY).max() <= (1 if tensor.dtype == torch.bfloat16 else 0)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(5), np.zeros((2, 3, 5)), np.zeros((5, 4, 4, 3)), np.array([["a"]]), np.zeros((2, 2), complex), "text"],
    ids=lambda wrong: f"{np.shape(wrong)} {np.asarray(wrong).dtype}",
)
def test_what_is_no_picture_is_refused_with_its_shape(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"an image of shape \(.*expected \(height, width\)"):
        save_image(wrong, tmp_path / "image")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingLibraryError) as caught:
        save_image(GRAY, tmp_path / "image")
    assert str(caught.value).splitlines()[-1] == "pip install pillow"


def test_a_figure_needs_no_window_and_no_pyplot(tmp_path: Path) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2, 3])
    assert pixels(save_figure(figure, tmp_path / "figure.v1"))[1].shape[2] == 4
    assert (tmp_path / "figure.v1.png").exists()
    with pytest.raises(TypeError, match="not Axes"):
        save_figure(figure.axes[0], tmp_path / "axes")


ROWS = [[1, "x"], [2, "y"]]


@pytest.mark.parametrize(
    ("table", "columns", "names", "rows"),
    [
        ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], None, ["a", "b"], ROWS),
        ([{"a": 1}, {"b": 2}], None, ["a", "b"], [[1, None], [None, 2]]),
        ({"a": [1, 2], "b": ("x", "y")}, None, ["a", "b"], ROWS),
        ([{"a": 1, "b": "x", "c": 0}, {"a": 2, "b": "y"}], ["a", "b"], ["a", "b"], ROWS),
        ([{3: 1, None: "x"}], None, ["3", "None"], [[1, "x"]]),
        ({"a": np.arange(2)}, None, ["a"], [[0], [1]]),
        (ROWS, ["a", "b"], ["a", "b"], ROWS),
        (ROWS, None, ["0", "1"], ROWS),
        ((tuple(ROWS[0]), iter(ROWS[1])), ("a", "b"), ["a", "b"], ROWS),
        ({"a": [1, 2], "b": ["x", "y"]}, ["n", "s"], ["n", "s"], ROWS),
        ({3: [float("nan")]}, None, ["3"], [["NaN"]]),
        ([], None, [], []),
        ({}, None, [], []),
        ([], ["a"], ["a"], []),
    ],
)
def test_tables(table: Any, columns: Any, names: list[str], rows: list[list[Any]]) -> None:
    assert read_table(table, columns) == (names, rows)


def test_a_data_frame_of_pandas() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({("a", "x"): [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])}, index=[7, 8])
    assert read_table(frame, None) == (["('a', 'x')", "b", "c"], [[1, "x", "u"], [2, read_cell(frame), "v"]])
    assert read_table(frame.iloc[:0], ["x", "y", "z"]) == (["x", "y", "z"], [])
    assert len(read_table(pd.DataFrame({"a": range(MOST_ROWS * 2)}), None)[1]) == MOST_ROWS + 1


def read_cell(frame: Any) -> Any:
    """What pandas makes of None among strings differs by version."""
    return None if frame.iloc[1, 1] is None else "NaN"


def test_a_data_frame_of_polars() -> None:
    class Frame:
        """Has of a polars frame what is read of it."""

        columns = ("a", "b")

        def head(self, count: int) -> "Frame":
            assert count == MOST_ROWS + 1
            return self

        def iter_rows(self) -> Any:
            return iter([(1, "x"), (2, "y")])

    assert read_table(Frame(), None) == (["a", "b"], ROWS)


def test_a_table_without_end_is_read_up_to_the_limit() -> None:
    assert len(read_table([[number] for number in range(MOST_ROWS * 2)], ["n"])[1]) == MOST_ROWS + 1


@pytest.mark.parametrize(
    ("table", "columns", "error"),
    [
        (3, None, TypeError),
        ("text", None, TypeError),
        (None, None, TypeError),
        ([1, 2], None, TypeError),
        (iter([[1]]), None, TypeError),
        ({"a": 1}, None, TypeError),
        ({"a": [1, 2], "b": [1]}, None, ValueError),
        ([[1], [1, 2]], None, ValueError),
        ([[1, 2]], ["a"], ValueError),
    ],
)
def test_what_is_no_table_is_refused(table: Any, columns: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_table(table, columns)
