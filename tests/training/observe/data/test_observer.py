"""Data sets of every kind are described, and none of them notices."""

import pickle
import random
import re
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    IterableDataset,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    random_split,
)
from torch.utils.data import Dataset as TorchDataset

from autotrack.journal import records
from autotrack.training.observe.data.observer import DataObserver


def describe(data: Any) -> records.Dataset:
    return DataObserver(seconds=60).describe("train", data)


class Untouchable(TorchDataset[Any]):
    """Says when somebody asks it for anything but its length."""

    def __init__(self, **held: Any) -> None:
        self.__dict__.update(held)

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("an item was asked for")

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("it was iterated")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("it was compared")

    def __hash__(self) -> int:
        raise AssertionError("it was hashed")

    def __bool__(self) -> bool:
        raise AssertionError("asked whether it is true")

    def __call__(self) -> Any:
        raise AssertionError("it was called")


def mnist(**held: Any) -> Untouchable:
    return Untouchable(
        **{"data": torch.arange(24).reshape(6, 4), "targets": [0, 1, 0, 1, 0, 1], "classes": ["even", "odd"],
           "class_to_idx": {"even": 0, "odd": 1}, "train": True, "transform": str.upper, "epoch": 3, **held}
    )  # fmt: skip


# What is described


def test_features_and_targets() -> None:
    x, y = pd.DataFrame({"a": [1.0, 2.0], "b": ["u", "v"]}), pd.Series([0, 1], name="label")
    found = DataObserver(seconds=60).describe("train", (x, y), name="mine")
    assert (found.role, found.name, found.kind, found.rows, found.covered) == ("train", "mine", "tuple", 2, 1.0)
    assert list(found.schema) == ["x.a", "x.b", "y"]
    assert found.schema["y"] == "int64"
    assert describe((x, None)).rows == 2
    assert describe([np.ones((3, 2)), np.ones(3)]).schema == {"x": "float64 [3, 2]", "y": "float64"}
    assert describe(([[1, 2], [3, 4]], [0, 1])).rows == 2


def test_dicts_and_lists_of_parts() -> None:
    found = describe({"ids": np.ones((5, 3), "i4"), "mask": np.ones((5, 3), bool), "labels": torch.ones(5)})
    assert found.schema == {"ids": "int32 [5, 3]", "mask": "bool [5, 3]", "labels": "float32"}
    assert (found.rows, found.bytes, found.covered) == (5, 60 + 15 + 20, 1.0)
    assert describe(OrderedDict(a=np.ones(3))).schema == {"a": "float64"}
    assert describe([np.ones(n) for n in range(1, 30)]).rows == 29, "many arrays are items"
    assert describe([[1.0, 2.0], [3.0, 4.0]]).rows == 2
    assert describe(range(10)).rows == 10
    assert describe({"lr": 0.1}).kind == "dict"


def test_a_data_set_is_known_by_what_it_holds() -> None:
    before = describe(mnist())
    assert (before.rows, before.covered) == (6, 1.0)
    assert before.schema == {
        "data": "int64 [6, 4]",
        "targets": "int",
        "classes": "str [2]",
        "class_to_idx": "dict [2]",
    }
    assert describe(mnist(epoch=4, transform=None)).fingerprint == before.fingerprint, "settings are no data"
    assert describe(mnist(targets=[0, 1, 0, 1, 1, 1])).fingerprint != before.fingerprint
    other = mnist()
    other.__dict__["data"] = other.__dict__["data"].clone()
    other.__dict__["data"][5, 3] = 0
    assert describe(other).fingerprint != before.fingerprint


def test_wrapped_data_sets() -> None:
    data = TensorDataset(torch.arange(12.0).reshape(6, 2), torch.zeros(6))
    assert describe(data).schema == {"tensors.0": "float32 [6, 2]", "tensors.1": "float32"}
    first, second = random_split(data, [4, 2])
    prints = [describe(one).fingerprint for one in (data, first, second, Subset(first, [0, 1]))]
    assert len(set(prints)) == 4
    assert [describe(one).rows for one in (data, first, second)] == [6, 4, 2]
    both = describe(ConcatDataset([data, mnist()]))
    assert (both.rows, both.covered) == (12, 1.0)
    assert {"datasets.0.tensors.0", "datasets.1.data"} <= set(both.schema)
    assert describe(StackDataset(data, data)).rows == 6
    assert describe(mnist(inner=mnist(data=torch.ones(3)))).covered == 1.0


def test_a_loader_is_its_data_set_and_what_the_sampler_chooses() -> None:
    data = mnist()
    loader = DataLoader(data, batch_size=2, num_workers=2, persistent_workers=True)
    assert describe(loader).fingerprint == describe(data).fingerprint
    assert describe(loader).rows == 6
    chosen = describe(DataLoader(data, sampler=SubsetRandomSampler([0, 3])))
    assert chosen.rows == 2
    assert chosen.fingerprint not in (None, describe(data).fingerprint)
    batches = BatchSampler(SequentialSampler(range(3)), 2, drop_last=False)
    assert describe(DataLoader(data, batch_sampler=batches)).fingerprint == describe(data).fingerprint


