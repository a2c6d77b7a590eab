"""What cannot be recorded is refused by the call that was given it: with the value, and what was expected."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.journal.records import AnyRecord, Text

ODD = [
    5,
    1.5,
    None,
    True,
    [],
    ["a"],
    {"a": 1},
    {1},
    b"\xff",
    object(),
    "",
    "a\0b",
    "\udcff",
    10**400,
    float("nan"),
    print,
]
CALLS: dict[str, Callable[[autotrack.Run, Any], object]] = {
    "log": lambda run, odd: run.log(odd),
    "the name of a metric": lambda run, odd: run.log({odd: 1.0}),
    "step": lambda run, odd: run.log({"loss": 1.0}, odd),
    "stage": lambda run, odd: run.log({"loss": 1.0}, 0, stage=odd),
    "source": lambda run, odd: run.log_params({"lr": 1.0}, source=odd),
    "tags": lambda run, odd: run.log_tags(odd),
    "text": lambda run, odd: run.log_text("text", "text", odd),
    "table": lambda run, odd: run.log_table("table", odd),
    "rows": lambda run, odd: run.log_table("table", [odd, odd]),
    "columns": lambda run, odd: run.log_table("table", [[1]], columns=odd),
    "step of a table": lambda run, odd: run.log_table("table", [[1]], odd),
    "number": lambda run, odd: run.log_trial(odd, {}, {}),
    "scores": lambda run, odd: run.log_trial(0, {}, odd),
    "status": lambda run, odd: run.log_trial(0, {}, {}, status=odd),
    "kind": lambda run, odd: run.log_trial(0, {}, {}, kind=odd),
    "error": lambda run, odd: run.log_trial(0, {}, {}, error=odd),
    "started": lambda run, odd: run.log_trial(0, {}, {}, started=odd),
    "kind of a plot": lambda run, odd: run.log_plot("plot", odd, {"x": [1]}),
    "step of a plot": lambda run, odd: run.log_plot("plot", "curve", {"x": [1]}, odd),
    "image": lambda run, odd: run.log_image(odd, [[0.5]]),
    "role": lambda run, odd: run.log_dataset(odd, [1]),
    "name of a data set": lambda run, odd: run.log_dataset("train", [1], odd),
    "kind of a file": lambda run, odd: run.log_artifact(__file__, kind=odd),
    "name of a file": lambda run, odd: run.log_artifact(__file__, odd),
    "notice": lambda run, odd: run.notice(odd, odd),
}
SAYS_WHAT_TO_GIVE = r"expected|give it|takes|cannot name a file|names and values|cells but there are|argument [12]"


@pytest.mark.parametrize("name", CALLS)
def test_whatever_is_given_is_refused_with_advice_or_can_be_read_again(store: Path, name: str) -> None:
    errors = []
    with autotrack.start_run("one", to=store) as run:
        for odd in ODD:
            if name == "the name of a metric" and odd.__hash__ is None:
                continue  # Python itself refuses such a dict
            try:
                CALLS[name](run, odd)
            except (TypeError, ValueError, autotrack.AutotrackError) as error:
                errors.append(str(error))
    assert [error for error in errors if len(error) > 500 or not re.search(SAYS_WHAT_TO_GIVE, error)] == []
    (recorded,) = autotrack.runs(store)
    assert recorded.left_out == []


def test_a_long_text_is_kept_whole_in_a_file_and_its_beginning_in_the_record(
    store: Path, read_journal: Callable[..., list[AnyRecord]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "x8Kq-71zz-0pLm")
    line = "the text of a long log, line by line\n"
    text = line * 40_000 + "the last line has x8Kq-71zz-0pLm in it"
    with autotrack.start_run("one", to=store) as run:
        run.log_text("log/../of x8Kq-71zz-0pLm", text, 3)
        run.log_text("log/../of x8Kq-71zz-0pLm", text, 4)
    (first, second) = [record for record in read_journal(run.folder) if isinstance(record, Text)]
    assert first.text.startswith(line)
    assert len(first.text) < 1_100_000
    files = sorted((run.folder / "artifacts" / "texts").iterdir())
    assert [file.name in text.text for file, text in zip(files, (first, second), strict=True)] == [True, True]
    for file in files:
        assert file.read_text() == text.replace("x8Kq-71zz-0pLm", "[redacted]")
    (recorded,) = autotrack.runs(store)
    assert [artifact.kind for artifact in recorded.artifacts] == ["text", "text"]
    assert all("x8Kq" not in artifact.path for artifact in recorded.artifacts)
