"""Rows that two roles have in common are counted exactly, or not at all."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Subset, SubsetRandomSampler, TensorDataset, random_split
from torch.utils.data import Dataset as TorchDataset

from autotrack.training.observe.data import shared_rows
from autotrack.training.observe.data.observer import DataObserver


def shared(train: Any, *others: Any, seconds: float = 60) -> Any:
    """What is said about the last of some data sets of different roles."""
    observer = DataObserver(seconds=seconds)
    found = observer.describe("train", train)
    for number, other in enumerate(others):
        found = observer.describe(f"other{number}", other)
    return found.shared_rows


def counted(train: Any, other: Any) -> int:
    known = {np.asarray(row).tobytes() for row in train}
    return sum(np.asarray(row).tobytes() in known for row in other)


@pytest.mark.parametrize("load", [load_digits, load_wine])
@pytest.mark.parametrize("planted", [0, 7])
def test_real_data_with_and_without_leakage(load: Any, planted: int) -> None:
    x_train, x_test, y_train, y_test = train_test_split(*load(return_X_y=True), random_state=0)
    x_test = np.concatenate([x_test, x_train[:planted]])
    y_test = np.concatenate([y_test, y_train[:planted]])
    expected = counted(x_train, x_test)
    assert expected >= planted
    assert shared((x_train, y_train), (x_test, y_test)) == {"train": expected}
    assert shared((x_train, y_train), (x_test, 1 - y_test)) == {"train": expected}, "the labels do not matter"
    frames = [pd.DataFrame(x).add_prefix("pixel") for x in (x_train, x_test)]
    assert shared(*frames) == {"train": expected}
    mixed = [frame.assign(name=[str(row) for row in frame.to_numpy().tolist()]) for frame in frames]
    assert shared(*mixed) == {"train": expected}
    tensors = [TensorDataset(torch.from_numpy(x), torch.zeros(len(x))) for x in (x_train, x_test)]
    assert shared(*tensors) == {"train": expected}
    assert shared(*[DataLoader(data, shuffle=True) for data in tensors]) == {"train": expected}
    assert shared([str(row) for row in x_train], [str(row) for row in x_test]) == {"train": expected}


@given(st.sampled_from(["u1", "i4", "f8", "U3", "c16", "f2"]), st.integers(1, 5), st.data())
def test_any_arrays(dtype: str, width: int, data: st.DataObject) -> None:
    few, rows = st.integers(0, 3), st.integers(0, 12)
    drawn = [data.draw(arrays_of.arrays("u1", (data.draw(rows), width), elements=few)) for _ in range(2)]
    one, two = (array.astype(dtype) for array in drawn)
    expected = {"train": counted(one, two)} if len(one) and len(two) else {}
    assert shared(one, two) == expected
    assert shared(np.asfortranarray(one), two[::-1]) == expected


@given(st.sets(st.integers(0, 255), min_size=50), st.integers(0, 60))
def test_rows_that_differ_in_a_single_bit_are_told_apart(numbers: set[int], bit: int) -> None:
    rows = np.array(sorted(numbers), "u8") << np.uint64(bit % 56)
    assert shared(rows[:25], rows[25:]) == {"train": 0}
    assert shared(rows[:25, None].repeat(3, 1), rows[20:, None].repeat(3, 1)) == {"train": 5}


def test_rows_of_many_small_numbers_do_not_collide() -> None:
    """Such floats have most of their bits zero, which a weak hash would show."""
    grid = np.stack(np.meshgrid(*[np.arange(18.0)] * 4), -1).reshape(-1, 4)
    assert shared(grid[::2], grid[1::2]) == {"train": 0}


def test_every_role_before_is_compared() -> None:
    x = np.arange(40.0).reshape(20, 2)
    assert shared(x[:10], x[5:15], x[8:12]) == {"train": 2, "other0": 4}


def test_what_is_not_known_is_not_said() -> None:
    x = np.arange(40.0).reshape(20, 2)
    large = np.zeros((1_000_000, 8))
    assert shared(x, x.astype("f4")) == {}, "another dtype"
    assert shared(x, x.reshape(40)) == {}, "another shape"
    assert shared(x, pd.DataFrame(x)) == {}, "another layout"
    assert shared(large, large[:10]) == {}, "not covered completely"
    assert shared(x, x, seconds=0) == {}, "no time"
    assert shared(np.zeros((0, 2)), x) == {}, "no rows"
    assert shared(np.array([object()]), np.array([object()])) == {}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(40.0).reshape(20, 2)
    monkeypatch.setattr(shared_rows, "MOST_REMEMBERED", 25)
    assert shared(x, x[:10], x[:5]) == {"train": 5}
    monkeypatch.setattr(shared_rows, "MOST_ROWS", 10)
    assert shared(x + 1, x[:10] + 1) == {}


# Positions chosen from one data set


class Numbers(TorchDataset[Any]):
    """Nothing is known of its rows but how many there are."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


def test_parts_of_a_split_share_nothing() -> None:
    data = Numbers(1000)
    train, val = random_split(data, [800, 200])
    assert shared(train, val) == {"train": 0}
    assert shared(DataLoader(train, shuffle=True), DataLoader(val)) == {"train": 0}
    assert shared(data, val) == {"train": 200}
    assert shared(train, data) == {"train": 800}
    assert shared(train, Subset(Numbers(1000), val.indices)) == {}, "another object"


@given(st.lists(st.integers(-50, 49), max_size=60), st.lists(st.integers(-50, 49), max_size=60), st.data())
def test_subsets_of_subsets(one: list[int], two: list[int], data: st.DataObject) -> None:
    base = Numbers(50)
    kinds: Any = st.sampled_from([list, tuple, np.array, torch.tensor, lambda chosen: [np.int64(at) for at in chosen]])
    inner = Subset(base, data.draw(kinds)(one))
    if not one or not two:
        return
    outer = [at % len(one) for at in two]
    chosen = {at % 50 for at in one}
    again = Subset(inner, data.draw(kinds)(outer))
    assert shared(inner, again) == {"train": len(two)}
    kept = Subset(base, data.draw(kinds)(two))
    assert shared(inner, kept) == {"train": sum(at % 50 in chosen for at in two)}
    assert shared(again, kept) == {"train": sum(at % 50 in {one[at] % 50 for at in outer} for at in two)}


def test_samplers_choose_too() -> None:
    data = Numbers(100)
    train, val = (DataLoader(data, sampler=SubsetRandomSampler(range(*ends))) for ends in ((0, 80), (70, 100)))
    assert shared(train, val) == {"train": 10}

    class Own(SubsetRandomSampler):
        pass

    assert shared(train, DataLoader(data, sampler=Own([1, 2]))) == {}, "nobody knows what it chooses"


@pytest.mark.parametrize("indices", [[0, 1000], [0.5], ["a"], [torch.tensor(1)], iter([1]), torch.tensor([True])])
def test_odd_indices_say_nothing(indices: Any) -> None:
    data = Numbers(100)
    assert shared(data, Subset(data, indices)) == {}
    assert shared(Subset(data, indices), data) == {}
