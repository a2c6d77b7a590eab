"""The epoch and the step that a printed line names. What names them is taken out of the line: it is no metric."""

import re
from typing import NamedTuple

_AFTER = r"(?![\d.]*\.\d)(?!\d*[eE%\w])[\])]?+"
"""A count is not the beginning of a number such as 0.5, 1e-3, 10% or 64px."""

_EPOCH = re.compile(
    r"(?<![a-zA-Z_-])(?:epoch(?P<plural>s?)|ep)(?:_idx|_id|_num)?"
    r"(?:\s?\((?:train|val|valid|test|eval)\))?(?:\s(?:no|number|num)\b)?"
    rf"[\s:=#.\[(\"'\-]{{0,6}}(?P<epoch>\d{{1,7}}){_AFTER}"
    r"(?:\s*+(?P<total>(?:/|of|out of)\s*+\d++))?+[\])]*+",
    re.IGNORECASE,
)
_EPOCH_AND_BATCH = re.compile(r"\s*\[\s*(\d{1,7})/\d{1,7}\s*\]\s*\[\s*\d{1,9}/\d{1,9}\s*\]")
_NOT_THIS_ONE = re.compile(
    r"\b(?:best|max|total|num|number of|resum\w*|load\w*|start\w* from|last|every|warmup)\b", re.IGNORECASE
)
_BEFORE_CHARACTERS = 24
_JOINT = re.compile(r"\s(?:at|after|in|for|of)\s*\Z", re.IGNORECASE)
_STEP = re.compile(
    r"(?<![a-zA-Z_-])(?P<word>global[_ ]?step|steps?|iter(?:ation)?s?|update|batch|batch_idx|mini-?batch|episode)"
    rf"(?:\s(?:no|number|num)\b)?[\s:=#.\[(\"'\-]{{1,6}}(?P<step>\d{{1,3}}(?:,\d{{3}})++|\d{{1,12}}){_AFTER}"
    r"(?P<total>\s*+(?:/|of|out of)\s*+\d++)?+[\])]*+",
    re.IGNORECASE,
)
_STEP_WORDS = ("step", "iter", "update", "batch", "episode")
_NO_STEPS = ("batch", "batch_idx", "minibatch", "mini-batch")
"""These are counted anew in every epoch."""

_STEP_AT_BEGIN = re.compile(r"\s*(?:\[(\d{1,9})\]|(\d{1,9}):)(?=\s+[a-zA-Z])")
_CELL = " | "
"""Stands in the place of what was taken out, so that no name goes on across it."""


class Epoch(NamedTuple):
    """The epoch that a line names, and whether it also tells how many there will be."""

    number: int
    has_total: bool


def take_epoch(line: str) -> tuple[str, Epoch | None]:
    """Take the epoch out of a line, unless it is that of the best value so far.

    >>> take_epoch("Epoch 3/10 loss: 0.5"), take_epoch("loss at epoch 3: 0.5"), take_epoch("best loss 0.5 (epoch 3)")
    ((' |  loss: 0.5', Epoch(number=3, has_total=True)), ('loss: 0.5', Epoch(number=3, has_total=False)), \
('best loss 0.5 ( | ', None))
    """
    at_begin = _EPOCH_AND_BATCH.match(line)
    if at_begin:
        return line[at_begin.end() :], Epoch(int(at_begin[1]), has_total=True)
    if "ep" not in line and "EP" not in line and "Ep" not in line:
        return line, None
    for match in _EPOCH.finditer(line):
        if match["plural"] and not match["total"]:  # "epochs: 10" is a setting
            continue
        before = line[max(0, match.start() - _BEFORE_CHARACTERS) : match.start()]
        joint = _JOINT.search(before)
        begin = match.start() - (len(joint[0]) if joint else 0)
        is_meant = not _NOT_THIS_ONE.search(line[: match.start()])
        told = Epoch(int(match["epoch"]), bool(match["total"])) if is_meant else None
        return line[:begin] + ("" if joint else _CELL) + line[match.end() :], told
    return line, None


def take_step(line: str, *, counts_in_epoch: bool) -> tuple[str, int | None]:
    """Take the step and the batch out of a line. What counts within an epoch is no step of the training.

    >>> take_step("step 100: loss 0.5", counts_in_epoch=False)
    (' | : loss 0.5', 100)
    >>> take_step("Step [1/6], loss: 0.5", counts_in_epoch=True)
    (' | , loss: 0.5', None)
    """
    at_begin = _STEP_AT_BEGIN.match(line)
    if at_begin:
        return line[at_begin.end() :], int(at_begin[1] or at_begin[2])
    lower = line.lower()
    if not any(word in lower for word in _STEP_WORDS):
        return line, None
    step = None
    for _ in range(2):  # an iteration, and a batch within it
        match = _STEP.search(line)
        if match is None:
            break
        before = line[max(0, match.start() - _BEFORE_CHARACTERS) : match.start()]
        is_in_epoch = match["word"].lower() in _NO_STEPS or (counts_in_epoch and match["total"])
        if not is_in_epoch and not _NOT_THIS_ONE.search(before):
            step = int(match["step"].replace(",", ""))
        line = line[: match.start()] + _CELL + line[match.end() :]
    return line, step
