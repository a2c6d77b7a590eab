"""What a repetition is called: by every metric at every step, the data, the weights, and what other seeds give."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.errors import ReproduceError
from autotrack.journal.records import PRINTED, Metrics, Status, encode
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.reproduction import Choices
from autotrack.reproduce.verdict import Verdict, verdict_of

NAN = float("nan")


def record(store: Path, curves: Mapping[str, Sequence[float]], **about: Any) -> autotrack.RecordedRun:
    """Record a run with curves, data and a model."""
    with autotrack.start_run(to=store, params=about.get("params", {})) as run:
        for name, values in curves.items():
            for step, value in enumerate(values):
                run.log({name: value}, step=step)
        if "data" in about:
            run.log_dataset("train", about["data"])
        if "model" in about:
            run.log_artifact(about["model"], "net.pt", kind="model")
    return autotrack.load(run.folder)


def judged(store: Path, first: Any, second: Any, **options: Any) -> Verdict:
    return verdict_of(record(store, *first), record(store, *second), **options)


def test_the_same_values_are_identical_whatever_the_clock_says(store: Path) -> None:
    curves: dict[str, list[float]] = {"loss": [0.5, NAN, float("inf")], "acc": [1]}
    found = verdict_of(
        record(store, {**curves, "epoch_seconds": [1.0], "samples_per_second": [9.0]}),
        record(store, {**curves, "epoch_seconds": [2.0], "samples_per_second": [5.0]}),
    )
    assert (found.kind, str(found)) == ("identical", "identical: 2 metrics at 4 points")
    assert found.causes == ()


@pytest.mark.parametrize(
    ("values", "tolerance", "kind"),
    [([0.5, 0.4 + 1e-9], 1e-6, "same"), ([0.5, 0.4 + 1e-3], 1e-6, "different"), ([0.5, 0.4 + 1e-3], 1e-2, "same")],
)
def test_a_tolerance_decides(store: Path, values: list[float], tolerance: float, kind: str) -> None:
    assert (
        verdict_of(record(store, {"loss": [0.5, 0.4]}), record(store, {"loss": values}), tolerance=tolerance).kind
        == kind
    )


def test_a_large_value_may_differ_in_proportion(store: Path) -> None:
    found = verdict_of(record(store, {"cost": [1e9]}), record(store, {"cost": [1e9 + 1]}))
    assert (found.kind, found.metrics[0].largest) == ("same", 1.0)


def test_the_first_step_where_they_part_is_said(store: Path) -> None:
    found = verdict_of(record(store, {"loss": [3, 2, 1], "z": [1]}), record(store, {"loss": [3, 2.5, 9], "z": [1]}))
    assert str(found) == "different: loss parts at step 1 (2 → 2.5)"
    assert found.as_dict()["differences"]["metrics"][0]["parted"] == {
        "step": 1, "epoch": None, "original": 2.0, "repeated": 2.5,
    }  # fmt: skip


def test_a_word_for_time_in_the_name_of_an_error_makes_it_no_duration(store: Path) -> None:
    first, second = ({"val/time_series_mse": [value], "time_total": [value]} for value in (1.0, 2.0))
    found = verdict_of(record(store, first), record(store, second))
    assert (found.kind, [one.name for one in found.metrics]) == ("different", ["val/time_series_mse"])


@pytest.mark.parametrize("tolerance", [NAN, -1.0, float("inf")])
def test_a_tolerance_by_which_everything_is_the_same_is_refused(tolerance: float) -> None:
    with pytest.raises(ReproduceError, match="expected a number from 0"):
        Choices(tolerance=tolerance)


def test_an_unknown_environment_is_refused_and_folders_may_be_texts() -> None:
    with pytest.raises(ReproduceError, match="'zz'; expected one of own, here, then"):
        Choices(environment="zz")  # type: ignore[arg-type]  # a user's mistake
    assert Choices(into="elsewhere").into == Path("elsewhere")  # type: ignore[arg-type]  # as from a shell


def at(store: Path, *points: tuple[float, int | None, int | None]) -> autotrack.RecordedRun:
    """Record a run with these values, each with its step and epoch."""
    with autotrack.start_run(to=store) as run:
        for value, step, epoch in points:
            run.log({"loss": value}, step=step, epoch=epoch)
    return autotrack.load(run.folder)


def test_values_of_the_same_step_are_compared_whatever_their_order(store: Path) -> None:
    first = at(store, (3, 0, 0), (2, 1, 0), (1, 2, 1))
    assert verdict_of(first, at(store, (2, 1, 0), (3, 0, 0), (1, 2, 1))).kind == "identical"
    found = verdict_of(first, at(store, (3, 0, 0), (1, 2, 1), (1, 3, 1)))
    assert str(found) == "different: loss has other steps: only one has step 1"
    assert (found.metrics[0].points, found.metrics[0].largest) == (2, 0.0)
    skipped = verdict_of(first, at(store, (3, 0, 0), (1, 2, 1)))
    assert str(skipped) == "different: loss has 2 points instead of 3"
    assert skipped.metrics[0].largest == 0.0


def test_values_that_were_logged_twice_at_a_step_belong_together_in_their_order(store: Path) -> None:
    first = at(store, (3, 0, 0), (2, 0, 0), (1, 1, 0))
    assert verdict_of(first, at(store, (3, 0, 0), (1, 1, 0), (2, 0, 0))).kind == "identical"
    found = verdict_of(first, at(store, (2, 0, 0), (3, 0, 0), (1, 1, 0)))
    assert str(found) == "different: loss parts at step 0 (3 → 2)"


def test_the_steps_of_printed_values_may_shift(store: Path) -> None:
    def printed(*steps: int) -> autotrack.RecordedRun:
        with autotrack.start_run(to=store) as run:
            pass
        with (run.folder / "journal" / "sidecar.jsonl").open("wb") as file:
            for value, step in enumerate(steps):
                made = Metrics(time=float(value), values={"loss": value}, step=step, source=PRINTED)
                file.write(encode(made) + b"\n")
        return autotrack.load(run.folder)

    assert verdict_of(printed(0, 1, 2), printed(0, 2, 3)).kind == "identical"
    assert verdict_of(printed(0, 1, 2), printed(0, 1)).kind == "different"


@pytest.mark.parametrize(
    ("repeated", "reason"),
    [
        ({"loss": [1.0]}, "loss has 1 points instead of 2"),
        ({}, "loss was not recorded again"),
        ({"loss": [1.0, 0.5], "new": [1]}, "new was not recorded before"),
        ({"loss": [1.0, NAN]}, "loss parts at step 1 (0.5 → nan)"),
    ],
)
def test_a_metric_that_is_missing_or_shorter_is_a_difference(
    store: Path, repeated: dict[str, list[float]], reason: str
) -> None:
    found = verdict_of(record(store, {"loss": [1.0, 0.5]}), record(store, repeated))
    assert (found.kind, found.reason) == ("different", reason)


def test_seeds_that_give_as_much_are_named(store: Path) -> None:
    runs = [record(store, {"val_loss": [1, value]}, params={"lr": 0.1}) for value in (0.50, 0.52, 0.48, 0.51)]
    found = verdict_of(runs[0], runs[1], others=runs)
    assert found.kind == "within_seeds"
    assert found.reason.startswith("val_loss 0.5 → 0.52; other seeds give 0.50")
    far = record(store, {"val_loss": [1, 3.0]}, params={"lr": 0.1})
    assert verdict_of(runs[0], far, others=runs).kind == "different"


def test_what_could_not_be_restored_is_a_cause(store: Path) -> None:
    lost = Missing("data/train.csv", "written after the run", "", kind="data")
    found = verdict_of(record(store, {"loss": [1]}), record(store, {"loss": [2]}), missing=[lost])
    assert (found.causes[0].kind, found.causes[0].cause) == ("data", "data/train.csv: written after the run")


def test_other_data_is_a_cause_even_where_the_metrics_are_the_same(store: Path) -> None:
    found = verdict_of(record(store, {"loss": [1]}, data=[[1.0]]), record(store, {"loss": [1]}, data=[[2.0]]))
    assert (found.kind, found.data[0].is_same) == ("same", False)


def torch_file(path: Path, weights: bytes, when: tuple[int, int, int, int, int, int]) -> Path:
    """Write what `torch.save` writes, as far as matters here: tensors, and a pickle beside them."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("net/data.pkl", when), f"pickled at {when}")
        archive.writestr(zipfile.ZipInfo("net/data/0", when), weights)
    return path


