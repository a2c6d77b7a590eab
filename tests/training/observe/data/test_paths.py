"""Files and folders are the same data wherever they lie, and other data when their content is."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import Dataset as TorchDataset

from autotrack.journal.records import Dataset
from autotrack.training.observe.data import paths
from autotrack.training.observe.data.fingerprint import BUDGET_BYTES
from autotrack.training.observe.data.observer import DataObserver


def describe(data: Any) -> Dataset:
    return DataObserver(seconds=60).describe("train", data)


def make_folder(folder: Path) -> Path:
    for name, content in {"a/1.txt": "one", "a/2.txt": "two", "b/c/3.txt": "three", "top.csv": "x,y"}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_its_content(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(os.urandom(300_000))
    found = describe(kind(path))
    assert (found.kind, found.bytes, found.covered, found.source) == ("file", 300_000, 1.0, str(path))
    elsewhere = shutil.copy(path, tmp_path / "same.csv")
    os.utime(elsewhere, (1, 1))
    assert describe(elsewhere).fingerprint == found.fingerprint
    content = bytearray(path.read_bytes())
    content[150_000] ^= 1
    path.write_bytes(content)
    assert describe(path).fingerprint != found.fingerprint


def test_a_large_file_is_covered_at_its_head_and_tail(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    path.touch()
    os.truncate(path, 100 * 2**20)
    prints = {describe(path).fingerprint}
    assert describe(path).covered == pytest.approx(BUDGET_BYTES / (100 * 2**20))
    for at in (0, 100 * 2**20 - 1):
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"x")
        prints.add(describe(path).fingerprint)
    os.truncate(path, 100 * 2**20 + 1)
    prints.add(describe(path).fingerprint)
    assert len(prints) == 4


def test_a_folder_is_names_and_sizes(tmp_path: Path) -> None:
    found = describe(make_folder(tmp_path / "one"))
    assert (found.kind, found.bytes, found.covered) == ("folder", 14, 0.0)
    other = make_folder(tmp_path / "two")
    os.utime(other / "top.csv", (1, 1))
    assert describe(other).fingerprint == found.fingerprint
    for change in (
        lambda: (other / "a/1.txt").write_text("more"),
        lambda: (other / "a/2.txt").rename(other / "a/4.txt"),
        (other / "b/c/3.txt").unlink,
        (other / "empty").mkdir,
        lambda: (other / "loop").symlink_to(other),
        lambda: (other / "broken").symlink_to(other / "nowhere"),
    ):
        before = describe(other).fingerprint
        change()
        assert describe(other).fingerprint != before


def test_a_folder_of_very_many_files_has_no_known_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_MOST_SIZES", 2)
    found = describe(make_folder(tmp_path / "one"))
    assert found.bytes is None
    assert found.fingerprint
    monkeypatch.setattr(paths, "_MOST_NAMES", 1)
    assert describe(tmp_path / "one").fingerprint not in (None, found.fingerprint)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = describe(tmp_path / "pipe")
    assert (found.kind, found.fingerprint) == ("special file", None)
    (tmp_path / "closed").write_text("x")
    (tmp_path / "closed").chmod(0)
    assert describe(tmp_path / "closed").bytes == 1
    assert describe(tmp_path / "nowhere").fingerprint is None


class ImageFolder(TorchDataset[Any]):
    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.samples = [(str(path), 0) for path in sorted(root.rglob("*.txt"))]
        self.imgs = self.samples

    def __len__(self) -> int:
        return len(self.samples)


def test_a_data_set_of_files_is_the_same_elsewhere(tmp_path: Path) -> None:
    one, two = make_folder(tmp_path / "one"), make_folder(tmp_path / "elsewhere" / "two")
    found = describe(ImageFolder(one))
    assert found.rows == 3
    assert found.schema == {"root": "folder", "samples": "tuple"}
    assert describe(ImageFolder(two)).fingerprint == found.fingerprint
    (two / "a/1.txt").write_text("ONE")
    assert describe(ImageFolder(two)).fingerprint != found.fingerprint


def test_a_list_of_paths_looks_into_some_of_the_files(tmp_path: Path) -> None:
    for name in ("train", "val"):
        make_folder(tmp_path / name)
    train, val = ([str(path) for path in sorted((tmp_path / name).rglob("*.txt"))] for name in ("train", "val"))
    observer = DataObserver(seconds=60)
    first = observer.describe("train", train)
    assert (first.rows, first.covered, first.source) == (3, 0.0, None)
    assert observer.describe("validate", val).shared_rows == {}, "the same names in two folders are not the same rows"
    (tmp_path / "val/a/1.txt").write_text("ONE")
    assert describe(val).fingerprint != first.fingerprint
    assert describe(train[::-1]).fingerprint != first.fingerprint
    assert describe([Path(one) for one in train]).fingerprint
