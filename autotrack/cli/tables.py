"""Lays out tables for people: columns that fit a width, numbers below each other, characters of any width."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len, chop_cells, set_cell_size

_GAP = "  "
_NARROWEST = 8
_FEW_WORDS = 20
_ROOM_FOR_TEXT = 28
_NUMBER = re.compile(r"[-+]?(\d[\d,]*(\.\d+)?(e[-+]?\d+)?|nan|inf|NaN|Infinity)")
_MEASURE = re.compile(r"[-+]?[\d.,]+ ?(%|k?B|[MGT]B|B/s|[kMG]B/s|m?s|min( \d+ s)?|h( \d+ min)?)")
_PIECE = re.compile(r"[^/\\_\-.,=:;→]*[/\\_\-.,=:;→]+|[^/\\_\-.,=:;→]+")
"""What a long word is broken into where it does not fit: each piece ends behind a sign."""

_NAME = re.compile(r"[A-Z]?[^A-Z]+|[A-Z]+(?![^A-Z])|[A-Z]")
"""What is broken where there is no sign: each piece begins with a capital letter, as names of classes do."""

_LEFT_TO_RIGHT = "\u200e"
"""An invisible mark that keeps what follows a right-to-left text in its column."""

Style = Callable[[str, int, int], str]
"""Gives a cell its colour: called with its text as it is laid out, its row (-1 for the head) and its column."""


def table_lines(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int,
    wraps: bool = True,
    style: Style | None = None,
) -> list[str]:
    """Return a table as lines that are no wider than `width`.

    What is too long is continued below, or, unless the table `wraps`, cut in its middle. Numbers are never broken, and
    what stands above them is where there is no room for it.

    >>> for line in table_lines(["run", "loss"], [["brave-otter", "0.25"], ["calm-lynx", "12"]], width=40):
    ...     print(line)
    run           loss
    brave-otter   0.25
    calm-lynx    12
    """
    whole = [list(columns), *(list(row) for row in rows)]
    is_right = []
    for place in range(len(columns)):
        cells = [row[place] for row in whole[1:]]
        is_right.append(_are_measures(cells))
        if is_right[-1] and all(not cell or _NUMBER.fullmatch(cell) for cell in cells):
            for row, cell in zip(whole[1:], _aligned(cells), strict=True):
                row[place] = cell
    space = width - len(_GAP) * (len(columns) - 1)
    natural = _natural(whole, is_right, space)
    least = [max(longest_part(row[place]) for row in whole) if wraps else 0 for place in range(len(columns))]
    widths = _fitting(natural, is_right, space, least if sum(map(min, natural, least)) <= space else ())
    fits = sum(widths) + len(_GAP) * (len(widths) - 1) <= width
    lines = []
    for number, row in enumerate(whole, start=-1):
        for part in _lines_of(row, widths, wraps=wraps or number < 0):
            cells = []
            for place, cell in enumerate(part):
                is_last = place == len(columns) - 1
                padded = _padded(cell, widths[place], is_right=is_right[place], is_last=is_last)
                cells.append(style(padded, number, place) if fits and style else padded)
            line = _GAP.join(cells).rstrip()
            lines.append(line if fits else shortened(line, width))
    return lines


def shortened(text: str, width: int) -> str:
    """Return a text no wider than this, without its middle where it is longer.

    >>> shortened("a-rather-long-name", 9)
    'a-ra…name'
    """
    if cell_len(text) <= width:
        return text
    if width < 2:
        return set_cell_size(text, width)
    tail = (width - 1) // 2
    end = chop_cells(text[::-1], tail)[0][::-1] if tail else ""
    return f"{set_cell_size(text, width - 1 - cell_len(end)).rstrip()}…{end}"


def _natural(whole: Sequence[Sequence[str]], is_right: Sequence[bool], space: int) -> list[int]:
    """Return how wide columns would be; where there is too little room for texts, titles of numbers are broken.

    They are broken between words, and if that is not enough, behind signs.
    """
    natural = [max(map(cell_len, column)) for column in zip(*whole, strict=True)]
    numbers = [place for place, right in enumerate(is_right) if right]
    texts = sum(min(width, _ROOM_FOR_TEXT) for width, right in zip(natural, is_right, strict=True) if not right)
    for longest in (_longest_word, longest_part):
        floor = {place: max(longest(whole[0][place]), *(cell_len(row[place]) for row in whole[1:]))
                 for place in numbers}  # fmt: skip
        while texts + sum(natural[place] for place in numbers) > space:
            broad = [place for place in numbers if natural[place] > floor[place]]
            if not broad:
                break
            natural[max(broad, key=natural.__getitem__)] -= 1
    return natural


def _are_measures(cells: Iterable[str]) -> bool:
    """Whether a column holds nothing but numbers, some with a unit, so that their ends belong below each other."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(_NUMBER.fullmatch(cell) or _MEASURE.fullmatch(cell) for cell in filled)