def test_weights_are_compared_and_not_the_bytes_of_the_file(store: Path, tmp_path: Path) -> None:
    one = torch_file(tmp_path / "a.pt", b"weights", (2020, 1, 1, 0, 0, 0))
    two = torch_file(tmp_path / "b.pt", b"weights", (2021, 1, 1, 0, 0, 0))
    other = torch_file(tmp_path / "c.pt", b"heavier", (2020, 1, 1, 0, 0, 0))
    curves = {"loss": [1.0]}
    original = record(store, curves, model=one)
    assert str(verdict_of(original, record(store, curves, model=two))).endswith("1 points, the weights")
    found = verdict_of(original, record(store, curves, model=other))
    assert (found.kind, found.weights[0].is_same) == ("same", False)
    assert verdict_of(record(store, {}, model=one), record(store, {}, model=other)).kind == "different"


def test_a_run_that_fails_now_is_different(store: Path) -> None:
    original = record(store, {"loss": [1.0]})
    run = autotrack.start_run(to=store)
    run.log({"loss": 1.0}, step=0)
    run.finish("failed", error=FileNotFoundError("no data.csv"))
    found = verdict_of(original, autotrack.load(run.folder))
    assert found.kind == "different"
    assert "FileNotFoundError" in found.reason
    assert found.causes[0].kind == "data"


