"""What a sidecar remembers of a run's records: the latest start, the end after it, and what is still to be done."""

from autotrack.journal.records import Artifact, Environment, Metrics, RunFinished, RunStarted
from autotrack.sidecar.facts import RunFacts


def started(time: float, rank: int = 0) -> RunStarted:
    return RunStarted(time=time, id="1", name="mine", experiment="tests", rank=rank)


def test_an_end_counts_until_the_run_is_resumed() -> None:
    facts = RunFacts()
    end = RunFinished(time=2.0, status="finished")
    facts.add(started(1.0))
    facts.add(end)
    assert facts.finished == end
    facts.add(started(3.0))
    assert facts.finished is None
    facts.add(end)  # as when journals of different processes are read in another order
    assert facts.finished is None


def test_starts_and_ends_of_other_ranks_do_not_count() -> None:
    facts = RunFacts()
    facts.add(started(1.0))
    facts.add(started(2.0, rank=1))
    facts.add(RunFinished(time=3.0, status="failed", rank=1))
    assert facts.started == started(1.0)
    assert facts.finished is None


def test_what_is_captured_logged_and_kept_is_remembered() -> None:
    facts = RunFacts()
    assert not facts.has_metrics
    facts.add(Metrics(time=1.0, values={"loss": 0.5}))
    facts.add(Environment(time=1.0, kind="git", values={}))
    assert facts.has_metrics
    assert facts.captured_kinds == {"git"}


def test_artifacts_are_without_a_checksum_until_they_have_one_or_are_removed() -> None:
    facts = RunFacts()
    for name in ("a", "b"):
        facts.add(Artifact(time=1.0, path=name, kind="model", bytes=1))
    assert [artifact.path for artifact in facts.artifacts_without_checksum()] == ["a", "b"]
    facts.add(Artifact(time=2.0, path="a", kind="model", bytes=1, sha256="0" * 64))
    facts.add(Artifact(time=2.0, path="b", kind="model", bytes=1, removed=True))
    assert facts.artifacts_without_checksum() == []
