"""Params that say nothing about what was tried, although they differ from run to run."""

import re
from functools import lru_cache
from typing import Any

_PLACE = re.compile(
    r"(^|[._/])(dirpath|evaluated_checkpoint|(save|log|output|root|default_root|backup|tensorboard)_?dir|run_name|run_id)$"
)
_SEED = re.compile(r"(^|[._/])((\w+_)?seed|seed_everything|random_state|rng)$")
_NUMBER = re.compile(r"_\d+$")
_LARGEST_SEED = 2**32
"""Nobody can set a larger one in numpy, nor does in torch. A seed that torch has chosen itself has 64 random bits."""


@lru_cache(maxsize=10_000)
def is_place(name: str) -> bool:
    """Return whether a param names a place that is written to, or the run."""
    return _PLACE.search(name) is not None


@lru_cache(maxsize=10_000)
def is_seed(name: str) -> bool:
    """Return whether a param is a seed."""
    return _SEED.search(name) is not None


def varies_by_itself(name: str, value: Any) -> bool:
    """Return whether a param differs from run to run although nobody changed it: folders, and seeds that nobody set.

    >>> varies_by_itself("ModelCheckpoint.dirpath", "/tmp/a"), varies_by_itself("torch_seed", 42)
    (True, False)
    >>> varies_by_itself("torch_seed", 15549331215671043018)
    True
    """
    return is_place(name) or (is_seed(name) and isinstance(value, int) and value >= _LARGEST_SEED)


def is_renumbered(name: str, value: Any, other: Any) -> bool:
    """Return whether two names differ only in a number at their end, which Keras counts up in a process.

    >>> is_renumbered("model_name", "sequential_4", "sequential"), is_renumbered("layers", "a_1", "a_2")
    (True, False)
    """
    if not (name.endswith("_name") and isinstance(value, str) and isinstance(other, str)):
        return False
    return _NUMBER.sub("", value) == _NUMBER.sub("", other)
