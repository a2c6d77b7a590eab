"""Numbers of every library are logged as they are; what is no number is refused by name; params become plain."""

import argparse
import collections
import functools
import itertools
import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack.journal.records import AnyRecord, Notice, number
from autotrack.training.values import as_data, as_number, as_plain, as_text, flatten, is_on_cuda, qualified_name
from tests.support.configs import Magic


class Size(IntEnum):
    BIG = 7


# Numbers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (-0.5, -0.5),
        (True, 1),
        (False, 0),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, float(2**63)),
        (10**30, 1e30),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        (Decimal("0.1"), 0.1),
        (Decimal("Infinity"), math.inf),
        (Fraction(1, 4), 0.25),
        (Fraction(-(10**400)), -math.inf),
        (Size.BIG, 7),
    ],
    ids=lambda value: str(value)[:12],
)
def test_python_numbers(value: object, expected: float) -> None:
    got = number(as_number("n", value))
    assert (got, type(got)) == (expected, type(expected))


@pytest.mark.parametrize("dtype", "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64".split())
def test_numpy_integers_of_every_dtype(dtype: str) -> None:
    np = pytest.importorskip("numpy")
    scalar = np.dtype(dtype).type(1)
    for value in (scalar, np.array(1, dtype), np.array([1], dtype), np.array([[1]], dtype)):
        assert as_number("n", value) == 1
        assert type(as_number("n", value)) is int


@pytest.mark.parametrize("dtype", "float16 float32 float64 longdouble".split())
@pytest.mark.parametrize("value", [0.5, -3.0, math.inf, -math.inf, math.nan])
def test_numpy_floats_of_every_dtype(dtype: str, value: float) -> None:
    np = pytest.importorskip("numpy")
    for given_value in (np.dtype(dtype).type(value), np.array(value, dtype), np.array([value], dtype)):
        got = number(as_number("n", given_value))
        assert type(got) is float
        assert got == value or (math.isnan(got) and math.isnan(value))


def test_the_largest_numpy_integer_becomes_a_float() -> None:
    np = pytest.importorskip("numpy")
    assert as_number("n", np.uint64(2**64 - 1)) == float(2**64)


def test_tensors_of_every_dtype() -> None:
    torch = pytest.importorskip("torch")
    floats = "float16 float32 float64 bfloat16 float8_e4m3fn float8_e5m2".split()
    integers = "uint8 int8 int16 int32 int64 uint16 uint32 uint64 bool".split()
    for name in floats + integers:
        dtype = getattr(torch, name)
        for tensor in (torch.tensor(1, dtype=dtype), torch.tensor([[1]], dtype=dtype)):
            assert as_number("n", tensor) == 1, name
            assert type(as_number("n", tensor)) is (float if name in floats else int), name
    for name in floats[:4]:
        dtype = getattr(torch, name)
        assert as_number("n", torch.tensor(0.5, dtype=dtype, requires_grad=True)) == 0.5
        assert as_number("n", torch.tensor(math.nan, dtype=dtype)) == "NaN"
        assert as_number("n", torch.tensor(-math.inf, dtype=dtype)) == "-Infinity"
    assert as_number("n", torch.nn.Parameter(torch.ones(1)) * 2) == 2.0


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_every_float_survives_the_way_through_a_run(values: list[float]) -> None:
    with autotrack.start_run(to="runs") as run:
        for value in values:
            run.log({"value": value, "again": value})
    recorded = autotrack.load(run.folder)
    for name in ("value", "again"):
        assert [repr(float(number(point.value))) for point in recorded.history(name)] == [
            repr(math.nan if math.isnan(value) else value) for value in values
        ]


NO_NUMBERS: list[object] = ["0.5", b"1", None, [1.0], {"a": 1.0}, (1.0,), 1j, date(2026, 1, 1), object(), print]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(TypeError, match=rf"'val/acc' is {type(value).__name__}.*single number.*log_params"):
        as_number("val/acc", value)


