"""The lines that progress bars leave behind are those that a terminal shows."""

import io
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.sidecar.output.screen import LONGEST_LINE, WINDOW_ROWS, Screen, Stream

ARMED = "\x1b[?25l"  # what hides the cursor is about to move it


def shown(*texts: str) -> list[str]:
    """Everything that comes out of a screen, final or not."""
    screen = Screen(str)  # nothing is secret
    return [line for text in texts for line in screen.feed(text)] + screen.clear()


class Canvas:
    """A terminal without edges, one character after the other: slow and plain."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], str] = {}
        self.row = self.column = self.top = self.bottom = 0

    def write(self, text: str) -> None:
        for token in re.findall(r"\x1b\[\d*[A-Za-z]|.|\n", text, re.DOTALL):
            if token == "\n":
                self.row, self.column = self.row + 1, 0
            elif token == "\r":
                self.column = 0
            elif token == "\b":
                self.column = max(0, self.column - 1)
            elif token[0] == "\x1b":
                self.obey(token[-1], int(token[2:-1] or 1))
            else:
                self.cells[self.row, self.column] = token
                self.column += 1
            self.top, self.bottom = min(self.top, self.row), max(self.bottom, self.row)

    def obey(self, command: str, count: int) -> None:
        if command == "A":
            self.row -= count
        elif command == "C":
            self.column += count
        elif command == "D":
            self.column = max(0, self.column - count)
        elif command == "G":
            self.column = count - 1
        elif command == "K":  # only to the end
            for cell in [cell for cell in self.cells if cell[0] == self.row and cell[1] >= self.column]:
                del self.cells[cell]

    def rows(self) -> list[str]:
        rows = []
        for row in range(self.top, self.bottom + 1):
            length = max((column + 1 for at, column in self.cells if at == row), default=0)
            rows.append("".join(self.cells.get((row, column), " ") for column in range(length)).rstrip(" "))
        while rows and not rows[-1]:
            rows.pop()
        return rows


def on_canvas(text: str) -> list[str]:
    canvas = Canvas()
    canvas.write(text)
    return canvas.rows()


def in_pieces(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[begin:end] for begin, end in pairwise(edges)]


KEYS = st.sampled_from(["\r", "\b", "\n", "a", "bc", " ", "long text", "é漢"])
MOVEMENTS = st.sampled_from(
    ["\r", "\b", "\n", "x", "yz ", "\x1b[A", "\x1b[2A", "\x1b[K", "\x1b[3C", "\x1b[2D", "\x1b[5G"]
)
CUTS = st.lists(st.integers(min_value=0), max_size=4)


@given(st.lists(KEYS, max_size=60).map("".join), CUTS)
def test_returns_and_backspaces_work_as_in_a_terminal(text: str, cuts: list[int]) -> None:
    lines = shown(*in_pieces(text, cuts))
    while lines and not lines[-1]:
        lines.pop()
    assert lines == on_canvas(text)


@given(st.lists(MOVEMENTS, max_size=WINDOW_ROWS // 2).map("".join), CUTS)
def test_movements_work_as_in_a_terminal(text: str, cuts: list[int]) -> None:
    assert shown(ARMED, *in_pieces(text, cuts)) == on_canvas(text)


@given(st.text(alphabet=st.characters() | st.sampled_from("\x1b[]mHJK;?0129\n\r\b"), max_size=80), CUTS)
def test_no_text_breaks_it_and_how_it_is_cut_into_writes_does_not_matter(text: str, cuts: list[int]) -> None:
    assert shown(*in_pieces(text, cuts)) == shown(text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\x1b[1;32mINFO\x1b[0m ready\n", ["INFO ready"]),
        ("a\tb\n", ["a\tb"]),
        ("from Windows\r\n", ["from Windows"]),
        ("\x1b]0;title\x07text\n", ["text"]),
        ("\x1b]8;;https://host/\x1b\\link\x1b]8;;\x1b\\\n", ["link"]),
        ("\x1b(B\x1b=\x1b7text\x1b8\n", ["text"]),
        ("downloading\x1b[2K\rdone\n", ["done"]),
        ("1234\x1b[1K5\n", ["    5"]),
        ("one\n\x1b[1;1Htwo\x1b[J\n", ["one", "two"]),
        ("\x1b[Hframe 1\nrow\x1b[2J\x1b[Hframe 2\n", ["frame 2"]),
        ("\x1b[Hframe 1\nrow\x1b[H\x1b[Jframe 2\n", ["frame 2"]),
        ("10/10 [====]\b\b\b\b\b\b\b\b\b\b\b\b\r10/10 - loss: 0.5\n", ["10/10 - loss: 0.5"]),  # Keras
        (f"{ARMED}a\nb\x1b[A\rA\x1b[B\rB\n", ["A", "B"]),
        ("\x1b[999999999999C\x1b[99999999999999999999999999Gx", [" " * 1000 + "x"]),
    ],
)
def test_escape_sequences(text: str, lines: list[str]) -> None:
    assert shown(text) == shown(*text) == lines


def test_a_line_is_final_at_once_while_no_cursor_moved_up() -> None:
    screen = Screen(str)
    assert screen.feed("\r 50%|##  |") == []
    assert screen.rows == [" 50%|##  |"]
    assert screen.feed("\r100%|####|\nnext") == ["100%|####|"]


def test_lines_are_held_while_the_cursor_may_come_back_and_let_go_in_order() -> None:
    screen = Screen(str)
    assert screen.feed(ARMED + "outer\ninner\n") == []
    assert screen.feed("\x1b[2A\x1b[2KOUTER\n") == []
    assert screen.rows == ["OUTER", "inner"]
    screen.feed("\n")
    lines = [line for number in range(100) for line in screen.feed(f"{number}\n")]
    assert lines == ["OUTER", "inner", *map(str, range(100))][: len(lines)]
    assert len(lines) > 60
    assert lines + screen.clear() == ["OUTER", "inner", *map(str, range(100))]


def test_plain_lines_are_final_at_once_again_long_after_the_last_bar() -> None:
    screen = Screen(str)
    screen.feed(f"{ARMED}\x1b[Abar\n\n")
    for number in range(2 * WINDOW_ROWS):
        screen.feed(f"{number}\n")
    assert screen.is_empty
    assert screen.feed("plain\n") == ["plain"]
    assert screen.feed("\router\n") == [], "a bar is back, and what is above it is held again"


def test_memory_is_bounded() -> None:
    screen = Screen(str)
    lines = [line for _ in range(100) for line in screen.feed("x" * 5000)]
    assert sum(map(len, lines + screen.rows)) == 500_000
    assert max(map(len, lines + screen.rows)) <= LONGEST_LINE
    screen.feed("\n" + ARMED)
    assert not screen.feed("\x1b[9999A")
    assert screen.height <= WINDOW_ROWS + 1
    screen = Screen(str)
    text = "\x1b]" + "never ending " * 10_000
    assert "".join([*screen.feed(text), *screen.clear()]) == text[2:].rstrip(), "no text is lost in an escape"


def test_long_lines_are_broken_between_words_and_nothing_is_lost() -> None:
    stream = Stream(str)
    text = "word " * 50_000
    lines = stream.feed(text, thread=1) + stream.clear()
    assert lines.replace("\n", "") == text
    assert lines.count("\n") == 4
    assert all(line.endswith("word ") for line in lines.splitlines())


# Real progress bars


class Terminal(io.StringIO):
    """Says that it is a terminal, and feeds a screen."""

    encoding = "utf-8"

    def __init__(self) -> None:
        super().__init__()
        self.screen = Screen(str)
        self.lines: list[str] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.lines += self.screen.feed(text)
        return len(text)


def test_tqdm_leaves_one_line() -> None:
    tqdm = pytest.importorskip("tqdm").tqdm
    terminal = Terminal()
    for _ in tqdm(range(50), file=terminal, desc="train", mininterval=0, ncols=80):
        pass
    assert len(terminal.lines) == 1
    assert re.match(r"train: 100%\|█+\| 50/50 \[", terminal.lines[0])
    assert terminal.screen.is_empty


def test_nested_tqdm_leaves_its_outer_bar_and_what_was_written_between() -> None:
    tqdm = pytest.importorskip("tqdm").tqdm
    terminal = Terminal()
    for epoch in tqdm(range(3), file=terminal, desc="epochs", mininterval=0, ncols=80):
        for _ in tqdm(range(5), file=terminal, desc="steps", mininterval=0, ncols=80, leave=False):
            pass
        tqdm.write(f"epoch {epoch} done", file=terminal)
    lines = terminal.lines + terminal.screen.clear()
    assert sum("epochs" in line for line in lines) <= 2  # the first time, nobody knows yet that the cursor comes back
    assert "epochs: 100%" in lines[-1]
    assert not any("steps" in line for line in lines)
    assert [line for line in lines if "done" in line] == [f"epoch {epoch} done" for epoch in range(3)]


def test_rich_leaves_its_last_state_and_what_was_printed_between() -> None:
    console_module = pytest.importorskip("rich.console")
    progress_module = pytest.importorskip("rich.progress")
    terminal = Terminal()
    console = console_module.Console(file=terminal, force_terminal=True, width=80, color_system="truecolor")
    with progress_module.Progress(console=console, auto_refresh=False) as progress:
        tasks = [progress.add_task(name, total=4) for name in ("train", "validate")]
        for step in range(4):
            for task in tasks:
                progress.advance(task)
                progress.refresh()
            console.print(f"step {step}")
    lines = [line for line in terminal.lines + terminal.screen.clear() if line]
    assert lines[:4] == [f"step {step}" for step in range(4)]
    assert [line.split()[0] for line in lines[4:]] == ["train", "validate"]
    assert all("100%" in line for line in lines[4:])
