"""Tells whether a training is a round of a larger one, by the loops around it: federated learning, meta-learning.

There, a model is copied again and again, each copy is trained for a while by an optimizer of its own, and what it has
learned flows back. The loops of such a script count rounds. Loops over seeds, folds or settings make trainings that
have nothing to do with each other, and so may loops whose variable tells nothing.
"""

import re
from collections.abc import Iterator
from types import FrameType

from autotrack_torch.frames.reading import EPOCH, loops_around, user_frames

_ROUNDS = re.compile(
    r"_*(\w*_)?(comm(unication)?|cycle|episode|generation|gen|global|iter|iteration|meta|outer|round|server|rnd)s?"
    r"(_?(i|id|idx|index|num|number|no|nr|step|iter|iteration|round|epoch))?_*|t|r",
    re.IGNORECASE,
)
_APART = re.compile(
    r".*(fold|seed|trial|run|repeat|repl|split|lr|rate|config|cfg|param|setting|option|decay|width|size|dropout).*",
    re.IGNORECASE,
)


def are_around(frame: FrameType | None = None, *, beyond: str | None = None) -> bool:
    """Whether the innermost loop around the running code whose variable tells what it counts goes through rounds.

    With `beyond`, only the loops around the one with this variable are asked.
    """
    for names in _targets(frame):
        if beyond is not None:
            beyond = None if beyond in names else beyond
        elif any(map(_APART.fullmatch, names)):
            return False
        elif any(EPOCH.fullmatch(name) or _ROUNDS.fullmatch(name) for name in names):
            return True
    return False


def _targets(frame: FrameType | None) -> Iterator[tuple[str, ...]]:
    """Yield the variables of each `for` loop around the running code, the innermost one first."""
    for one in user_frames(frame):
        yield from (loop.targets for loop in loops_around(one) if loop.targets)
