"""What the text before a printed number says of it: the name at its end, and whether that is the name of a metric."""

import re
from functools import lru_cache
from typing import NamedTuple

from autotrack.sidecar.output.printed_names import certain, clean, plausible, stage_of

_WRAPPERS = ("tensor(", "array(", "float64(", "float32(", "float16(", "np.float(", "parameter(")
_OPENING = " \t([{'\"`*_~$"
_JOINTS = frozenset(("is", "was", "now", "of", "at", "to", "->", "\u2192", "=>", "-->", "about", "~", "equals"))
_DELIMITERS = re.compile(
    r"[,;|{}\[\]<>\t=!?│┃║•·#]|:(?!\s*$)|\s{2,}|\s[-\u2013\u2014]+\s|--+|\s/\s|(?<!avg)(?<!val)\.\s|[)]\s",
    re.IGNORECASE,
)
_CELL_BEGIN = re.compile(r"(?:\A|[|│┃,;\t]|\s-\s|\s{2,})\s*\Z")
_DIVIDEND = re.compile(r"\d\s*/\s*\Z")
_QUALIFIERS = ("best", "avg", "mean", "final")
_CAN_BE_WHOLE = re.compile(r"loss|acc|reward|return|score|inertia|perplexity|ppl")
"""Metrics that an integer without a percent sign can be; an "error: 404" is none."""


class Label(NamedTuple):
    """What is said of a number.

    Attributes:
        certain: The name of the metric that it is for certain; or nothing.
        plausible: The name of what it is if it was printed during training; or nothing.
        stage: The word for training, validation or test in the name.
        has_separator: Whether `:`, `=` or a word such as "is" stands between name and number.
        is_cell: Whether the name fills a cell of its own, as in "| gnorm 1.2 |".
        is_dividend: Whether the number is the second one of "0.1 / 0.2".
        is_stage: Whether the name is nothing but that of a stage.
        is_rate: Whether it is a learning rate.
        can_be_whole: Whether the metric may be an integer.
        length: How much of the text belongs to the name and what follows it.
    """

    certain: str
    plausible: str
    stage: str
    has_separator: bool
    is_cell: bool
    is_dividend: bool
    is_stage: bool
    is_rate: bool
    can_be_whole: bool
    length: int


@lru_cache(maxsize=2048)  # a script prints the same names again and again
def label_of(text: str) -> Label:
    """Return what the text between two numbers says of the second one.

    >>> label_of(" / accuracy: ").certain, label_of("| gnorm ").plausible, label_of(", took ").plausible
    ('accuracy', 'gnorm', '')
    """
    unwrapped = _without_wrapper(text)
    if unwrapped is None:
        return Label("", "", "", False, False, False, False, False, False, len(text))
    raw, has_separator, is_cell = _name_in(unwrapped)
    name = clean(raw)
    sure, maybe = certain(name), plausible(name)
    return Label(
        sure,
        maybe,
        stage_of(sure or maybe),
        has_separator,
        is_cell,
        is_dividend=_DIVIDEND.search(text) is not None,
        is_stage=bool(maybe) and stage_of(maybe) == maybe,
        is_rate=maybe in ("lr", "learning_rate"),
        can_be_whole=_CAN_BE_WHOLE.search(sure) is not None,
        length=len(text) - text.rfind(raw) if raw and raw in text else len(text),
    )


def _without_wrapper(text: str) -> str | None:
    """Return a text without what opens at its end, such as `tensor(`; None before a second number in brackets."""
    bare = text.rstrip(_OPENING)
    opening = text[len(bare) :]
    if "(" not in opening:
        return bare
    for wrapper in _WRAPPERS:
        if f"{bare.lower()}(".endswith(wrapper):
            return bare[: len(bare) + 1 - len(wrapper)].removesuffix("torch.").removesuffix("np.").rstrip(_OPENING)
    return bare if bare[-1:] in (":", "=") else None


def _name_in(text: str) -> tuple[str, bool, bool]:
    """Return the name at the end of a text, whether a separator follows it, and whether it fills a cell of its own."""
    has_separator = text[-1:] in (":", "=")
    is_tight = text[-1:] == "=" and text[-2:-1] not in (" ", "", "=")
    if has_separator:
        text = text.rstrip(":= \t").rstrip("'\"`* ")
    else:
        words = text.split()
        while words and words[-1].lower() in _JOINTS:
            text = text.rstrip()[: -len(words.pop())].rstrip()
            has_separator = True
    name = text
    for match in _DELIMITERS.finditer(text):
        if match.end() < len(text):
            name = text[match.end() :]
    name = name.strip(" '\"`*-\u2013>.(")
    if is_tight and " " in name and not name.endswith(")"):
        name = _last_words(name)
    is_cell = " " not in name and _CELL_BEGIN.search(text[: len(text) - len(name)]) is not None
    return name, has_separator, is_cell


def _last_words(name: str) -> str:
    """Return the name at the end of what stands before `=` without a blank: "val loss" in "done val loss=0.3"."""
    words = name.split()
    begin = len(words) - 1
    while begin and (stage_of(words[begin - 1].lower()) or words[begin - 1].lower() in _QUALIFIERS):
        begin -= 1
    return " ".join(words[begin:])
