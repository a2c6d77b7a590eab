"""The likely causes of a difference: what is known to matter comes first, and the noise of seeds is called that."""

import json
import math
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotrack
from autotrack.errors import QueryError
from autotrack.journal.records import Dataset
from autotrack.journal.series import Point
from autotrack.journal.summary import MetricSummary, Summary
from autotrack.readers.code.changes import CodeChanges, FileChange
from autotrack.readers.compare.across_runs import across_runs
from autotrack.readers.compare.causes import HARDLY, in_short, likely_causes
from autotrack.readers.compare.comparison import RunComparison
from autotrack.readers.compare.consequences import Setters
from autotrack.readers.compare.importance import MOST_RUNS, importance
from autotrack.readers.compare.parting import Parting, parting
from autotrack.readers.compare.repeats import Spread, spread_of
from autotrack.readers.index.card import card_of


def run(id: str = "a", loss: float = 0.5, **params: Any) -> Summary:  # noqa: A002
    values = {"lr": 0.1, "batch_size": 32, "seed": 1, "num_workers": 2, "beta": 0.9, **params}
    return Summary(
        id=id,
        status="finished",
        params=values,
        params_by_source={"user": values},
        metrics={"val_loss": MetricSummary(last=Point(loss, time=1.0), best=Point(loss, time=1.0), better="min")},
        environment={
            "git": {"commit": "1" * 40},
            "packages": {"python": "3.11.7", "versions": {"torch": "2.0", "rich": "13"}},
            "hardware": {"hostname": "here", "cpu_model": "x"},
        },
        datasets=[data("train", "aa"), data("test", "cc")],
    )


def with_package(summary: Summary, name: str, version: str) -> Summary:
    summary.environment["packages"] = {"python": "3.11.7", "versions": {"torch": "2.0", "rich": "13", name: version}}
    return summary


def data(role: str, fingerprint: str) -> Dataset:
    return Dataset(time=1.0, role=role, kind="array", name="", rows=10, fingerprint=fingerprint, covered=1.0)


def with_data(summary: Summary, train: str, test: str = "cc") -> Summary:
    summary.datasets = [data("train", train), data("test", test)]
    return summary


def with_code(summary: Summary) -> Summary:
    summary.environment["git"] = {"commit": "1" * 40, "patch_sha256": "x", "changed": ["train.py"]}
    return summary


def spread(metric: str, now: Summary, before: Summary, others: Sequence[Summary]) -> Spread | None:
    return spread_of(metric, card_of(now), card_of(before), map(card_of, others))


def on_another_machine(summary: Summary) -> Summary:
    summary.environment["hardware"] = {"hostname": "there", "cpu_model": "y"}
    return summary


def points(*values: float) -> list[Point]:
    return [Point(value, time=1.0 + step, step=step, epoch=step) for step, value in enumerate(values)]


@pytest.mark.parametrize(
    ("now", "kind", "cause"),
    [
        (run(lr=0.01), "params", "lr 0.1 → 0.01"),
        (run(lr=0.01, num_workers=8), "params", "lr 0.1 → 0.01"),
        (run(beta=0.5, seed=2), "params", "beta 0.9 → 0.5"),
        (with_package(run(beta=0.5), "rich", "14"), "params", "beta 0.9 → 0.5"),
        (with_data(run(num_workers=3, seed=2), "bb"), "data", "train has other values"),
        (with_code(run(seed=2)), "code", "uncommitted train.py"),
        (with_code(on_another_machine(run(num_workers=8))), "code", "uncommitted train.py"),
        (with_package(run(num_workers=8), "torch", "2.1"), "packages", "torch 2.0 → 2.1"),
        (with_package(on_another_machine(run()), "torch", "2.1"), "packages", "torch 2.0 → 2.1"),
        (with_data(run(seed=2), "bb", "dd"), "seed", "seed 1 → 2"),  # it has split the data
        (run(seed=2), "seed", "seed 1 → 2"),
        (run(seed=2, num_workers=4), "seed", "seed 1 → 2"),
    ],
)
def test_what_is_known_to_matter_comes_first(now: Summary, kind: str, cause: str) -> None:
    first = likely_causes(now, run())[0]
    assert (first.kind, first.cause) == (kind, cause)