def test_what_is_not_in_memory_leaves_the_share_unknown() -> None:
    class Connection:
        __slots__ = ()

    found = describe(mnist(database=Connection()))
    assert found.fingerprint is not None
    assert (found.covered, found.bytes) == (0.0, None)
    stateful = describe(mnist(rng=np.random.default_rng(0), generator=torch.Generator(), picks=random.Random(0)))
    assert stateful.covered == 1.0, "generators are no data"


def test_data_that_lies_in_itself() -> None:
    data = mnist()
    data.__dict__["again"] = data
    endless: list[Any] = [1]
    endless.append(endless)
    assert describe(data).fingerprint
    assert describe(endless).rows == 2


class Stream(IterableDataset[Any]):
    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("it was iterated")


class OddLength(Untouchable):
    def __len__(self) -> int:
        raise KeyError("not set up yet")


def generator() -> Iterator[int]:
    raise AssertionError("it was started")
    yield 0


@pytest.mark.parametrize(
    "data",
    [Stream(), OddLength(), generator(), object(), 5, b"bytes", "no such data", Path("nowhere"), [], (), {}, int, len,
     np.float64(1), torch.Generator(), [object()], (None, None), "\0", "x" * 10_000, np.array(1), torch.tensor(1),
     pd.DataFrame(), pd.DataFrame({("a", 1): [1], 2: [2]}), pd.Series(dtype=object), torch.nn.Linear(1, 1)],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)  # fmt: skip
def test_odd_data_is_described_by_its_class(data: Any) -> None:
    found = describe(data)
    assert found.kind
    assert records.decode(records.encode(found)) == found
    again = describe(data)
    assert again.fingerprint == found.fingerprint


def test_odd_data_has_no_fingerprint() -> None:
    for data in (Stream(), OddLength(), generator(), object(), 5, b"bytes", "no such data"):
        found = describe(data)
        assert (found.fingerprint, found.covered) == (None, 0.0)
    assert describe(OddLength()).rows is None
    assert describe(b"bytes").rows == 5
    assert describe(Stream()).kind.endswith("Stream")


def test_data_that_would_be_computed_is_described_by_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy:
        __module__ = "dask.array.core"
        shape: Any = (10, 2)
        dtype: Any = np.dtype("f4")

        def __len__(self) -> int:
            raise AssertionError("it was computed")

        def __array__(self) -> Any:
            raise AssertionError("it was computed")

        __getitem__ = compute = __iter__ = __array__

    class Pipeline(Lazy):
        __module__ = "tensorflow.python.data.ops.dataset_ops"
        shape = dtype = None
        element_spec = ("TensorSpec(shape=(None, 3))",)

    class Own(Pipeline):
        """A class of the user's, derived from one of the library's."""

        __module__ = "train"

    lazy, pipeline = describe(Lazy()), describe(Own())
    assert (lazy.shape, lazy.dtype, lazy.rows, lazy.fingerprint, lazy.covered) == ([10, 2], "float32", 10, None, 0.0)
    assert "TensorSpec" in pipeline.schema["element"]
    assert pipeline.rows is None
    assert describe((Lazy(), np.ones(10))).rows == 10


def test_hugging_face_data_sets_know_their_own_fingerprint() -> None:
    class Value:
        dtype = "string"

    class Dataset:
        __module__ = "datasets.arrow_dataset"
        _fingerprint, num_rows, features = "f00d", 7, {"text": Value()}

        def __len__(self) -> int:
            raise AssertionError

        __getitem__ = __iter__ = __len__

    class DatasetDict(dict[str, Any]):
        __module__ = "datasets.dataset_dict"

        def __getitem__(self, key: str) -> Any:
            raise AssertionError

    class IterableDataset(Stream):
        __module__ = "datasets.iterable_dataset"

    found = describe(Dataset())
    assert (found.fingerprint, found.covered, found.rows, found.schema) == ("f00d", 1.0, 7, {"text": "string"})
    both = describe(DatasetDict(train=Dataset(), test=Dataset()))
    assert list(both.schema) == ["train", "test"]
    assert both.fingerprint is not None
    assert describe(mnist(wrapped=Dataset())).fingerprint != describe(mnist()).fingerprint
    assert describe(IterableDataset()).schema == {}


def test_a_package_called_datasets_may_be_anybodys() -> None:
    class Own(Untouchable):
        __module__ = "datasets.mine"

    assert describe(Own(data=np.ones(6))).covered == 1.0


def test_tables_of_other_libraries_say_their_columns() -> None:
    class DataFrame:
        __module__ = "polars.dataframe.frame"
        shape, schema = (2, 2), {"a": "Int64", "b": "String"}

    class Schema:
        names, types = ("a", "b"), ("int64", "string")

    class Table:
        __module__ = "pyarrow.lib"
        shape, schema = (2, 2), Schema

    assert describe(DataFrame()).schema == {"a": "Int64", "b": "String"}
    found = describe(Table())
    assert (found.schema, found.rows, found.fingerprint) == ({"a": "int64", "b": "string"}, 2, None)