def test_arrays_and_tensors_that_are_no_single_number_are_refused_with_their_shape() -> None:
    np = pytest.importorskip("numpy")
    for array, what in [
        (np.zeros(2), r"ndarray of shape \(2,\)"),
        (np.zeros((0, 3)), r"ndarray of shape \(0, 3\)"),
        (np.array(["1"]), "str"),
        (np.array([1j]), "complex"),
        (np.array([None]), "NoneType"),
    ]:
        with pytest.raises(TypeError, match=f"'loss' is {what}"):
            as_number("loss", array)


def test_tensors_that_are_no_single_number_are_refused() -> None:
    torch = pytest.importorskip("torch")
    for tensor in (torch.zeros(2, 3), torch.zeros(0), torch.zeros(1, dtype=torch.complex64)):
        with pytest.raises(TypeError, match="'loss' is "):
            as_number("loss", tensor)
    with pytest.raises(TypeError, match="'loss' is Tensor"):
        as_number("loss", torch.zeros(1, device="meta"))


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_a_refused_value_does_not_end_the_run(value: object, store: Path) -> None:
    run = autotrack.start_run(to=store)
    with pytest.raises(TypeError, match="'loss'"):
        run.log({"good": 1.0, "loss": value})
    run.log({"good": 2.0})
    run.finish()
    recorded = autotrack.load(run.folder)
    assert [(point.step, point.value) for point in recorded.history("good")] == [(0, 2.0)]
    assert recorded.status == "finished"


