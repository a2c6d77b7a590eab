"""What a terminal would show in the end: texts become lines, and a progress bar becomes the line that it leaves."""

import re
from collections.abc import Callable
from typing import ClassVar

WINDOW_ROWS = 32
"""How many rows above the lowest one the cursor can return to."""

LONGEST_LINE = 2**16
"""Longer lines are broken, after a space if possible, so that they cannot grow in memory without end."""

_FARTHEST_COLUMN = 1000  # every column that the cursor skips is a blank in memory
_LONGEST_ESCAPE = 4096
_MOST_THREADS = 100

_TOKEN = re.compile(
    r"(?P<text>[^\x1b\r\n\b]+)"
    r"|(?P<newline>\r?\n)"
    r"|(?P<key>[\r\b])"
    r"|\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<command>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles, links, pictures
    r"|(?P<unfinished>\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)\Z)"
    r"|\x1b(?:[ -/]*[0-OQ-WYZ\\`-~])?"  # other short sequences, and an escape that begins nothing we know
)


def has_controls(text: str) -> bool:
    """Whether a text does more than move the cursor to the right and to the next line."""
    return "\r" in text or "\x1b" in text or "\b" in text


def break_line(line: str) -> tuple[list[str], str]:
    """Break a line that is too long. Return the pieces that were cut off, and the rest."""
    pieces = []
    while len(line) > LONGEST_LINE:
        cut = line.rfind(" ", LONGEST_LINE - 1024, LONGEST_LINE) + 1 or LONGEST_LINE
        pieces.append(line[:cut])
        line = line[cut:]
    return pieces, line


