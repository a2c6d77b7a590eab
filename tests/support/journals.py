"""Journals of any records, written as training and its sidecar write them."""

from collections.abc import Iterable
from pathlib import Path

from autotrack.journal import records
from autotrack.journal.records import AnyRecord, Metrics, RunFinished, RunStarted


def add(folder: Path, added: Iterable[AnyRecord], journal: str = "main") -> None:
    """Append records to a journal of the run in `folder`."""
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    with (folder / "journal" / f"{journal}.jsonl").open("ab") as file:
        file.writelines(records.encode(record) + b"\n" for record in added)


def add_bytes(folder: Path, content: bytes) -> None:
    """Append what need not be a record to the main journal."""
    with (folder / "journal" / "main.jsonl").open("ab") as file:
        file.write(content)


def start(time: float = 100.0, *, step: int | None = None, rank: int = 0) -> RunStarted:
    """Return the start of a run, or of one that goes on from a step."""
    return RunStarted(time=time, id="a1b2", name="otter", experiment="digits", resumed_at_step=step, rank=rank)


def steps(begin: int, end: int, *, names: Iterable[str] = ("loss",), epoch_steps: int = 10) -> list[Metrics]:
    """Return metrics at these steps."""
    return [
        Metrics(
            time=101.0 + step,
            values=dict.fromkeys(names, step * 7919 % 1000 / 8),
            step=step,
            epoch=step // epoch_steps,
            stage="train",
        )
        for step in range(begin, end)
    ]


def end(time: float = 1e6) -> RunFinished:
    """Return the end of a run."""
    return RunFinished(time=time, status="finished", started=100.0, duration_seconds=1.0)