def test_nothing_of_the_data_is_in_the_record() -> None:
    secret = "hunter2-correct-horse"
    number = 271828182
    frame = pd.DataFrame({"a": [secret] * 3, "n": [number] * 3, "c": pd.Categorical([secret] * 3)})
    held = mnist(targets=[secret] * 6, note=secret, table={secret: number})
    for data in (
        frame,
        [secret],
        {"texts": np.array([secret], object)},
        held,
        secret,
        np.full(9, number),
        [secret, 1],
    ):
        written = records.encode(describe(data)).decode()
        assert secret not in written
        assert str(number) not in written


# What is left alone


def test_random_states_are_left_as_they_are() -> None:
    def states() -> bytes:
        return pickle.dumps((random.getstate(), np.random.get_state(), torch.get_rng_state().tolist()))

    before = states()
    data = TensorDataset(torch.ones(20, 2))
    loader = DataLoader(data, shuffle=True)
    for one in (np.ones((9, 9)), pd.DataFrame({"a": [1, 2]}), data, loader, [1, 2], mnist(), Path.cwd()):
        describe(one)
    assert states() == before


def test_objects_are_left_as_they_are() -> None:
    data = mnist()
    before = dict(data.__dict__)
    describe(data)
    assert list(data.__dict__) == list(before)
    assert all(data.__dict__[key] is value for key, value in before.items())
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    held = set(vars(frame))
    copy = frame.copy()
    describe(frame)
    assert set(vars(frame)) == held
    pd.testing.assert_frame_equal(frame, copy)


def test_data_is_let_go_of() -> None:
    observer, data = DataObserver(seconds=60), TensorDataset(torch.ones(20, 2))
    array = np.ones((5, 2))
    before = sys.getrefcount(data), sys.getrefcount(data.tensors[0]), sys.getrefcount(array)
    for one in (data, Subset(data, [1, 2]), (array, array)):
        observer.describe("train", one)
    del one
    assert (sys.getrefcount(data), sys.getrefcount(data.tensors[0]), sys.getrefcount(array)) == before


def test_libraries_that_are_still_being_imported_are_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("numpy", "torch", "torch.utils.data", "pandas", "scipy.sparse", "numpy.ma"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert describe(["a", "b"]).rows == 2
    assert describe([1, 2]).covered == 1.0


def test_no_library_is_imported(run_script: Any) -> None:
    run_script(
        f"""
        import sys
        sys.path.insert(0, {str(Path(records.__file__).parents[2])!r})
        from autotrack.training.observe.data.observer import DataObserver
        assert DataObserver(seconds=60).describe("train", ([[1.0], [2.0]], ["a", "b"])).covered == 1.0
        assert not {{"numpy", "torch", "pandas", "scipy"}} & set(sys.modules)
        """
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_nothing_waits_for_a_device() -> None:
    data = TensorDataset(torch.ones(1000, 8, device="cuda"), torch.ones(1000))
    subset = Subset(data, torch.arange(10, device="cuda"))  # type: ignore[arg-type] # what people do nevertheless
    torch.cuda.set_sync_debug_mode("error")
    try:
        found, chosen = describe(data), describe(subset)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert 0 < found.covered < 1
    assert found.schema["tensors.0"] == "float32 [1000, 8]"
    assert chosen.rows == 10


def test_data_that_is_changed_in_place_is_described_anew_and_the_same_as_before() -> None:
    x, y = np.arange(60.0).reshape(20, 3), np.arange(20)
    first = DataObserver().describe("train", (x, y))
    again = DataObserver().describe("train", (x, y))
    assert first.fingerprint == again.fingerprint
    x[7, 1] = -1.0
    changed = DataObserver()
    assert changed.describe("train", (x, y)).fingerprint != first.fingerprint
    assert changed.describe("test", (x[:8], y[:8])).shared_rows == {"train": 8}
    assert DataObserver().describe("train", (x.T, y)).fingerprint != first.fingerprint
    x[7, 1] = 22.0
    assert DataObserver().describe("train", (x, y)).fingerprint == first.fingerprint


class _OwnError(Exception):
    """What other people's libraries raise is not only what Python has."""


class _Broken:
    """An attribute of a data set that raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise _OwnError


def test_a_part_that_cannot_be_read_costs_itself_only() -> None:
    class Held(TorchDataset[Any]):
        def __init__(self, broken: Any) -> None:
            self.before, self.broken, self.x = np.arange(20.0), broken, np.ones((20, 3))

        def __len__(self) -> int:
            return 20

    for broken in (_Broken(), {"inner": _Broken()}):
        found = describe(Held(broken))
        assert found.rows == 20
        assert found.schema["before"] == "float64"
        assert found.schema["x"] == "float64 [20, 3]"
        assert found.fingerprint
    assert describe(_Broken()).kind.endswith("_Broken")