class Screen:
    """The last rows of a terminal. Text is fed in, and lines come out when nothing can change them any more.

    Carriage returns, backspaces, and the movements and erasures that progress bars use, work as in a terminal of
    unlimited width. Tabs stay. Colours, all other escape sequences and blanks at the end of a line are dropped.

    A line is final when the cursor leaves it downward, until the program moves the cursor upward for the first time.
    From then on the last `WINDOW_ROWS` rows are held back, until that many lines have passed without a bar.

    `redact` takes the secrets out of a text. What was written is given to it before anything can overwrite a part of
    it, because nobody would recognise a secret by the rest.

    Attributes:
        place: Where in the training the text is written that is fed from now on, as `Stream` says it.
        final_places: For each line that the last `feed` or `clear` returned, the place where it was written last.
        erased: The row that was overwritten by blanks last, as by a progress bar that leaves nothing, and its place.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._unsearched_from: int | None = None  # the column
        self._rows = [""]
        self._row = self._column = 0
        self._moves_up = False
        self._lines_since_movement = 0
        self._unfinished_escape = ""
        self.place: object = None
        self._places: list[object] = [None]
        self.final_places: list[object] = []
        self.erased: tuple[str, object] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no text is held back, so that plain lines may bypass the screen."""
        return not (self._column or self._unfinished_escape or len(self._rows) > 1 or self._rows[0])

    @property
    def rows(self) -> list[str]:
        """The rows that are held back, without empty ones at the end."""
        rows = [row.rstrip(" ") for row in self._rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def height(self) -> int:
        """How many rows there are, empty ones included."""
        return len(self._rows)

    def feed(self, text: str) -> list[str]:
        """Show a text. Return the lines that became final."""
        self.final_places = []
        return self._feed(text)

    def _feed(self, text: str) -> list[str]:
        final: list[str] = []
        text = self._unfinished_escape + text
        self._unfinished_escape = ""
        for match in _TOKEN.finditer(text):
            piece, kind = match[0], match.lastgroup
            if kind == "text":
                self._write(piece, final)
            elif kind == "newline":
                self._next_line(final)
            elif kind == "key":
                self._search()
                self._column = 0 if piece == "\r" else max(0, self._column - 1)
                self._lines_since_movement = 0
            elif kind == "command":
                self._obey(piece[-1], match["parameters"])
            elif kind == "unfinished" and len(piece) < _LONGEST_ESCAPE:
                self._unfinished_escape = piece
            elif kind == "unfinished":  # too long to be an escape sequence
                final += self._feed(piece[2:])
        return final

    def clear(self) -> list[str]:
        """Return what is held back, and forget it."""
        rows = self.rows
        self.final_places = self._places[: len(rows)]
        self._rows, self._row, self._column = [""], 0, 0
        self._places = [None]
        self._unsearched_from = None
        return rows

    def _write(self, text: str, final: list[str]) -> None:
        row, begin = self._rows[self._row], self._column
        if self._unsearched_from is None:
            self._unsearched_from = begin
        end = begin + len(text)
        if not begin and row and end >= len(row) and text.isspace() and not row.isspace():
            self.erased = row.rstrip(" "), self._places[self._row]
        self._places[self._row] = self.place
        row = row + text if begin == len(row) else row[:begin].ljust(begin) + text + row[end:]
        self._column = end
        if len(row) > LONGEST_LINE:
            final += [above.rstrip(" ") for above in self._rows[: self._row]]
            self.final_places += self._places[: self._row]
            del self._rows[: self._row], self._places[: self._row]
            self._row = 0
            pieces, row = break_line(row)
            final += pieces
            self.final_places += [self.place] * len(pieces)
            self._column = max(0, end - sum(map(len, pieces)))
            self._unsearched_from = 0
        self._rows[self._row] = row

    def _search(self) -> None:
        """Take the secrets out of what was written without moving the cursor, and out of the row with it."""
        begin, self._unsearched_from = self._unsearched_from, None
        if begin is None:
            return
        row, end = self._rows[self._row], self._column
        written = self._redact(row[begin:end])
        is_whole = begin == 0 and end == len(row)  # as most are
        clean = written if is_whole else self._redact(row[:begin] + written + row[end:])
        if clean != row:  # it does not grow, or what is drawn over it would leave its end
            self._rows[self._row] = clean[: len(row)]
            self._column = max(0, end + len(self._rows[self._row]) - len(row))

    def _next_line(self, final: list[str]) -> None:
        if self._moves_up or self._row < len(self._rows) - 1:
            self._search()
        self._unsearched_from = None
        self._row += 1
        self._column = 0
        if self._row < len(self._rows):
            return
        self._rows.append("")
        self._places.append(self.place)
        self._lines_since_movement += 1
        held = WINDOW_ROWS if self._moves_up and self._lines_since_movement <= WINDOW_ROWS else 0
        leaving = len(self._rows) - 1 - held
        if leaving > 0:
            final += [row.rstrip(" ") for row in self._rows[:leaving]]
            self.final_places += self._places[:leaving]
            del self._rows[:leaving], self._places[:leaving]
            self._row -= leaving

    def _obey(self, command: str, parameters: str) -> None:
        if parameters == "?25" and command == "l":  # a program that hides the cursor is about to move it
            self._note_movement()
        method = self._COMMANDS.get(command)
        if method:
            self._search()
            method(self, *[int(number[:4]) for number in re.findall(r"\d+", parameters)[:2]])

    def _note_movement(self) -> None:
        self._moves_up = True
        self._lines_since_movement = 0

    def _up(self, count: int = 1, _: int = 0) -> None:
        self._note_movement()
        self._row -= max(count, 1)
        missing = min(-self._row, WINDOW_ROWS + 1 - len(self._rows))
        if missing > 0:  # the rows that were there are final already
            self._rows[:0] = [""] * missing
            self._places[:0] = [self.place] * missing
        self._row = max(self._row + max(missing, 0), 0)

    def _down(self, count: int = 1, _: int = 0) -> None:
        self._row = min(self._row + max(count, 1), len(self._rows) - 1)

    def _right(self, count: int = 1, _: int = 0) -> None:
        self._to_column(self._column + max(count, 1) + 1)

    def _left(self, count: int = 1, _: int = 0) -> None:
        self._column = max(self._column - max(count, 1), 0)

    def _to_column(self, number: int = 1, _: int = 0) -> None:
        farthest = max(_FARTHEST_COLUMN, len(self._rows[self._row]))
        self._column = min(max(number, 1) - 1, farthest)

    def _to_place(self, line: int = 1, column: int = 1) -> None:
        self._note_movement()
        self._row = min(max(line, 1), len(self._rows)) - 1
        self._to_column(column)

    def _erase_in_line(self, how: int = 0, _: int = 0) -> None:
        row = self._rows[self._row]
        if how == 0:
            row = row[: self._column]
        elif how == 1:
            row = " " * min(self._column + 1, len(row)) + row[self._column + 1 :]
        else:
            row = ""
        self._rows[self._row] = row

    def _erase_below(self, how: int = 0, _: int = 0) -> None:
        if how == 0:
            self._erase_in_line()
            del self._rows[self._row + 1 :], self._places[self._row + 1 :]
        elif how in (2, 3):
            self._rows = [""] * (self._row + 1)
            del self._places[self._row + 1 :]

    _COMMANDS: ClassVar = {
        "A": _up,
        "B": _down,
        "C": _right,
        "D": _left,
        "G": _to_column,
        "H": _to_place,
        "J": _erase_below,
        "K": _erase_in_line,
    }


class Stream:
    """Makes lines of the pieces that are written to one stream.

    `print` writes a line in several pieces. Plain pieces are put together for each thread separately. While a progress
    bar holds rows back, all threads write to the same screen. `redact` is that of `Screen`.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._screen = Screen(redact)
        self._pieces: dict[int, str] = {}
        self.is_plain = True
        """Whether the screen is empty."""
        self.places: list[object] | None = None
        """For each line that `feed` or `clear` returned, where it was printed; None if that is the present place."""

    @property
    def height(self) -> int:
        """How many rows the screen has."""
        return self._screen.height

    @property
    def rows(self) -> list[str]:
        """The rows of progress bars that may still change."""
        return self._screen.rows

    @property
    def unfinished_lines(self) -> list[str]:
        """The plain lines whose end has not been written yet."""
        return [line for line in list(self._pieces.values()) if line]

    def hold(self, text: str, *, thread: int) -> bool:
        """Keep a piece of a plain line and return True, or return False if the text has to be fed.

        This needs no lock: threads that print at the same time do not wait for each other in the middle of a line.
        """
        if "\n" in text or has_controls(text) or not self.is_plain:
            return False
        line = self._pieces.get(thread, "") + text
        if len(line) > LONGEST_LINE or len(self._pieces) > _MOST_THREADS:
            return False
        self._pieces[thread] = line
        return True

    def feed(self, text: str, *, thread: int, place: object = None) -> str:
        """Add a text, printed at this place. Return the lines that it made final, each with its line feed."""
        text = self._pieces.pop(thread, "") + text
        self.places = None
        if not self.is_plain or has_controls(text):
            self._screen.place = place
            final = _lines(self._screen.feed(text))
            self.is_plain, self.places = self._screen.is_empty, self._screen.final_places
            return final
        whole, line_feed, rest = text.rpartition("\n")
        final = whole + line_feed
        if len(rest) > LONGEST_LINE:
            pieces, rest = break_line(rest)
            final += _lines(pieces)
        if rest:
            self._pieces[thread] = rest
        while len(self._pieces) > _MOST_THREADS:  # of threads that ended long ago
            final += self._pieces.pop(next(iter(self._pieces))) + "\n"
        return final

    def take_erased(self) -> tuple[str, object] | None:
        """Return a row that was overwritten by blanks since the last call, and its place."""
        erased, self._screen.erased = self._screen.erased, None
        return erased

    def clear(self) -> str:
        """Return everything that is left as lines, and forget it."""
        lines = [*self._screen.clear(), *self.unfinished_lines]
        self.places = [*self._screen.final_places, *([self._screen.place] * len(self.unfinished_lines))]
        self.is_plain = True
        self._pieces.clear()
        return _lines(lines)


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
