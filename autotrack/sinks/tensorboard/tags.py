"""Names in TensorBoard: its pages group tags by what comes before the first slash."""

import re
from collections.abc import Hashable, Iterator
from itertools import count

_STAGES = {
    "train": "train",
    "training": "train",
    "val": "validate",
    "valid": "validate",
    "validate": "validate",
    "validation": "validate",
    "test": "test",
}
_STAGE_IN_NAME = re.compile(rf"({'|'.join(_STAGES)})[_.-](.+)", re.DOTALL)
_RATES = ("lr", "learning_rate")
_SEARCH, _SEARCH_DETAILS = "search", "search_details"
_DETAIL = re.compile(r"^(std|split\d+)_|_(time|seconds|step)$|^(iter|n_resources)$")
"""Of what a trial came to: how long it took, how its scores vary. The page shows the first five names as columns."""


def metric_tag(name: str, stage: str | None = None) -> str:
    """Return the tag of a metric, by its name and, where that tells no stage, the stage it was logged in.

    A name that its user has grouped stays as it is.

    >>> metric_tag("val_loss"), metric_tag("loss", "train"), metric_tag("lr-Adam", "train")
    ('validate/loss', 'train/loss', 'lr/Adam')
    >>> metric_tag("accuracy"), metric_tag("generator/loss", "train")
    ('metrics/accuracy', 'generator/loss')
    """
    if name.startswith("lr-"):
        return f"lr/{name[3:]}"
    if "/" in name:
        return name
    if name in _RATES:
        return f"lr/{name}"
    found = _STAGE_IN_NAME.fullmatch(name)
    if found:
        return f"{_STAGES[found[1]]}/{found[2]}"
    return f"{stage or 'metrics'}/{name}"


class Tags:
    """Gives each series of a run a tag of its own; who comes first gets the shorter one, should two want the same."""

    def __init__(self) -> None:
        self._owners: dict[str, Hashable] = {}

    def claim(self, owner: Hashable, wanted: str, full: str) -> str:
        """Return the tag for a series: the `wanted` one, or the `full` one, or that with a number."""
        for tag in _candidates(wanted, full):
            if self._owners.setdefault(tag, owner) == owner:
                return tag
        raise AssertionError("count() ends never")

    def metric(self, name: str, stage: str | None, rank: int) -> str:
        """Return the tag for a metric; those of another rank than 0 are a group of their own."""
        prefix = f"rank{rank}/" if rank else ""
        wanted = metric_tag(name, stage)
        says_all = wanted == metric_tag(name, f"not {stage}")  # then it is one series in whichever stages
        owner = ("metric", rank, name, None if says_all else stage)
        return self.claim(owner, prefix + wanted, f"{prefix}{stage or 'metrics'}/{name}")

    def load(self, name: str, rank: int) -> str:
        """Return the tag for a value of the system load."""
        tag = f"rank{rank}/system/{name}" if rank else f"system/{name}"
        return self.claim(("load", rank, name), tag, tag)

    def best(self, tag: str) -> str:
        """Return the tag for the best value so far of the metric with this one."""
        return self.claim(("best", tag), f"best/{tag}", f"best/{tag}")

    def result(self, name: str) -> str:
        """Return the tag for a value of a trial: scores are a group, and the rest one that comes after it.

        >>> Tags().result("mean_test_score"), Tags().result("mean_fit_time")
        ('search/mean_test_score', 'search_details/mean_fit_time')
        """
        return self.named(_SEARCH_DETAILS if _DETAIL.search(name) else _SEARCH, name)

    def named(self, kind: str, name: str) -> str:
        """Return the tag for a picture, text or table: one that its user has grouped stays as it is."""
        return self.claim((kind, name), name if "/" in name else f"{kind}/{name}", f"{kind}/{name}")


def _candidates(wanted: str, full: str) -> Iterator[str]:
    yield wanted
    yield full
    yield from (f"{full} ({number})" for number in count(2))
