"""Finds metrics in a line that a script prints: numbers with names, the epoch and the step that it tells.

Printed text is untrusted, and there may be a lot of it. A line is looked at from left to right, every number with the
text since the one before. The length of a line is bounded, and so is what an expression here can backtrack over.

How well this works, by the labels of `tests/sidecar/output/printed_corpus.txt`, 55 scripts with 239 metrics in lines
of many styles: precision 1.00, recall 0.98, with all of these at hand while it was written. In the outputs of 60
public scripts that it had not seen, it made three kinds of mistakes, which were mended: a setting taken for a metric,
a line missed, a metric named after the wrong stage. What is a time, a count, a size, a setting or a version is left
out by its name (`printed_names.py`) or its unit.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from autotrack.sidecar.output.printed_asides import without_conditions, without_count, without_file_names
from autotrack.sidecar.output.printed_counters import take_epoch, take_step
from autotrack.sidecar.output.printed_labels import Label, label_of
from autotrack.sidecar.output.printed_moments import is_of_best, is_of_checkpoint, of_best
from autotrack.sidecar.output.printed_names import STAGES, certain, clean, stage_of

LONGEST_LINE = 1000
"""Characters; of a longer line, only the beginning is looked at."""

_MOST_NUMBERS = 60
_LONGEST_LABEL = 160
_HIGHEST = 10**15

_DIGIT = re.compile(r"[0-9]")
_NUMBER = re.compile(
    r"(?<![\w.@/±\\])(?<!\w[-\u2013])"
    r"[+-]?(?:\d{1,3}(?:,\d{3})++(?![\d,])(?:\.\d++)?+|\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?\d{1,3}+)?+"
    r"(?![\w@\\])(?!\.\d)(?!-\d)(?!:\d)(?!/[a-zA-Z])"
)
_UNIT = re.compile(
    r"\s?(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?|ms|us|µs|ns|it/s|s/it|[a-z]+/(?:s|sec|second)|fps|hz|"
    r"[kmgt]?i?b|bytes|params|parameters|steps|epochs?|samples|images|tokens|batch|batches|examples|times|ep|"
    r"out of|more|iterations)\b(?!\s*[:=])",
    re.IGNORECASE,
)
_DIVISOR = re.compile(r"\s*/\s*(\d++)(?![\w.])")
_CONTEXT = re.compile(
    rf"(?:(?<=\[)|(?<=\()|(?<![\w./-]))({STAGES})(?!\s+[-\u2013\u2014]\s+(?:INFO|DEBUG|WARNING)\b)"
    r"(?=\]|\)|\s*[:|>]|\s?\.\s|\s+[-\u2013\u2014]|\s*\Z|"
    r"\s+(?:set|on|epoch|results?|metrics?|error|stats|performance|summary|phase|scores?)\b)",
    re.IGNORECASE,
)
_HEADING = re.compile(rf"^[\W_]*+(?:\w+\s+)?({STAGES})\b[^:=]{{0,40}}:\s*$", re.IGNORECASE)
_BAR = re.compile(r"\d%\|")
_CHANGES = ("improved", "decreased", "increased", "reduced", "dropped", "rose", "changed", "went")
_CHANGE = re.compile(
    rf"(?P<name>[A-Za-z_][\w @/.-]{{0,40}}?)\s+(?:has\s+)?(?:{'|'.join(_CHANGES)})"
    r"(?:\s+from|:)?\s*\(?(?:-?inf|[-+]?[\d.]{1,20}(?:e[+-]?\d{1,3})?)\s*%?\s*(?:-+>|=+>|\u2192|to)\s*"
    r"(?P<new>[-+]?\d{1,15}(?:\.\d{1,17})?(?:e[+-]?\d{1,3})?)",
    re.IGNORECASE,
)
_CONSTRUCTOR = re.compile(r"\b([A-Za-z_][\w.]{0,60}+)\((?=[a-z_]\w*+=)")
_OF_METRICS = ("dict", "metric", "result", "output", "score", "log", "eval", "loss")
_WITHOUT_SEPARATOR = (
    *("loss", "acc", "epoch", "err", "score", "prec", "recall", "auc", "mse", "mae", "ppl", "perplex", "f1", "r2"),
    *("iou", "dice", "map", "wer", "bleu", "rouge", "psnr", "ssim", "reward", "return", "nll", "kl", "top", "hit"),
)
_OF_SOMETHING_ELSE = frozenset(
    "target goal required threshold baseline published sota previous prev expected needed had".split()
)
"""Words in the name of a number that is not what the training has reached just now."""

_ELSEWHERE = ("Warning: ", '  File "', "http://", "https://", "WARNING")
_SETTING = re.compile(
    r"\b(?:batch[_ ]?size|seed|momentum|weight[_ ]decay|hidden|dropout|optimizer|gpu|num_workers)\b", re.IGNORECASE
)
_SETTINGS_FOLLOW = re.compile(
    r"\b(?:params|parameters|config|configuration|settings|args|arguments|options)\b\W{0,4}[:=]", re.IGNORECASE
)


class Said(NamedTuple):
    """What a line says.

    Attributes:
        values: Numbers whose names tell a metric, in the order of the line.
        others: Numbers that are metrics if the line was printed during training.
        epoch: The epoch that the line names.
        step: The step or iteration that it names.
        heading: The stage that the line announces for those below it, as in "Validation:".
    """

    values: dict[str, float]
    others: dict[str, float]
    epoch: int | None = None
    step: int | None = None
    heading: str = ""


class _Value(NamedTuple):
    """A number and its name. `context` is the stage it is of, `carried` that of the values before it."""

    name: str
    value: float
    is_certain: bool = True
    context: str = ""
    carried: str = ""


def parse(line: str, heading: str = "") -> Said:
    """Return what a line says. `heading` is the stage that a line above it has announced, if it is below one.

    >>> parse("Epoch 3/10 | valid loss: 0.31 / accuracy: 91.40 %")
    Said(values={'valid_loss': 0.31, 'accuracy': 91.4}, others={}, epoch=3, step=None, heading='')
    >>> parse("[train] loss=0.3, kl=0.01, lr: 1e-3, took 3.1 s").values
    {'train_loss': 0.3, 'train_kl': 0.01}
    >>> parse("Namespace(lr=0.1, loss=0.5)").values, parse("loading 3 files of v1.2.3 from 10.0.0.1").values
    ({}, {})
    """
    if len(line) > LONGEST_LINE:
        line = line[:LONGEST_LINE].rpartition(" ")[0]
    if not _DIGIT.search(line):  # as most lines that are not about the progress
        return Said({}, {}, heading=_heading_in(line))
    if not _may_say_something(line) or any(word in line for word in _ELSEWHERE) or _constructs_something(line):
        return Said({}, {})
    whole = line
    line, epoch = take_epoch(without_conditions(without_file_names(line)))
    line, step = take_step(line, counts_in_epoch=epoch is not None)
    line, changed = _take_change(without_count(line))
    found = [*_values(line, heading, is_progress=epoch is not None or step is not None), *changed]
    values, others = _named([one for one in found if not _is_of_something_else(one.name)])
    if others and not values and _is_of_settings(whole, is_progress=epoch is not None or step is not None):
        others = {}
    if epoch is not None and not (values or epoch.has_total) and _SETTING.search(line):
        epoch = None
    if (values or others) and epoch is None and step is None:
        if is_of_best(whole):
            values, others = ({of_best(name): value for name, value in one.items()} for one in (values, others))
        elif is_of_checkpoint(whole):
            values, others = {}, {}
    return Said(values, others, epoch and epoch.number, step, "" if found else _heading_in(line))


def _is_of_settings(line: str, *, is_progress: bool) -> bool:
    """Whether a line without results shows settings, such as those of an optimizer."""
    return _SETTINGS_FOLLOW.search(line) is not None or (not is_progress and _SETTING.search(line) is not None)


def _is_of_something_else(name: str) -> bool:
    """Whether a number is no result: one to reach, one of before, one of others, or a learning rate."""
    return name == "best" or name.endswith("_lr") or not _OF_SOMETHING_ELSE.isdisjoint(name.split("_"))


def _may_say_something(line: str) -> bool:
    """Whether a line with numbers is worth a closer look: it has a separator, or a word such as "loss"."""
    if ":" in line or "=" in line or "|" in line:
        return True
    lower = line.lower()
    return any(word in lower for word in _WITHOUT_SEPARATOR)


def _heading_in(line: str) -> str:
    announced = _HEADING.match(line) if line.rstrip(" |").endswith(":") else None
    return announced[1].lower() if announced else ""


def _constructs_something(line: str) -> bool:
    """Whether a line shows an object with its arguments, such as `Adam(lr=0.1)`."""
    if "(" not in line:
        return False
    names = [found[1].lower() for found in _CONSTRUCTOR.finditer(line)]
    return any(not any(word in name for word in _OF_METRICS) for name in names)


def _take_change(line: str) -> tuple[str, list[_Value]]:
    """Take "loss improved from 0.5 to 0.4" out of a line: the second number is the value."""
    match = _CHANGE.search(line) if any(word in line for word in _CHANGES) else None
    if match is None:
        return line, []
    name = certain(clean(match["name"]))
    rest = f"{line[: match.start()]} | {line[match.end() :]}"
    return rest, [_Value(name, float(match["new"]))] if name else []


def _values(line: str, heading: str, *, is_progress: bool) -> Iterator[_Value]:
    """Yield the numbers that are metrics, or may be some."""
    label_begin = lead_begin = 0
    context, carried = "", ""
    for match in islice(_NUMBER.finditer(line), _MOST_NUMBERS):
        start = match.start()
        if start and line[start - 1] in ":," and _is_within_another(line, start):
            continue
        label = label_of(line[max(label_begin, start - _LONGEST_LABEL) : start])
        number = _Number(line, match, label)
        if number.joins_words:
            label_begin = label_begin if label.certain else number.end
            continue
        label_begin = number.end
        name, is_certain = number.name(is_progress=is_progress)
        value = number.value if name else None
        if value is None:
            continue
        lead = line[lead_begin : start - label.length]
        context = _context_in(lead) or context
        before = context or heading
        if not before and lead == " ":  # "train loss 0.3 acc 0.9"
            before = carried
        carried = label.stage or carried
        yield _Value(name, value, is_certain, "" if label.stage else before, carried)
        lead_begin = number.end


class _Number:
    """A number in a line, with what stands around it."""

    def __init__(self, line: str, match: re.Match[str], label: Label) -> None:
        self._text = match[0]
        self._label = label
        self._is_whole = match[0].lstrip("+-").isdigit()
        after = line[match.end() : match.end() + 2]
        self._next = after.strip()[:1]
        self._unit = _UNIT.match(line, match.end())
        self._divisor = _DIVISOR.match(line, match.end()) if self._next == "/" and self._is_whole else None
        is_in_list = line[match.start() - 1 : match.start()] == "[" and (
            self._next.isdigit() or self._next in (",", ".")
        )
        self._is_none = self._unit or label.is_dividend or after == "%|" or (is_in_list and self._next)
        self.end = self._divisor.end() if self._divisor else match.end()

    @property
    def joins_words(self) -> bool:
        """Whether it is a part of a name, as in "accuracy on 10000 test images"."""
        return self._is_whole and not self._label.has_separator and not self._unit and self._next.isalpha()

    def name(self, *, is_progress: bool) -> tuple[str, bool]:
        """Return the name of the metric that it is, or nothing, and whether it is one for certain."""
        label = self._label
        is_named = label.has_separator or label.certain or (is_progress and (label.is_cell or label.is_rate))
        if self._is_none or not is_named:
            return "", False
        if label.certain:
            is_count = self._is_whole and self._next != "%" and self._divisor is None and not label.can_be_whole
            return "" if is_count else label.certain, True
        is_value = label.is_stage if self._next == "%" else not self._is_whole
        return label.plausible if is_value else "", False

    @property
    def value(self) -> float | None:
        """The number; a share if it is followed by a divisor, as in "9840/10000"."""
        text = self._text.replace(",", "")
        if self._divisor is not None:
            divisor = self._divisor[1]
            return int(text) / int(divisor) if len(text) < 13 and len(divisor) < 13 and int(divisor) else None
        number = int(text) if self._is_whole and len(text) < 17 else float(text)
        return number if abs(number) < _HIGHEST else None


def _context_in(lead: str) -> str:
    """Return the stage that a text before a name tells, as in "[train] loss" or "Validation: loss"."""
    told = _CONTEXT.findall(lead) if lead else []
    if not told or (_BAR.search(lead) and told[-1].lower().startswith("tr")):
        return ""  # the numbers of a training bar are those of a batch: not the "train loss"
    return str(told[-1]).lower()


def _named(found: list[_Value]) -> tuple[dict[str, float], dict[str, float]]:
    """Give the values their prefixes: the stage before them, or where names come twice, that of the one before."""
    plain = [f"{value.context}_{value.name}" if value.context else value.name for value in found]
    values: dict[str, float] = {}
    others: dict[str, float] = {}
    for name, value in zip(plain, found, strict=True):
        is_ambiguous = plain.count(name) > 1 and value.carried and not value.context and not stage_of(value.name)
        full = f"{value.carried}_{name}" if is_ambiguous else name
        if full not in values and full not in others:
            (values if value.is_certain else others)[full] = value.value
    return values, others


def _is_within_another(line: str, start: int) -> bool:
    """Whether the number that begins here goes on with a time such as 12:30, or a list such as 1,2."""
    if not line[start - 2 : start - 1].isdigit():
        return False
    if line[start - 1] == ",":
        return True
    at = start - 2
    while at > 0 and line[at - 1].isdigit() and start - at < 8:
        at -= 1
    return not (at and (line[at - 1].isalpha() or line[at - 1] in "_@"))