@pytest.mark.parametrize("now", [run(wandb_api_key="[redacted]", seed=2), run(wandb_api_key="other", seed=2)])
def test_a_credential_is_no_cause(now: Summary) -> None:
    before = run(wandb_api_key=None if now.params["wandb_api_key"] == "[redacted]" else "[redacted]")
    causes = likely_causes(now, before)
    assert causes[0].cause == "seed 1 → 2"
    assert "wandb_api_key" in causes[-1].cause  # it is among what differs
    assert causes[-1].confidence < HARDLY
    assert in_short(causes) == "seed (seed 1 → 2)"


def test_an_environment_variable_with_a_credential_is_no_cause() -> None:
    now, before = run(beta=0.5), run()
    now.environment["used"] = {"modules": {}, "variables": {"HF_TOKEN": "[redacted]"}}
    before.environment["used"] = {"modules": {}, "variables": {}}
    assert [cause.confidence < HARDLY for cause in likely_causes(now, before)] == [False, True]


def test_what_changed_in_code_is_told_although_nobody_knows_what_was_imported() -> None:
    changed = CodeChanges([FileChange("train.py", b"optimizer = AdamW()\n", b"optimizer = Adam()\n"),
                           FileChange("notes.csv", b"1", b"2")])  # fmt: skip
    first, second = likely_causes(with_code(run()), run(), code=changed)
    assert first.cause == "train.py changed"
    assert "`optimizer = AdamW()` → `optimizer = Adam()`" in first.evidence
    assert (second.cause, second.confidence < HARDLY) == ("notes.csv changed", True)
    lost = CodeChanges([], ["the commit 123 is gone"])
    assert "the commit 123 is gone" in likely_causes(with_code(run()), run(), code=lost)[0].evidence


def test_of_runs_that_differ_in_nothing_the_random_numbers_are_to_blame() -> None:
    seeded = likely_causes(run(), run())
    assert [(cause.kind, cause.cause) for cause in seeded] == [("unknown", "operations that are not deterministic")]
    without = run(seed=None)
    unset = run(seed=None, torch_seed=15549331215671043018)  # a repetition takes it over, where the run begins
    for unseeded in (without, unset):
        assert "no seed was set" in likely_causes(unseeded, unseeded)[0].cause


def test_what_acts_from_the_start_is_no_cause_of_curves_that_are_the_same_at_first() -> None:
    now = with_data(run(lr=0.01), "bb")
    assert likely_causes(now, run())[0].kind == "data"
    late = parting(points(1, 0.5, 0.2), points(1, 0.5, 0.3))
    assert likely_causes(now, run(), parted=late)[0].kind == "params"
    assert "the curves part at epoch 2" in likely_causes(now, run(), parted=late)[0].evidence


def test_only_the_length_of_a_training_explains_a_curve_that_goes_on_for_longer() -> None:
    now = run(max_epochs=5, lr=0.01)
    longer = parting(points(1, 0.5, 0.2), points(1, 0.5))
    first = likely_causes(now, run(max_epochs=3), parted=longer)[0]
    assert first.cause == "max_epochs 3 → 5"
    assert "one goes on for longer" in first.evidence


def test_curves_that_part_in_the_last_digits_tell_of_other_threads_or_another_machine() -> None:
    now, before = on_another_machine(run(seed=2)), run()
    now.environment["process"], before.environment["process"] = {"torch_threads": 1}, {"torch_threads": 2}
    rounded = parting(points(1, 0.5000001, 0.2), points(1, 0.5, 0.3))
    assert likely_causes(now, before, parted=rounded)[0].cause == "threads 2 → 1"
    assert "in the last digits only" in likely_causes(now, before, parted=rounded)[0].evidence
    assert likely_causes(now, before, parted=parting(points(2, 1), points(1, 2)))[0].cause == "seed 1 → 2"


