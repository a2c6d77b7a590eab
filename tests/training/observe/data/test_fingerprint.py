"""The same data has the same fingerprint, in any layout, copy or process; any change of it another one."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from scipy import sparse  # type: ignore[import-untyped,unused-ignore] # its types are not published with it

from autotrack.journal.records import Dataset
from autotrack.training.observe.data.fingerprint import (
    BUDGET_BYTES,
    Deadline,
    OutOfTime,
    Part,
    allowances,
    blocks,
    fingerprint,
)
from autotrack.training.observe.data.observer import DataObserver

DTYPES = st.one_of(
    arrays_of.scalar_dtypes(),
    arrays_of.array_dtypes(subtype_strategy=arrays_of.scalar_dtypes(), max_size=3),
)
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


def arrays(shapes: Any = SHAPES) -> st.SearchStrategy[Any]:
    return arrays_of.arrays(DTYPES, shapes)


def describe(data: Any) -> Dataset:
    return DataObserver(seconds=60).describe("train", data)


def print_of(data: Any) -> str:
    found = describe(data)
    assert found.covered == 1.0
    assert found.fingerprint is not None
    return found.fingerprint


# Arrays


@given(arrays())
def test_layout_in_memory_is_no_part_of_the_data(array: np.ndarray[Any, Any]) -> None:
    spread = np.zeros(tuple(2 * length for length in array.shape), array.dtype)
    halved: Any = (..., *(slice(None, None, 2) for _ in array.shape))
    every_other = spread[halved]  # a view, also without axes
    every_other[...] = array
    backwards = array[::-1].copy()[::-1] if array.ndim else array
    prints = {print_of(one) for one in (array, array.copy(), array.copy(order="F"), backwards, every_other)}
    assert len(prints) == 1


@given(arrays(arrays_of.array_shapes(max_dims=3, max_side=6)), st.data())
def test_another_value_is_other_data(array: np.ndarray[Any, Any], data: st.DataObject) -> None:
    changed = array.copy()
    at = tuple(data.draw(st.integers(0, length - 1)) for length in array.shape)
    changed[at] = np.zeros((), array.dtype)[()]
    assume(changed[at].tobytes() != array[at].tobytes())
    assume(array.dtype.names is None and array.dtype.char not in "gG")  # their gaps are no value
    assert print_of(changed) != print_of(array)


@given(arrays_of.arrays(st.sampled_from(["f8", "i4", "u1", "M8[s]", "c8"]), st.tuples(st.integers(2, 9), st.just(2))))
def test_rows_in_another_order_are_other_data(array: np.ndarray[Any, Any]) -> None:
    swapped = array[[1, 0, *range(2, len(array))]]
    assert (print_of(swapped) == print_of(array)) == (swapped.tobytes() == array.tobytes())


@given(arrays())
def test_dtype_and_shape_are_part_of_the_data(array: np.ndarray[Any, Any]) -> None:
    assert print_of(array[None]) != print_of(array)
    if array.dtype.kind in "iu" and array.dtype.itemsize > 1:
        assert print_of(array.view(array.dtype.newbyteorder())) != print_of(array)
        assert print_of(array.view(f"V{array.dtype.itemsize}")) != print_of(array)


def test_gaps_between_fields_and_behind_long_numbers_are_no_part_of_the_data() -> None:
    gapped = np.dtype([("flag", "u1"), ("value", "f8")], align=True)
    clean, dirty = np.zeros(5, gapped), np.frombuffer(bytearray([255]) * 5 * gapped.itemsize, gapped)
    for name in ("flag", "value"):
        dirty[name] = 0
    assert clean.tobytes() != dirty.tobytes()
    assert print_of(clean) == print_of(dirty)
    clean["value"][3] = 1
    assert print_of(clean) != print_of(dirty)
    long_clean = np.zeros(4, np.longdouble)
    long_dirty = np.frombuffer(bytearray([255]) * long_clean.nbytes, np.longdouble)
    long_dirty[:] = long_clean
    assert print_of(long_clean) == print_of(long_dirty)


def test_another_process_finds_the_same() -> None:
    code = """
import numpy as np, pandas as pd
from autotrack.training.observe.data.observer import DataObserver
for data in (np.arange(100.0), ["a", "b"], {"x": np.eye(3)}, pd.DataFrame({"a": ["x", None], "b": [1, 2]})):
    print(DataObserver(seconds=60).describe("train", data).fingerprint)