def test_log_numbers_keeps_the_numbers_and_leaves_one_notice_a_name(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run(to=store) as run:
        for step in range(3):
            run._log_numbers({"loss": 0.5, "phase": "warm", "shape": [1]}, step=step)
        run._log_numbers({"phase": "warm"})
    notices = [record for record in read_journal(run.folder) if isinstance(record, Notice)]
    assert [notice.about for notice in notices] == ["metrics", "metrics"]
    assert "'phase' is str" in notices[0].message
    assert "'shape' is list" in notices[1].message
    recorded = autotrack.load(run.folder)
    assert list(recorded.metrics) == ["loss"]
    assert [point.step for point in recorded.history("loss")] == [0, 1, 2]


def test_log_numbers_counts_one_step_a_call(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run._log_numbers({"loss": 0.5, "phase": "warm"})
        run._log_numbers({"loss": 0.5})
    assert [point.step for point in autotrack.load(run.folder).history("loss")] == [0, 1]


def test_a_step_is_any_kind_of_integer_and_nothing_else(store: Path) -> None:
    np = pytest.importorskip("numpy")
    with autotrack.start_run(to=store) as run:
        for step in (np.int64(1), np.uint8(2), np.array(3), True, Size.BIG):
            run.log({"loss": 0.5}, step=step)
        run.log({"loss": 0.5}, epoch=np.int32(7))
        wrong: Any
        for wrong in (1.0, "1", np.float32(1), [1]):
            with pytest.raises(TypeError, match=r"step is .*; expected an integer"):
                run.log({"loss": 0.5}, step=wrong)
            with pytest.raises(TypeError, match=r"epoch is .*; expected an integer"):
                run.log({"loss": 0.5}, epoch=wrong)
    points = autotrack.load(run.folder).history("loss")
    assert [point.step for point in points] == [1, 2, 3, 1, 7, None]
    assert [point.epoch for point in points] == [None] * 5 + [7]


def test_only_a_tensor_on_cuda_is_on_cuda() -> None:
    class Tensor:
        is_cuda = True

    assert is_on_cuda(Tensor())
    assert not any(is_on_cuda(value) for value in (0.5, None, "cuda", object()))


# Params


class Colour(Enum):
    RED = "red"
    BOTH = ("red", "blue")


class Mixed(str, Enum):  # noqa: UP042  many libraries have such ones, and they print differently
    A = "a"


class Stage(StrEnum):
    FIT = "fit"


@dataclass
class Optimizer:
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass(slots=True)
class Model:
    width: int = 64
    optimizer: Optimizer = field(default_factory=Optimizer)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("text", "text"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (2**64 - 1, 2**64 - 1),
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (Colour.RED, "red"),
        (Colour.BOTH, "BOTH"),
        (Mixed.A, "a"),
        (Stage.FIT, "fit"),
        (Size.BIG, 7),
        (PurePosixPath("a/b"), "a/b"),
        (date(2026, 11, 21), "2026-11-21"),
        (datetime(2026, 11, 21, 7, 52, tzinfo=UTC), "2026-11-21T07:52:00+00:00"),
        (timedelta(minutes=2), 120.0),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (frozenset({"a"}), ["a"]),
        (range(3), [0, 1, 2]),
        ({1: {None: (Stage.FIT,)}}, {"1": {"None": ["fit"]}}),
        (collections.OrderedDict, "collections.OrderedDict"),
        (int, "int"),
        (len, "len"),
        (random.Random().random, "Random.random"),
        (json.dumps, "json.dumps"),
        (object(), "object"),
        (random.Random(), "random.Random"),
        (iter([1]), "list_iterator"),
        (b"bytes", "bytes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_param_becomes(value: object, plain: object) -> None:
    got = as_plain(value)
    assert (got, type(got)) == (plain, type(plain))


def test_numpy_and_torch_scalars_and_small_arrays_become_their_values() -> None:
    np, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    assert [as_plain(value) for value in (np.float32(0.5), np.int8(3), np.bool_(True), np.array(2), np.str_("s"))] == [
        0.5,
        3,
        True,
        2,
        "s",
    ]
    assert as_plain(np.array([[1.0, np.nan], [0.5, 2.0]])) == [[1.0, "NaN"], [0.5, 2.0]]
    assert as_plain(np.array(["a", "b"])) == ["a", "b"]
    assert as_plain(np.zeros((200, 3), "float32")) == "numpy.ndarray of shape (200, 3), float32"
    assert as_plain(torch.tensor(0.5, dtype=torch.bfloat16)) == 0.5
    assert as_plain(torch.tensor([1, 2])) == [1, 2]
    assert as_plain(torch.nn.Parameter(torch.tensor([0.5]))) == [0.5]
    assert as_plain(torch.zeros(500, dtype=torch.bfloat16)) == "torch.Tensor of shape (500,), bfloat16"
    assert as_plain(torch.zeros(3, device="meta")) == "torch.Tensor of shape (3,), float32"
    assert [as_plain(value) for value in (torch.float32, torch.device("cpu"))] == ["torch.float32", "cpu"]
    assert as_plain(torch.nn.ReLU) == "torch.nn.modules.activation.ReLU"


def test_what_is_long_is_cut_and_what_is_deep_becomes_a_name() -> None:
    assert as_plain(list(range(1000))) == list(range(1000))
    cut = as_plain(list(range(5000)))
    assert cut == [*range(999), "… 4,001 more"]
    assert as_plain(cut) == cut
    named = as_plain({str(key): key for key in range(5000)})
    assert (len(named), named["…"]) == (1001, "4,000 more")
    deep: Any = "bottom"
    for _ in range(50):
        deep = [deep]
    assert as_plain(deep) == [[[[["list"]]]]]
    itself: list[Any] = []
    itself.append(itself)
    assert json.dumps(as_plain(itself))


def test_values_that_may_compute_or_load_their_items_are_not_touched() -> None:
    class Loading(collections.abc.Sequence[int]):
        def __getitem__(self, index: Any) -> Any:
            raise AssertionError("an item was loaded")

        def __len__(self) -> int:
            raise AssertionError("the items were counted")

        def __repr__(self) -> str:
            raise AssertionError("the items were shown")

    assert as_plain(Loading()).endswith("Loading")
    generator = (value for value in [1])
    assert as_plain(generator).endswith("<genexpr>")
    assert list(generator) == [1]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.timedeltas()
    | st.sampled_from([Colour.RED, Colour.BOTH, Stage.FIT, PurePosixPath("a"), int, len, object(), Optimizer()])
)
NESTED: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=15,
)


@given(NESTED)
def test_whatever_is_given_becomes_data_that_json_can_hold(value: Any) -> None:
    plain = as_plain(value)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert msgspec.json.decode(msgspec.json.encode(plain)) == plain
    assert as_plain(plain) == plain


@given(st.dictionaries(st.text(), NESTED, max_size=3))
def test_flattened_params_are_plain_as_well(values: dict[str, Any]) -> None:
    flat = flatten(values)
    assert all(isinstance(name, str) for name in flat)
    assert not any(isinstance(value, dict) and value for value in flat.values())
    assert msgspec.json.decode(msgspec.json.encode(flat)) == flat


NAMES = st.text("ab é3", min_size=1, max_size=3)
TREES: st.SearchStrategy[Any] = st.recursive(
    st.integers(-5, 5) | st.booleans(),
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, TREES, max_size=3))
def test_flattening_loses_no_value(values: dict[str, Any]) -> None:
    nested: dict[str, Any] = {}
    for name, value in flatten(values).items():
        *folders, last = name.split(".")
        inner = nested
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = value
    assert nested == values


def test_namespaces_dataclasses_and_mappings_get_dotted_names() -> None:
    values = {
        "model": Model(),
        "args": argparse.Namespace(seed=3, data=argparse.Namespace(path=Path("digits"))),
        "frozen": MappingProxyType({"on": True}),
        "empty": {},
        "kind": Model,
        3: {None: "odd"},
    }
    assert flatten(values) == {
        "model.width": 64,
        "model.optimizer.lr": 0.1,
        "model.optimizer.betas": [0.9, 0.99],
        "args.seed": 3,
        "args.data.path": "digits",
        "frozen.on": True,
        "empty": {},
        "kind": qualified_name(Model),
        "3.None": "odd",
    }


def test_params_with_anything_in_them_arrive(store: Path) -> None:
    with autotrack.start_run(to=store, params={"model": Model(), "act": len, "seed": 2**64 - 1}) as run:
        run.log_params({"name": "half \udcff text", "nan": math.nan, "when": date(2026, 1, 2)})
    assert autotrack.load(run.folder).params == {
        "model.width": 64,
        "model.optimizer.lr": 0.1,
        "model.optimizer.betas": [0.9, 0.99],
        "act": "len",
        "seed": 2**64 - 1,
        "name": r"half \udcff text",
        "nan": "NaN",
        "when": "2026-01-02",
    }


class Point(NamedTuple):
    depth: int = 3
    heads: int = 4


def test_what_holds_settings_by_name_keeps_them_also_within_lists() -> None:
    values = {
        "simple": SimpleNamespace(k=5),
        "point": Point(),
        "part": functools.partial(Optimizer, lr=3e-4),
        "listed": [Optimizer(0.2), {"c": 1}, SimpleNamespace(d=2), functools.partial(len, "x")],
    }
    assert flatten(values) == {
        "simple.k": 5,
        "point.depth": 3,
        "point.heads": 4,
        "part.func": qualified_name(Optimizer),
        "part.lr": 3e-4,
        "listed": [{"lr": 0.2, "betas": [0.9, 0.99]}, {"c": 1}, {"d": 2}, {"func": "len", "args": ["x"]}],
    }


def test_distributions_of_a_search_say_what_they_are() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert as_plain(stats.uniform(0.5, scale=2)) == "uniform(0.5, scale=2)"
    assert as_plain(stats.randint(1, 9)) == "randint(1, 9)"


# ---- what cannot be read


class Demanding(collections.abc.Mapping[str, Any]):
    """A config with values that are missing until somebody sets them."""

    def __getitem__(self, key: str) -> Any:
        if key == "must":
            raise LookupError(key)
        return 0.1

    def __iter__(self) -> Iterator[str]:
        return iter(["lr", "must"])

    def __len__(self) -> int:
        return 2


@dataclass
class Half:
    """A field that is computed, and cannot be."""

    whole: int = 1
    broken: int = field(init=False)

    def __getattribute__(self, name: str) -> Any:
        if name == "broken":
            raise RuntimeError("not yet")
        return super().__getattribute__(name)


def test_a_value_that_cannot_be_read_costs_itself_and_is_named(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run(to=store) as run:
        run.log_params({"config": Demanding(), "half": Half(), "magic": Magic(a=1), "list": [Demanding()], "z": 1})
        run.log_params(Demanding(), "its own")
    assert autotrack.load(run.folder).params == {
        "config.lr": 0.1,
        "config.must": "could not be read: LookupError",
        "half.whole": 1,
        "half.broken": "could not be read: RuntimeError",
        "magic": qualified_name(Magic),
        "list": [{"lr": 0.1, "must": "could not be read: LookupError"}],
        "z": 1,
        "lr": 0.1,
        "must": "could not be read: LookupError",
    }
    notices = [record.message for record in read_journal(run.folder) if isinstance(record, Notice)]
    assert notices == [
        "config.must of user could not be read: LookupError",
        "half.broken of user could not be read: RuntimeError",
        "must of its own could not be read: LookupError",
    ]


class _OwnError(Exception):
    """An error of other people's, whose text raises as well."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Proxy:
    """A stand-in for an object that is not there yet: asking for anything at all raises."""

    def __getattribute__(self, name: str) -> Any:
        raise _OwnError

    def __repr__(self) -> str:
        raise _OwnError

    def __str__(self) -> str:
        raise _OwnError


class Endless(Demanding):
    """A config whose names cannot be listed to the end."""

    def __iter__(self) -> Iterator[str]:
        yield "lr"
        raise _OwnError


class Rough(str):
    """A text that does not like to be asked for one."""

    def __str__(self) -> str:
        raise _OwnError


def bad_values() -> dict[str, Any]:
    return {"proxy": Proxy(), "endless": Endless(), "demanding": Demanding(), "half": Half(), "magic": Magic(a=1),
            "rough": Rough("text"), "list": [Proxy(), 1], "inner": {"a": Proxy(), "b": 1}}  # fmt: skip


def test_whatever_is_logged_costs_itself_only(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    with autotrack.start_run(to=store, tags={"early": Proxy()}) as run:  # type: ignore[dict-item]
        run.log_params({**bad_values(), "z": 1})
        run.log_tags({"good": "yes", "bad": Proxy(), "rough": Rough("text")})
        run.log_text("note", Proxy())  # type: ignore[arg-type]
        run.log_trial(0, {"good": 1, "bad": Proxy()}, {"score": 0.5, "other": Proxy()})
        run.log_table("table", [{"good": 1, "bad": Proxy()}])
        run.log_dataset("train", Proxy())
        run.log_plot("plot", "curve", {"x": [1, 2], "y": Proxy()})
        with pytest.raises(TypeError, match="'loss' is Proxy"):
            run.log({"loss": [Proxy()][0], "other": 1})
    recorded, why = autotrack.load(run.folder), "could not be read: _OwnError"
    expected = {"proxy": why, "endless.lr": 0.1, "rough": "text", "list": [why, 1], "inner.a": why, "z": 1}
    assert {name: recorded.params[name] for name in expected} == expected
    assert recorded.tags == {"early": why, "good": "yes", "bad": why, "rough": "text"}
    assert (recorded.trials[0].params, recorded.trials[0].values) == ({"good": 1, "bad": why}, {"score": 0.5})
    assert [data.role for data in recorded.datasets] == ["train"]
    notices = [record.message for record in read_journal(run.folder) if isinstance(record, Notice)]
    for name in ("proxy of user", "inner.a of user", "early of the tags", "bad of the tags", "bad of a trial"):
        assert f"{name} {why}" in notices


@given(st.lists(st.sampled_from(sorted(bad_values())), max_size=4), NESTED)
def test_reading_raises_nothing(chosen: list[str], good: Any) -> None:
    values = {"good": good, **{name: bad_values()[name] for name in chosen}}
    flat = flatten({"before": 1, "given": values, "after": 2})
    assert (flat["before"], flat["after"]) == (1, 2)
    assert json.loads(json.dumps(flat, allow_nan=False))
    for value in values.values():
        for convert in (as_plain, as_data, as_text):
            assert json.dumps(convert(value))


def test_many_items_in_many_lists_are_bounded_together() -> None:
    assert len(json.dumps(as_plain([[[[1] * 100] * 100] * 100] * 100))) < 10_000
    flat = flatten({"words": {str(key): key for key in range(1500)}, "lr": 0.1})
    assert (len(flat), flat["words.…"], flat["lr"]) == (1002, "more than 1,000 names", 0.1)


def test_sets_and_exact_numbers_are_the_same_in_every_process() -> None:
    assert as_plain({"b", "a", "c"}) == ["a", "b", "c"]
    assert as_plain([Decimal("0.1"), Fraction(1, 3), 1 + 2j]) == ["0.1", "1/3", "(1+2j)"]
    assert as_plain(collections.deque([1, 2])) == [1, 2]


def test_values_of_omegaconf_that_are_missing_are_kept_as_they_are_written() -> None:
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create({"lr": 0.1, "must": "???", "env": "${oc.env:NOT_SET}", "l": [1, "???"]})
    expected = {"lr": 0.1, "must": "???", "env": "${oc.env:NOT_SET}", "l": [1, "???"]}
    assert flatten(config) == expected
    assert flatten({"config": config}) == {f"config.{name}": value for name, value in expected.items()}


def test_what_has_no_names_is_no_params(store: Path) -> None:
    with autotrack.start_run(to=store) as run, pytest.raises(TypeError, match=r"3 has no names; expected names and"):
        run.log_params(3)  # type: ignore[arg-type]


# ---- what contains itself


def test_what_contains_itself_costs_itself_only(store: Path) -> None:
    config: dict[str, Any] = {"lr": 0.1, "inner": {"width": 64}}
    config["inner"]["self"] = config
    config["inner"]["inner"] = config["inner"]
    names: list[Any] = ["a"]
    names.append(names)
    deep: dict[str, Any] = {}
    innermost = deep
    for _ in range(5000):
        innermost["x"] = innermost = {}
    with autotrack.start_run(to=store) as run:
        run.log_params({**config, "names": names, "deep": deep, "epochs": 3})
        run.log_plot("matrix", "confusion_matrix", {"matrix": names, "labels": ["a"]})
    params = autotrack.load(run.folder).params
    assert {name: params[name] for name in ("lr", "inner.width", "epochs")} == {
        "lr": 0.1,
        "inner.width": 64,
        "epochs": 3,
    }
    assert params["inner.inner"] == "dict"
    assert len(params) < 20


@dataclass
class Node:
    """One of several objects that know each other."""

    name: str
    others: dict[str, Any] = field(default_factory=dict)


def test_objects_that_all_know_each_other_end_somewhere(store: Path) -> None:
    nodes = [Node(f"n{number}") for number in range(16)]
    for node in nodes:
        node.others.update({other.name: other for other in nodes})
    wide: dict[str, Any] = {"leaf": 1}
    for _ in range(18):
        wide = {str(number): wide for number in range(8)}
    rows: list[Any] = []
    rows.extend([rows] * 50)
    with autotrack.start_run(to=store) as run:
        run.log_params({"lr": 0.1, "node": nodes[0]})
        run.log_params({"wide": wide, "rows": rows, "epochs": 3})
        run.log_plot("curve", "curve", {"x": rows, "y": [1, 2]})
        run.log_table("table", [{"a": nodes[0], "b": rows}])
    params = autotrack.load(run.folder).params
    assert (params["lr"], params["node.name"], params["epochs"]) == (0.1, "n0", 3)
    assert len(params) < 25_000


class Unending(Demanding):
    """A mapping that has whatever it is asked for, and lists names without end."""

    def __iter__(self) -> Iterator[str]:
        return map(str, itertools.count())

    def __len__(self) -> int:
        return sys.maxsize


def test_a_mapping_that_makes_up_names_without_end_becomes_a_thousand(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log_params({"lr": 0.1, "unending": Unending(), "list": [Unending()]})
    params = autotrack.load(run.folder).params
    assert (params["lr"], params["unending.0"], params["unending.…"]) == (0.1, 0.1, "more than 1,000 names")
    assert len(params["list"][0]) == 1001 - 1


def test_arrays_of_objects_are_read_like_lists_of_them(store: Path) -> None:
    np = pytest.importorskip("numpy")
    itself = np.empty(2, object)
    itself[:] = [1, itself]
    alone = np.empty((), object)
    alone[()] = alone
    given = {
        "lr": 0.1,
        "loaded": np.array({"width": 64}),  # what `np.load` makes of a pickled dict
        "bytes": np.bytes_(b"x"),
        "pair": np.array((1, 0.5), "i4,f4"),
        "object": np.array(object()),
        "itself": itself,
        "alone": alone,
    }
    with autotrack.start_run(to=store) as run:
        run.log_params(given)
        run.log_plot("curve", "curve", {"x": itself, "y": alone})
    recorded = autotrack.load(run.folder)
    kept = {name: recorded.params[name] for name in ("lr", "loaded", "bytes", "pair", "object")}
    assert kept == {"lr": 0.1, "loaded": {"width": 64}, "bytes": "bytes", "pair": [1, 0.5], "object": "object"}
    assert recorded.params["itself"][0] == 1
    assert recorded.left_out == []
    assert [plot.name for plot in recorded.plots] == ["curve"]


def test_proxies_become_what_they_stand_for(store: Path) -> None:
    proxy: Any = pytest.importorskip("wrapt").ObjectProxy
    values: dict[str, Any] = {"text": "adam", "on": True, "off": False, "depth": 3, "lr": 0.1, "data": [1, 2]}
    proxies = {name: proxy(value) for name, value in values.items()}
    with autotrack.start_run(to=store) as run:
        run.log_params(proxies)
        run.log({"loss": proxy(0.5), "count": proxy(3)}, step=0)
        run.log_tags({"why": proxy("paper")})
    recorded = autotrack.load(run.folder)
    assert recorded.params == values
    assert [recorded.metrics[name].last.value for name in ("loss", "count")] == [0.5, 3]
    assert recorded.tags == {"why": "paper"}


def test_what_is_masked_is_no_number(store: Path) -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    rows = numpy.ma.array([[7, 8]], mask=[[True, False]])
    one = numpy.ma.array([7.0], mask=[True])
    with autotrack.start_run(to=store) as run:
        run.log({"constant": numpy.ma.masked, "one": one, "bare": numpy.ma.array([7.0])})
        run.log_params({"constant": numpy.ma.masked, "rows": rows})
        run.log_table("table", {"a": rows[0]})
        run.log_plot("plot", "curve", {"x": rows[0], "y": rows[0]})
    found = autotrack.load(run.folder)
    assert found.params == {"constant": "NaN", "rows": [["NaN", 8]]}
    assert [found.metrics[name].last.value for name in ("constant", "one", "bare")] == ["NaN", "NaN", 7.0]
    written = (run.folder / "journal" / "main.jsonl").read_text(encoding="utf-8")
    assert '"rows":[["NaN"],[8]]' in written
    assert '"x":["NaN",8]' in written
    assert as_number("a method called mask", pandas.Series([3.0])) == 3.0


def test_a_number_that_cannot_be_read_is_said_to_be_so() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"'m' is Tensor of shape \(\); it cannot be read \(.*meta"):
        as_number("m", torch.ones((), device="meta"))