def ended(
    store: Path, status: Status, losses: Sequence[float], *, error: Exception | None = None, model: Path | None = None
) -> autotrack.RecordedRun:
    """Record a run that ends in some way."""
    run = autotrack.start_run(to=store)
    for step, loss in enumerate(losses):
        run.log({"loss": loss}, step=step)
    if model is not None:
        run.log_artifact(model, "last.pt", kind="checkpoint")
    if status == "finished":
        run.log({"test_acc": 0.9})
    run.finish(status, error=error)
    return autotrack.load(run.folder)


@pytest.mark.parametrize("status", ["interrupted", "killed"])
def test_a_run_that_was_cut_short_is_compared_as_far_as_it_came(store: Path, tmp_path: Path, status: Status) -> None:
    one = torch_file(tmp_path / "a.pt", b"weights", (2020, 1, 1, 0, 0, 0))
    two = torch_file(tmp_path / "b.pt", b"trained", (2020, 1, 1, 0, 0, 0))
    original = ended(store, status, [3, 2], model=one)
    found = verdict_of(original, ended(store, "finished", [3, 2, 1], model=two))
    came = f"as far as the original came, which was {status}"
    assert str(found) == f"identical: 1 metrics at 2 points, {came}"
    assert found.weights[0].is_same is None
    assert verdict_of(original, ended(store, "finished", [3, 2.5, 1])).kind == "different"
    assert verdict_of(original, ended(store, "finished", [3])).reason == "loss has 1 points instead of 2"


def test_a_run_that_fails_again_is_only_the_same_if_it_fails_alike(store: Path) -> None:
    original = ended(store, "failed", [3], error=ValueError("no sample in /home/me"))
    alike = ended(store, "failed", [3], error=ValueError("no sample in /home/you"))
    assert verdict_of(original, alike).kind == "identical"
    other = verdict_of(original, ended(store, "failed", [3], error=MemoryError("too large")))
    assert str(other) == "different: it failed: MemoryError: too large"
    found = verdict_of(original, ended(store, "finished", [3]))
    assert str(found) == "different: it finished, and before it failed: ValueError: no sample in /home/me"


def test_what_was_printed_is_compared_without_where_it_ran(store: Path, tmp_path: Path) -> None:
    def printed(folder: Path, line: str) -> autotrack.RecordedRun:
        with pytest.MonkeyPatch.context() as patch:
            folder.mkdir(exist_ok=True)
            patch.chdir(folder)
            run = record(store, {})
        (run.folder / "output.log").write_text(f"{folder}/out.txt: {line}\n")
        return run

    first = printed(tmp_path / "a", "1")
    assert verdict_of(first, printed(tmp_path / "b", "1")).kind == "identical"
    assert verdict_of(first, printed(tmp_path / "b", "2")).kind == "different"
