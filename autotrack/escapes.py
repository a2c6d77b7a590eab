"""Texts of others, with what could steer a terminal written as escapes."""

import re

# Control characters (all escape sequences begin with one), line and paragraph separators, what turns the direction of
# text round or is invisible, and surrogates, which no terminal can be sent.
_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text with everything that could steer a terminal written as an escape, except characters in `keep`.

    Names, errors and texts of a run may come from anybody; whatever prints them passes them through here.

    >>> print(printable("loss\x1b]0;title\x07\n"))
    loss\x1b]0;title\x07\n
    """
    return _STEERING.sub(lambda match: match[0] if match[0] in keep else _escaped(match[0]), text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
