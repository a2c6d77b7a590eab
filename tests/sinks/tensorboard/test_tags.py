"""Where a metric is found in TensorBoard: grouped by stage, one tag for each series, the same one every time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.sinks.tensorboard.tags import Tags, metric_tag

NAMES = st.one_of(
    st.from_regex(r"((train|val|test|lr|validate)[_/.-])?(loss|acc)([_/]step)?", fullmatch=True), st.text(max_size=5)
)
STAGES = st.sampled_from([None, "train", "validate", "test"])
SERIES = st.tuples(NAMES, STAGES, st.integers(0, 2))


@pytest.mark.parametrize(
    ("name", "stage", "tag"),
    [
        ("loss", "train", "train/loss"),
        ("val_loss", "validate", "validate/loss"),
        ("val_loss", None, "validate/loss"),
        ("train_loss_epoch", "train", "train/loss_epoch"),
        ("test_acc", "test", "test/acc"),
        ("b_score", "test", "test/b_score"),
        ("lr-Adam", "train", "lr/Adam"),
        ("lr-Adam/pg1", "train", "lr/Adam/pg1"),
        ("learning_rate", "train", "lr/learning_rate"),
        ("generator/loss", "train", "generator/loss"),
        ("reward", None, "metrics/reward"),
        ("value", "train", "train/value"),
    ],
)
def test_metrics_of_all_frameworks_are_grouped_alike(name: str, stage: str | None, tag: str) -> None:
    assert metric_tag(name, stage) == tag
    assert Tags().metric(name, stage, 0) == tag


@given(st.lists(SERIES, max_size=30))
def test_no_two_series_share_a_tag_and_none_has_two(found: list[tuple[str, str | None, int]]) -> None:
    tags = Tags()
    first = {series: tags.metric(*series) for series in found}
    assert {series: tags.metric(*series) for series in reversed(found)} == first
    owners: dict[str, tuple[str, int]] = {}
    for (name, _, rank), tag in first.items():
        # The stage may be one more way to say the same: the metric and its rank may not differ.
        assert owners.setdefault(tag, (name, rank)) == (name, rank)


@given(SERIES, STAGES)
def test_a_stage_that_the_name_does_not_tell_makes_another_series(
    series: tuple[str, str | None, int], other: str | None
) -> None:
    name, stage, rank = series
    tags = Tags()
    is_same = tags.metric(name, stage, rank) == tags.metric(name, other, rank)
    assert is_same == (metric_tag(name, stage) == metric_tag(name, other))


@given(st.lists(SERIES, max_size=10), NAMES)
def test_the_load_the_best_values_and_pictures_keep_out_of_the_way(
    found: list[tuple[str, str | None, int]], name: str
) -> None:
    tags = Tags()
    metrics = {tags.metric(*series) for series in [*found, (f"system/{name}", None, 0), (f"best/{name}", None, 0)]}
    others = [tags.load(name, 0), tags.load(name, 1), tags.best(name, name), tags.named("plots", name)]
    assert len({*others}) == len(others)
    assert not metrics & {*others}
