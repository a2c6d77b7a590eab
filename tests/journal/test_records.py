"""Records are frozen, plain, and one line of JSON each."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.journal import records, writer
from autotrack.journal.records import AnyRecord, Metrics, Text, number

ONE_OF_EACH: list[AnyRecord] = [
    records.RunStarted(time=1.5, id="ab12", name="brave-otter", experiment="digits", argv=["train.py"], rank=1),
    records.Params(time=1.5, values={"lr": 0.1, "layers": [1, 2], "on": True, "none": None}, source="argparse"),
    records.Metrics(time=1.5, values={"loss": 0.25, "seen": 3, "bad": "NaN"}, step=3, epoch=1, stage="train"),
    records.SystemStats(time=1.5, values={"process_memory_bytes": 9, "host_cpu_percent": 0.5}, epoch=2, host="gpu7"),
    records.Environment(time=1.5, kind="git", values={"dirty": True, "tag": None}, files=["environment/git.json"]),
    records.Dataset(time=1.5, role="train", kind="numpy.ndarray", shape=[3, 2], fingerprint="ab", covered=1.0),
    records.Trial(time=1.5, number=3, params={"C": 0.1}, values={"mean_test_score": 0.9, "rank": 1}, started=1.0),
    records.Plot(time=1.5, name="cm", kind="confusion_matrix", data={"labels": [0, 1], "matrix": [[3, 0], [1, 2]]}),
    records.Artifact(time=1.5, path="checkpoints/last.ckpt", kind="checkpoint", bytes=9, roles=["last"]),
    records.Tags(time=1.5, values={"why": "paper"}),
    records.Text(time=1.5, name="note", text="two\nlines"),
    records.Table(time=1.5, name="t", columns=["a", "b"], rows=[[1, "x"], [2.5, None]]),
    records.Notice(time=1.5, about="journal", message="No space left on device"),
    records.Model(
        time=1.5, path="model", files=["a.bin"], flavors={"toy": {"data": "a.bin"}}, modules=["toy"], step=2
    ),
    records.Registration(time=1.5, id="ab12", name="digits", weights="best", tags={"why": "paper"}, version=3),
    records.Renamed(time=1.5, name="the-one"),
    records.RunFinished(time=1.5, status="failed", error="ValueError: no", stop_reason="late", overhead_seconds=0.01),
]


@pytest.mark.parametrize("record", ONE_OF_EACH, ids=lambda record: type(record).__name__)
def test_what_is_read_back_is_what_was_written(record: AnyRecord) -> None:
    assert records.decode(records.encode(record)) == record


@pytest.mark.parametrize("record", ONE_OF_EACH, ids=lambda record: type(record).__name__)
def test_a_record_is_one_line_that_begins_with_its_type(record: AnyRecord) -> None:
    line = records.encode(record)
    assert b"\n" not in line
    assert line.startswith(b'{"record":"%s","time":1.5' % type(record).__name__.encode())


@pytest.mark.parametrize("record", ONE_OF_EACH, ids=lambda record: type(record).__name__)
def test_a_record_cannot_be_changed(record: AnyRecord) -> None:
    with pytest.raises(AttributeError):
        record.time = 2.0  # type: ignore[misc]


def test_there_is_an_example_of_every_record() -> None:
    assert {type(record) for record in ONE_OF_EACH} == set(AnyRecord.__args__)


@given(st.dictionaries(st.text(), st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_stay_the_very_same_numbers(values: dict[str, Any]) -> None:
    back = records.decode(records.encode(Metrics(time=0.0, values=values)))
    assert isinstance(back, Metrics)
    assert [(name, type(value), repr(value)) for name, value in back.values.items()] == [
        (name, type(value), repr(value)) for name, value in values.items()
    ]


@given(st.text())
def test_any_text_fits_in_one_line(text: str) -> None:
    record = Text(time=0.0, name=text, text=text)
    line = records.encode(record)
    assert len(line.splitlines()) == 1
    assert records.decode(line) == record


def test_nan_and_the_infinities_have_names() -> None:
    assert math.isnan(number("NaN"))
    assert (number("Infinity"), number("-Infinity"), number(3), number(0.5)) == (math.inf, -math.inf, 3, 0.5)


def test_what_is_not_said_takes_no_room() -> None:
    assert records.encode(Metrics(time=1.0, values={"a": 1})) == b'{"record":"Metrics","time":1.0,"values":{"a":1}}'


def test_a_field_that_a_later_version_adds_is_skipped() -> None:
    line = b'{"record":"Tags","time":1.0,"values":{"a":"b"},"colour":"green"}'
    assert records.decode(line) == records.Tags(time=1.0, values={"a": "b"})


def test_what_is_no_text_in_a_name_is_kept_as_an_escape() -> None:
    started = records.RunStarted(time=1.0, id="a", name="b", experiment="é", argv=["\udcff.txt"])
    with pytest.raises(UnicodeEncodeError):
        records.encode(started)
    line = writer.encode_replacing(started)
    assert line.startswith(b'{"record":"RunStarted"')
    assert records.decode(line) == msgspec.structs.replace(started, argv=[r"\udcff.txt"])
    assert json.loads(line)["experiment"] == "é"


def test_strings_and_numbers_of_derived_classes_are_written_as_what_they_are() -> None:
    class Word(str):
        pass

    class Count(int):
        pass

    class Share(float):
        pass

    values = {Word("a"): Word("x"), "b": Count(3), "c": Share(0.5)}
    record = records.Params(time=1.0, values=values, source=Word("user"))
    assert records.decode(records.encode(record)) == records.Params(
        time=1.0, values={"a": "x", "b": 3, "c": 0.5}, source="user"
    )