def test_without_what_was_captured_nothing_is_put_down_to_chance() -> None:
    now, before = run(), run()
    now.environment.pop("git")
    assert likely_causes(now, before)[0].cause == "something that was not recorded"


def test_a_curve_that_was_recorded_more_often_is_compared_at_the_same_steps() -> None:
    def at(*steps: int) -> list[Point]:
        return [Point(1 / (step + 1), time=1.0, step=step) for step in steps]

    assert str(parting(at(*range(0, 31, 5)), at(0, 10, 20, 30))) == "the curves are the same"
    assert str(parting(at(*range(0, 31, 5)), at(0, 10, 20))) == "the curves are the same, one goes on for longer"
    by_epoch = [
        [Point(0.5, time=1.0, step=size * (epoch + 1), epoch=epoch) for epoch in range(3)] for size in (10, 20)
    ]
    assert str(parting(*by_epoch)) == "the curves are the same"


@given(st.lists(st.floats(allow_infinity=False), max_size=6), st.lists(st.floats(allow_infinity=False), max_size=6))
def test_curves_part_where_the_first_values_differ(one: list[float], other: list[float]) -> None:
    found = parting(points(*one), points(*other))
    assert one[: found.points] == pytest.approx(other[: found.points], rel=2e-9, abs=2e-9, nan_ok=True)
    if found.at is not None:
        assert found.at.value is one[found.points] or found.at.value == one[found.points]


def test_a_difference_that_is_no_larger_than_that_of_seeds_is_called_that() -> None:
    repeats = [run(str(seed), 0.5 + 0.01 * seed, seed=seed) for seed in range(4)]
    close, far = run("close", 0.52, beta=0.5), run("far", 0.2, beta=0.5)
    first, *others = likely_causes(close, repeats[0], spread=spread("val_loss", close, repeats[0], repeats))
    assert first.kind == "seed"
    assert "over 4 repeats" in first.cause
    assert others[0].cause == "beta 0.9 → 0.5"
    assert "not more than seeds make" in others[0].evidence
    of_far = spread("val_loss", far, repeats[0], repeats)
    assert likely_causes(far, repeats[0], spread=of_far)[0].cause == "beta 0.9 → 0.5"


def test_means_of_repeats_of_both_tell_more_than_two_single_runs() -> None:
    before = [run(f"a{seed}", 0.5 + 0.01 * seed, seed=seed) for seed in range(6)]
    now = [run(f"b{seed}", 0.47 + 0.01 * seed, seed=seed, beta=0.5) for seed in range(6)]
    alone = spread("val_loss", now[3], before[3], [*before, now[3]])
    together = spread("val_loss", now[3], before[3], [*before, *now])
    assert alone is not None
    assert together is not None
    assert (alone.is_within_noise, together.is_within_noise) == (True, False)
    same = [run(f"c{seed}", 0.5 + 0.01 * seed, seed=seed, beta=0.5) for seed in range(6)]
    noise = likely_causes(same[5], before[0], spread=spread("val_loss", same[5], before[0], [*before, *same]))[0]
    assert noise.cause == "the noise of seeds (0.525 ± 0.01871 over 6 repeats, and 0.525 over 6)"
    assert "the means of the repeats of both" in noise.evidence


def test_of_few_repeats_noise_is_less_sure() -> None:
    repeats = [run(str(seed), 0.5 + 0.01 * seed, seed=seed) for seed in range(9)]
    sure = []
    for count in (3, 9):
        found = spread("val_loss", repeats[1], repeats[0], repeats[:count])
        sure.append(likely_causes(repeats[1], repeats[0], spread=found)[0].confidence)
    assert sure == [0.8, 0.95]


def test_where_there_is_no_difference_nothing_is_to_blame() -> None:
    assert likely_causes(run(), run(), is_same=True) == []
    repeats = [run(str(seed), 0.5 + 0.01 * seed, seed=seed) for seed in range(4)]
    now = run("now", beta=0.5, seed=0)
    found = likely_causes(now, repeats[0], spread=spread("val_loss", now, repeats[0], repeats), is_same=True)
    assert [cause.cause for cause in found] == ["beta 0.9 → 0.5"]