def _aligned(cells: Sequence[str]) -> list[str]:
    """Return numbers with their points below each other."""
    parts = [re.match(r"([-+]?[a-zA-Z]+$|[-+\d,]*)(.*)", cell) for cell in cells]
    longest = max((len(part[2]) for part in parts if part), default=0)
    return [f"{cell}{' ' * (longest - len(part[2]))}" if part and cell else cell
            for cell, part in zip(cells, parts, strict=True)]  # fmt: skip


def columns_with_room(
    columns: Sequence[str], rows: Sequence[Sequence[str]], can_miss: Iterable[str], *, width: int
) -> list[int]:
    """Return the places of the columns for which there is room; those of `can_miss` go first, in this order.

    Long texts may be continued below, but in no narrower column than a few words need.

    >>> columns_with_room(["run", "by", "note"], [["brave-otter", "root", "a few words"]], ["by"], width=25)
    [0, 2]
    """
    need = []
    for place, title in enumerate(columns):
        cells = [title, *(row[place] for row in rows)]
        longest_word = max(map(_longest_word, cells))
        need.append(min(max(map(cell_len, cells)), max(_FEW_WORDS, longest_word)))
    places = list(range(len(columns)))
    for title in can_miss:
        if sum(need[place] for place in places) + len(_GAP) * (len(places) - 1) > width:
            places.remove(columns.index(title))
    return places


def _fitting(natural: Sequence[int], is_right: Sequence[bool], space: int, least: Sequence[int] = ()) -> list[int]:
    """Return the widths of columns: the widest of those with texts become narrower until all fit.

    None becomes narrower than its part of `least`, which has the longest words, if that is given.
    """
    widths = list(natural)
    while sum(widths) > space:
        texts = [
            place
            for place, width in enumerate(widths)
            if width > max(_NARROWEST, least[place] if least else 0) and not is_right[place]
        ]
        if not texts:
            break
        widest = max(texts, key=lambda place: widths[place])
        others = [widths[place] for place in texts if widths[place] < widths[widest]]
        floor = max(max(others, default=_NARROWEST), _NARROWEST, least[widest] if least else 0)
        same = sum(widths[place] == widths[widest] for place in texts)
        excess = -(-(sum(widths) - space) // same)
        smaller = max(floor, widths[widest] - excess)
        before = widths[widest]
        for place in texts:
            if widths[place] == before and sum(widths) > space:
                narrowest = max(smaller, least[place] if least else 0)
                widths[place] = max(narrowest, before - (sum(widths) - space))
    return widths


def _lines_of(row: Sequence[str], widths: Sequence[int], *, wraps: bool) -> list[list[str]]:
    if not wraps:
        return [[shortened(cell, width) for cell, width in zip(row, widths, strict=True)]]
    parts = [(wrapped if place else _hanging)(cell, width)
             for place, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
    height = max(map(len, parts), default=1)
    return [[part[line] if line < len(part) else "" for part in parts] for line in range(height)]


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of this width, broken between words where that is possible."""
    if cell_len(text) <= width:
        return [text]
    lines, line = [], ""
    for word in re.findall(r"\s*\S+", text.rstrip()):
        if cell_len(line + word) <= width:
            line += word
            continue
        if line.strip():
            lines.append(line)
        *whole, line = _parts(word.lstrip(), max(width, 1))
        lines += whole
    return [*lines, line]


def _hanging(text: str, width: int) -> list[str]:
    """Return a text in lines of this width, those after the first indented, so that each row begins at the left."""
    first, *others = wrapped(text, width)
    if not others or width < _NARROWEST:
        return [first, *others]
    return [first, *(f"{_GAP}{line}" for line in wrapped(text[len(first) :].lstrip(), width - len(_GAP)))]


def _parts(word: str, width: int) -> list[str]:
    """Return a word in pieces of this width, broken behind a sign where there is one: a path behind a slash."""
    if cell_len(word) <= width:
        return [word]
    parts, part = [], ""
    for piece in _PIECE.findall(word):
        if cell_len(part + piece) <= width:
            part += piece
            continue
        parts += [part] if part else []
        part = ""
        for name in _NAME.findall(piece) if cell_len(piece) > width else [piece]:
            if cell_len(part + name) > width:
                parts += [part] if part else []
                *whole, part = chop_cells(name, width)
                parts += whole
            else:
                part += name
    return [*parts, part]


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def longest_part(text: str) -> int:
    """Return how wide the longest piece of a text is that is not to be broken."""
    return max((cell_len(piece) for word in text.split() for piece in _PIECE.findall(word)), default=0)


def _padded(cell: str, width: int, *, is_right: bool, is_last: bool) -> str:
    padding = " " * max(0, width - cell_len(cell))
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in cell if letter > "\u0590"):
        cell += _LEFT_TO_RIGHT
    if is_right:
        return padding + cell
    return cell if is_last else cell + padding
