"""The tags of TensorBoard, whose pages group them by what comes before the first slash."""

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
"""Results of a trial that are less important, such as times and deviations. The page shows five columns at first."""


def metric_tag(name: str, stage: str | None = None) -> str:
    """Return the tag of a metric, by the stage in its name, or else by the stage in which it was logged.

    A name that the user has grouped stays as it is.

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
    match = _STAGE_IN_NAME.fullmatch(name)
    if match:
        return f"{_STAGES[match[1]]}/{match[2]}"
    return f"{stage or 'metrics'}/{name}"


class Tags:
    """Gives each series of a run a tag of its own. When two want the same tag, the first one gets it."""

    def __init__(self) -> None:
        self._owners: dict[str, Hashable] = {}

    def claim(self, owner: Hashable, wanted: str, full: str) -> str:
        """Return the tag for a series: the `wanted` one, else the `full` one, else the full one with a number."""
        for tag in _candidates(wanted, full):
            if self._owners.setdefault(tag, owner) == owner:
                return tag
        raise AssertionError("count() never ends")

    def metric(self, name: str, stage: str | None, rank: int, source: str | None = None) -> str:
        """Return the tag for a metric. Those of other ranks than 0, and printed ones, are in groups of their own."""
        if source is not None:
            tag = name if name.startswith(f"{source}/") else f"{source}/{name}"
            return self.claim(("metric", rank, name, None), tag, tag)
        prefix = f"rank{rank}/" if rank else ""
        wanted = metric_tag(name, stage)
        names_its_stage = wanted == metric_tag(name, f"not {stage}")  # then it is one series, whatever the stage
        owner = ("metric", rank, name, None if names_its_stage else stage)
        return self.claim(owner, prefix + wanted, f"{prefix}{stage or 'metrics'}/{name}")

    def load(self, name: str, rank: int) -> str:
        """Return the tag for a value of the system load."""
        tag = f"rank{rank}/system/{name}" if rank else f"system/{name}"
        return self.claim(("load", rank, name), tag, tag)

    def best(self, name: str, tag: str) -> str:
        """Return the tag for the best value so far of a metric, by its own name, as commands have it.

        >>> Tags().best("val_loss", "validate/loss")
        'best/val_loss'
        """
        return self.claim(("best", tag), f"best/{name}", f"best/{tag}")

    def result(self, name: str) -> str:
        """Return the tag for a result of a trial. Scores are in one group, and the rest in another one after it.

        >>> Tags().result("mean_test_score"), Tags().result("mean_fit_time")
        ('search/mean_test_score', 'search_details/mean_fit_time')
        """
        return self.named(_SEARCH_DETAILS if _DETAIL.search(name) else _SEARCH, name)

    def named(self, kind: str, name: str) -> str:
        """Return the tag for a picture, text or table. A name that the user has grouped stays as it is."""
        return self.claim((kind, name), name if "/" in name else f"{kind}/{name}", f"{kind}/{name}")


def _candidates(wanted: str, full: str) -> Iterator[str]:
    yield wanted
    yield full
    yield from (f"{full} ({number})" for number in count(2))