def test_seeds_that_differ_are_never_said_to_be_the_same() -> None:
    late = Parting(3, points(0.5)[0], is_longer=False, is_late=True, gap=1e-6)
    assert all(
        "the seeds are the same" not in cause.evidence for cause in likely_causes(run(seed=2), run(), parted=late)
    )


def test_too_few_repeats_tell_nothing() -> None:
    assert spread("val_loss", run("a"), run("b", seed=2), []) is None
    assert spread("other", run("a"), run("b"), []) is None


@given(st.integers(0, 2**20))
def test_across_many_runs_the_param_that_decides_explains_most(seed: int) -> None:
    dice = random.Random(seed)
    rates = [dice.uniform(0.01, 1) for _ in range(30)]
    kinds = [dice.choice("ab") for _ in range(30)]
    found = importance(
        {"lr": rates, "kind": kinds, "same": [1] * 30, "name": [f"n{n}" for n in range(30)]},
        [rate**2 + dice.uniform(0, 0.02) for rate in rates],
    )
    assert found[0].param == "lr"
    assert found[0].share > 0.9
    assert {one.param for one in found} <= {"lr", "kind"}


@settings(max_examples=10)
@given(st.integers(0, 2**20))
def test_of_many_params_the_one_that_is_best_in_the_middle_is_found(seed: int) -> None:
    dice = random.Random(seed)
    params: dict[str, list[Any]] = {f"p{number}": [dice.random() for _ in range(24)] for number in range(8)}
    params["lr"] = [10 ** dice.uniform(-4, 0) for _ in range(24)]
    losses = [abs(math.log10(lr) + 2) + dice.gauss(0, 0.1) for lr in params["lr"]]
    found = importance(params, losses)
    assert (found[0].param, found[0].is_thin) == ("lr", False)


def test_of_twenty_params_that_do_nothing_none_is_said_to_explain_much() -> None:
    called_sure = 0
    for seed in range(20):
        dice = random.Random(seed)
        params = {f"p{number}": [dice.choice("abc") for _ in range(12)] for number in range(20)}
        called_sure += any(not one.is_thin for one in importance(params, [dice.random() for _ in range(12)]))
    assert called_sure <= 4  # 5 % of 20 are one


def test_params_that_change_together_are_said_to_be_so() -> None:
    rates = [0.1 * number for number in range(12)]
    params: dict[str, list[Any]] = {
        "lr": rates,
        "batch_size": [16 * number for number in range(12)],
        "depth": [1, 2] * 6,
    }
    causes = across_runs(params, [rate + 0.01 for rate in rates], "val_loss", Setters([]))
    assert "changes along with batch_size, so these runs cannot tell" in causes[0].evidence
    assert causes[0].kind == "params"


def test_of_params_that_change_together_the_one_that_was_given_comes_first() -> None:
    sizes = list(range(1, 13))
    now = run(total=96, batch=8)
    now.params_by_source, now.params_given = {"loop": {"total": 96}, "argparse": {"batch": 8}}, {"argparse": ["batch"]}
    params: dict[str, list[Any]] = {"total": [12 * size for size in sizes], "batch": sizes}
    causes = across_runs(params, [float(size) for size in sizes], "val_loss", Setters([now]))
    assert [cause.cause for cause in causes] == ["batch", "total"]


def test_where_nothing_explains_a_metric_that_is_said_first() -> None:
    dice = random.Random(3)
    rates, losses = ([dice.random() for _ in range(12)] for _ in range(2))
    causes = across_runs({"lr": rates}, losses, "val_loss", Setters([]))
    assert causes[0].cause == "nothing tells val_loss of these 12 runs"
    assert all("thin evidence" in cause.evidence and cause.confidence < 0.6 for cause in causes)


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.one_of(st.none(), st.integers(), st.just(10**400),
    st.floats(), st.text(max_size=2), st.lists(st.integers(), max_size=2)), min_size=12, max_size=12)))  # fmt: skip