"""
    here = Path(__file__).parents[4]
    prints = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, cwd=here, env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(prints) == 1
    own = [np.arange(100.0), ["a", "b"], {"x": np.eye(3)}, pd.DataFrame({"a": ["x", None], "b": [1, 2]})]
    assert prints.pop().split() == [print_of(data) for data in own]


def test_other_kinds_of_arrays(tmp_path: Path) -> None:
    values = np.arange(24.0).reshape(6, 4)
    np.save(tmp_path / "values.npy", values)
    assert print_of(np.load(tmp_path / "values.npy", mmap_mode="r")) == print_of(values)
    masked = np.ma.MaskedArray(values, mask=values > 3)
    assert print_of(masked) != print_of(values)
    texts = np.array(["a", "bc"], dtype=np.dtypes.StringDType())
    assert print_of(texts) == print_of(texts.copy())
    assert print_of(texts) != print_of(np.array(["a", "bd"], dtype=np.dtypes.StringDType()))


def test_objects_are_told_apart_by_value_and_type() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    values = [1, 1.0, True, "1", b"1", None, 1j, Decimal(1), now, np.float32(1), pd.NA, pd.NaT, Path("1"), (1,), [1],
              {"1": 1}, np.ones(1), torch.ones(1), pd.Timestamp(now), "\N{SNOWMAN}", "\ud800"]  # fmt: skip
    prints = [print_of([value, "and more"]) for value in values]
    assert len(set(prints)) == len(values)
    column = np.empty(len(values), object)
    column[:] = values
    assert print_of(column) == print_of(column.copy())


def test_objects_that_are_no_plain_data_are_not_covered() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise AssertionError("nobody asked for it")

        def __len__(self) -> int:
            raise AssertionError("nor for this")

    for data in ([Odd(), Odd()], np.array([Odd()], dtype=object), [[[[[[[1]]]]]]], ["x" * 2**21], [10**5000]):
        found = describe(data)
        assert (found.fingerprint, found.covered) == (None, 0.0)


@given(st.lists(st.floats() | st.integers() | st.text() | st.none() | st.booleans()), st.data())
def test_lists_of_plain_values(values: list[Any], data: st.DataObject) -> None:
    assert print_of(list(values)) == print_of(values)
    assert print_of([*values, "more"]) != print_of(values)
    if values:
        at = data.draw(st.integers(0, len(values) - 1))
        assert print_of([*values[:at], "\ue000 changed", *values[at + 1 :]]) != print_of(values)


# Tensors, sparse matrices and tables


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "bool", "int64", "complex64", "float8_e4m3fn", "complex128"])
def test_tensors_are_read_in_place_whatever_their_dtype(dtype: str) -> None:
    tensor = (torch.arange(24).reshape(6, 4) % 2).to(getattr(torch, dtype))
    other_layout = tensor.T.contiguous().T
    assert print_of(tensor) == print_of(tensor.clone()) == print_of(other_layout)
    changed = tensor.clone()
    changed[3, 2] = 1
    assert print_of(changed) != print_of(tensor)
    found = describe(tensor)
    assert (found.shape, found.dtype, found.rows, found.bytes) == ([6, 4], dtype, 6, tensor.nbytes)


def test_a_tensor_stays_what_it_was() -> None:
    """It still requires its gradient, and can be resized, which `Tensor.numpy()` would end."""
    tensor = torch.ones(5, 2, requires_grad=True)
    assert print_of(tensor) == print_of(torch.ones(5, 2)) == print_of(torch.nn.Parameter(torch.ones(5, 2)))
    assert tensor.requires_grad
    assert tensor.is_leaf
    assert tensor.grad is None
    plain = torch.ones(5)
    describe(plain)
    plain.resize_(100)
    assert plain.shape == (100,)
    assert print_of(torch.ones(3)) == print_of(np.ones(3, "f4")), "a tensor and an array of the same numbers"


def test_what_is_not_in_plain_memory_is_described_by_its_looks() -> None:
    conjugated = torch.ones(4, dtype=torch.complex64).conj()
    on_device, coo = torch.ones(4, 2, device="meta"), torch.eye(4).to_sparse()
    for tensor in (conjugated, on_device, coo):
        found = describe((tensor, np.ones(4)))
        assert 0 < found.covered < 1
        alone = describe(tensor)
        assert (alone.fingerprint, alone.covered, alone.shape) == (None, 0.0, list(tensor.shape))


@pytest.mark.parametrize("made", ["array", "matrix"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
def test_sparse_matrices_of_every_format(form: str, made: str) -> None:
    dense = np.diag(np.arange(1.0, 8.0))[:, :5]
    matrix = getattr(sparse, f"{form}_{made}")(dense)
    assert print_of(matrix) == print_of(matrix.copy())
    assert print_of(matrix) != print_of(getattr(sparse, f"{form}_{made}")(2 * dense))
    assert print_of(matrix) != print_of(getattr(sparse, f"{form}_{made}")(dense[:, ::-1]))
    wider = matrix.copy()
    wider.resize(7, 6)
    assert print_of(matrix) != print_of(wider)
    found = describe(matrix)
    assert (found.shape, found.dtype, found.rows) == ([7, 5], "float64", 7)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": [1.5, 2.5, np.nan, 4.0],
            "count": [1, 2, 3, 4],
            "text": ["a", "b", None, "d"],
            "object": np.array(["a", 1, None, 2.5], dtype=object),
            "category": pd.Categorical(["x", "y", None, "x"]),
            "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
            "maybe": pd.array([True, None, False, True], dtype="boolean"),
            "string": pd.array(["a", None, "c", "d"], dtype="string"),
            "day": pd.date_range("2026-01-01", periods=4),
            "moment": pd.date_range("2026-01-01", periods=4, tz="Europe/Berlin"),
            "span": pd.to_timedelta([1, 2, 3, 4], unit="s"),
            "period": pd.period_range("2026-01", periods=4, freq="M"),
        }
    )


def test_tables_by_column() -> None:
    found = describe(table())
    assert (found.shape, found.rows, found.covered) == ([4, 12], 4, 1.0)
    assert found.schema["nullable"] == "Int64"
    assert found.schema["moment"].endswith("Europe/Berlin]")
    assert found.fingerprint == print_of(table())


@pytest.mark.parametrize("column", list(table().columns))
def test_each_column_counts(column: str) -> None:
    swapped = table()
    swapped[column] = swapped[column].iloc[[1, 0, 2, 3]].array
    missing = table()
    missing[column] = missing[column].iloc[[0, 1, 2, 2]].array
    renamed = table().rename(columns={column: "other"})
    assert len({print_of(one) for one in (table(), swapped, missing, renamed)}) == 4
    assert print_of(table()[column]) != print_of(swapped[column])


def test_the_index_and_the_numbers_of_categories_are_no_part_of_a_table() -> None:
    assert print_of(table().set_axis([7, 5, 3, 1])) == print_of(table())
    backwards = table()
    backwards["category"] = backwards["category"].cat.reorder_categories(["y", "x"])
    assert print_of(backwards) == print_of(table())
    below = pd.DataFrame({"nullable": pd.arrays.IntegerArray(np.array([1, 99]), np.array([False, True]))})
    zeroed = pd.DataFrame({"nullable": pd.arrays.IntegerArray(np.array([1, 0]), np.array([False, True]))})
    assert print_of(below) == print_of(zeroed)


def test_tables_of_many_columns() -> None:
    numbers = pd.DataFrame(np.arange(600.0).reshape(3, 200))
    assert print_of(numbers) == print_of(numbers.copy())
    for changed in (numbers.rename(columns={3: "three"}), numbers.replace(7.0, 8.0), numbers.iloc[::-1]):
        assert print_of(changed) != print_of(numbers)
    mixed = pd.DataFrame({f"c{n}": [n, 1] if n % 2 else ["a", "b"] for n in range(300)})
    found = describe(mixed)
    assert found.fingerprint is not None
    assert found.covered == 0.0, "not all columns are looked at, so that nobody knows the share"
    assert len(found.schema) <= 200


# What is read of large data


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(1, 10**5), st.integers(2, 300)), min_size=1, max_size=40))
def test_what_is_read_stays_within_the_budget(sizes: list[tuple[int, float, int]]) -> None:
    parts = [Part(name="", dtype="", units=n, unit_cost=cost, most_pieces=most) for n, cost, most in sizes]
    total = 0.0
    for part, allowed in zip(parts, allowances(parts), strict=True):
        chosen = list(blocks(part, allowed))
        total += sum(stop - start for start, stop in chosen) * part.unit_cost
        assert all(first[1] <= second[0] for first, second in pairwise(chosen)), "no overlap"
        if chosen:
            assert chosen[0][0] == 0
            assert chosen[-1][1] == part.units
        if part.cost <= allowed and part.units:
            assert sum(stop - start for start, stop in chosen) == part.units
    assert total <= BUDGET_BYTES * 1.001


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((25_000_000,)),
        lambda: np.zeros((2, 12_500_000)).T,
        lambda: np.zeros((5, 5, 1_000_000)),
        lambda: np.broadcast_to(np.float64(0), (10**6, 10**6)),
        lambda: torch.zeros(25_000_000),
        lambda: pd.DataFrame(np.zeros((1_000_000, 25))),
        lambda: pd.DataFrame(np.zeros((2_500_000, 10))),
        lambda: sparse.csr_matrix((np.zeros(10**7), np.zeros(10**7, "i4"), np.array([0, 10**7])), shape=(1, 9)),
    ],
    ids=["long", "transposed", "wide rows", "broadcast", "tensor", "matrix", "table", "sparse"],
)
def test_large_data_is_read_in_part_and_never_copied(make: Callable[[], Any]) -> None:
    data = make()
    describe(np.zeros(3))
    tracemalloc.start()
    try:
        found = describe(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0 < found.covered < 0.1
    assert found.fingerprint
    assert peak < 2 * BUDGET_BYTES


@pytest.mark.parametrize("at", [0, -1], ids=["head", "tail"])
def test_head_and_tail_of_large_data_are_covered(at: int) -> None:
    data = np.zeros((3_000_000, 3))
    before = describe(data).fingerprint
    data[at, at] = 1
    assert describe(data).fingerprint != before
    labels = [0] * 1_000_000
    before = describe(labels).fingerprint
    labels[at] = 1
    assert describe(labels).fingerprint != before


def test_a_short_budget_of_time_gives_no_fingerprint_rather_than_another_one() -> None:
    found = DataObserver(seconds=0).describe("train", (np.zeros((10, 2)), np.zeros(10)))
    assert (found.fingerprint, found.covered, found.rows, found.bytes) == (None, 0.0, 10, 240)
    assert found.schema == {"x": "float64 [10, 2]", "y": "float64"}
    with pytest.raises(OutOfTime):
        fingerprint([Part(name="", dtype="")], Deadline(0))
