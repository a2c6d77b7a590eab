"""The rule by which a version of a registered model is promoted, as somebody writes it.

    best val_acc
    best val_acc, if better than @champion on the same data
    best min my_cost, if better than @production by 0.01 on the same data

Versions are only ever compared on the same data, whether the rule says so or not.
"""

import re
from typing import Any, NamedTuple

from autotrack.model_names import CHAMPION, checked_alias

_RULE = re.compile(
    r"best\s+(?P<metric>(?:(?:min|max)\s+)?\S+?)\s*"
    r"(?:,?\s*if\s+better\s+than\s+@(?P<alias>[\w-]+)(?:\s+by\s+(?P<margin>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))?)?"
    r"(?:,?\s*on\s+the\s+same\s+data)?",
    re.ASCII | re.IGNORECASE,
)


class Rule(NamedTuple):
    """A rule: the metric, perhaps with `min` or `max` before it, the alias that is given, and by how much it must win.

    `text` is how somebody has written it.
    """

    metric: str
    alias: str
    margin: float
    text: str


def parsed(text: Any) -> Rule:
    """Return the rule that somebody has written. Raises `ValueError`.

    >>> parsed("best val_acc, if better than @champion on the same data")[:3]
    ('val_acc', 'champion', 0.0)
    """
    match = _RULE.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 1000 else None
    if match is None or match["metric"].endswith(","):
        raise ValueError("expected a rule such as 'best val_acc, if better than @champion on the same data'")
    return Rule(match["metric"], checked_alias(match["alias"] or CHAMPION), float(match["margin"] or 0), text.strip())


def is_rule(text: str, metric: str) -> bool:
    """Return whether a text is a rule that goes by this very metric, whose name may have spaces and commas in it."""
    try:
        return parsed(text).metric == metric
    except ValueError:
        return False


def checked(text: Any) -> str:
    """Return the text of a rule. Raises `ValueError` for what is none."""
    return parsed(text).text