def test_params_of_any_kind_that_any_run_may_lack_are_looked_at(params: dict[str, list[Any]]) -> None:
    found = importance(params, [float(number) for number in range(12)])
    assert {one.param for one in found} <= set(params)
    assert all(0 < one.share <= 1 + 1e-9 for one in found)


def test_fewer_than_ten_runs_bear_nothing_out() -> None:
    assert importance({"lr": list(range(9))}, [float(n) for n in range(9)]) == []


# ---- From real runs


@pytest.fixture
def runs(store: Path) -> Any:
    dice = random.Random(0)
    for number in range(12):
        lr = 0.1 * (number + 1)
        with autotrack.start_run(f"r{number}", to=store, params={"lr": lr, "seed": number, "depth": 3}) as one:
            for epoch in range(3):
                one.log({"val_loss": lr / (epoch + 1) + dice.random() * 0.01}, step=epoch, epoch=epoch)
    return autotrack.runs(store)


def test_two_runs_are_compared_in_python(runs: Any) -> None:
    comparison = runs["r5"].compare(runs["r0"])
    assert comparison.metric == "val_loss"
    assert comparison.causes[0].cause == "lr 0.1 → 0.6"
    assert comparison.params().rows() == [{"param": "lr", "r0": 0.1, "r5": 0.6000000000000001},
                                          {"param": "seed", "r0": 0, "r5": 5}]  # fmt: skip
    assert list(comparison.metrics()) == ["metric", "r0", "r5"]


def test_many_runs_are_explained_by_how_their_params_go_along_with_the_metric(runs: Any) -> None:
    causes = runs.compare().causes
    assert causes[0].cause == "lr"
    assert "of the variance of val_loss over 12 runs" in causes[0].evidence


def test_runs_are_compared_in_one_direction_also_if_they_were_recorded_with_two(store: Path) -> None:
    for name, better in (("old", "max"), ("new", "min")):
        with autotrack.start_run(name, to=store) as one:
            one.log_tags({})
            for step, value in enumerate([0.3, 0.1, 0.2]):
                one.log({"score": value}, step=step)
        _directed(one.folder, better)
    old, new = (autotrack.load(name, store) for name in ("old", "new"))
    assert RunComparison([new, old]).as_dict()["better"] == "min"
    assert RunComparison([new, old]).values("score") == [0.1, 0.1]
    assert RunComparison([new, old], metric="score").values("score") == [0.1, 0.1]
    assert RunComparison([new, old], metric="max score").values("score") == [0.3, 0.3]


def _directed(folder: Path, better: str) -> None:
    """Have a run say that it was recorded with a setting for the direction of its score."""
    journal = folder / "journal" / "main.jsonl"
    first, _, rest = journal.read_text().partition("\n")
    started = {**json.loads(first), "directions": {"score": better}}
    journal.write_text(f"{json.dumps(started)}\n{rest}")
    (folder / "run.json").unlink()


def test_what_cannot_be_compared_is_a_mistake(runs: Any) -> None:
    with pytest.raises(QueryError, match="name two or more"):
        runs[:1].compare()
    with pytest.raises(QueryError, match="did you mean val_loss"):
        runs.compare("val_los")


def test_of_other_experiments_nothing_is_read(runs: Any, store: Path) -> None:
    autotrack.start_run("elsewhere", to=store, experiment="other").finish()
    every = autotrack.runs(store)
    [journal] = (store / "other").glob("*/journal")
    shutil.rmtree(journal)
    assert RunComparison([runs["r0"], runs["r1"]], others=every).causes


def test_the_time_that_params_are_studied_in_is_bounded() -> None:
    """Three times as many runs and params are no more work beyond the limits."""
    dice = random.Random(0)
    params = {f"p{name}": [dice.random() for _ in range(1500)] for name in range(150)}
    params = {"lr": [dice.random() for _ in range(1500)], **params}
    found = importance(params, params["lr"])
    assert found[0].param == "lr"
    assert not found[0].is_thin
    assert found[0].runs == MOST_RUNS
    assert {one.param for one in found} <= {"lr", *(f"p{name}" for name in range(99))}
