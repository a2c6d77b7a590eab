"""Tables for people: they fit, whatever is in them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from autotrack.cli.tables import shortened, table_lines, wrapped

TEXTS = st.text(st.characters(blacklist_categories=["C", "Z", "M"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.floats(width=16).map("{:.4g}".format)), max_size=4),
    st.booleans(),
    st.sampled_from([40, 80, 120]),
)
def test_no_line_is_wider_than_the_table_may_be(rows: list[tuple[str, str, str]], wraps: bool, width: int) -> None:
    for line in table_lines(["run", "param", "loss"], rows, width=width, wraps=wraps):
        assert cell_len(line) <= width


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 40))
def test_a_text_that_is_cut_keeps_its_ends(text: str, width: int) -> None:
    short = shortened(text, width)
    assert cell_len(short) <= width
    assert short == text if cell_len(text) <= width else "…" in short or width < 2


def test_what_is_too_long_is_continued_between_words() -> None:
    assert table_lines(["a", "b"], [["x", "one two three"]], width=12) == ["a  b", "x  one two", "   three"]


def test_numbers_have_their_points_below_each_other() -> None:
    rows = [["0.25", "12.0 s"], ["12", "1 min 15 s"], ["1e-05", "2 h 1 min"], ["NaN", ""], ["-3.125", "3.1 s"]]
    assert [line[:7] for line in table_lines(["x", "took"], rows, width=80)] == [
        "      x", "  0.25 ", " 12    ", "  1e-05", "NaN", " -3.125",
    ]  # fmt: skip


def test_wide_characters_take_two_columns() -> None:
    assert table_lines(["run", "x"], [["名前", "a"], ["ab", "b"]], width=80) == ["run   x", "名前  a", "ab    b"]


def test_right_to_left_text_does_not_drag_along_what_follows() -> None:
    line = table_lines(["run", "loss"], [["שלום", "12"]], width=80)[1]
    assert line == "שלום\u200e    12"


def test_a_long_path_is_broken_behind_a_slash_and_words_stay_whole_where_there_is_room() -> None:
    assert wrapped("see checkpoints/epoch=3-step=100.ckpt", 16) == ["see", "checkpoints/", "epoch=3-step=", "100.ckpt"]
    rows = [["checkpoint", "a sentence that is long enough to be continued", "validation"]]
    lines = table_lines(["kind", "what", "role"], rows, width=44)
    assert [line.split()[0] for line in lines[1:2]] == ["checkpoint"]
    assert "validation" in lines[1]


def test_a_long_name_is_continued_behind_a_sign_or_before_a_capital_and_its_row_is_told_by_the_indent() -> None:
    rows = [["validation_mean_average_precision_at_50", "0.6213"], ["MulticlassAveragePrecisionOfAll", "0.5"]]
    assert table_lines(["name", "last"], rows, width=34) == [
        "name                          last",
        "validation_mean_average_    0.6213",
        "  precision_at_50",
        "MulticlassAveragePrecision  0.5",
        "  OfAll",
    ]  # fmt: skip


def test_titles_above_numbers_are_broken_before_texts_become_narrow_and_numbers_never_are() -> None:
    names = ["brave-otter", "calm-lynx", "noble-owl", "fleet-lemur"]
    lines = table_lines(["metric", *names], [["validation_loss_of_all", *["0.6213"] * 4]], width=60)
    assert lines[0].split() == ["metric", "brave-", "calm-", "noble-", "fleet-"]
    assert lines[1].split() == ["otter", "lynx", "owl", "lemur"]
    assert lines[2].split() == ["validation_loss_of_all", *["0.6213"] * 4]
    assert table_lines(["run", "validation_loss ↓"], [["a", "0.5"]], width=16, wraps=False)[0].split() == [
        "run", "validation_",
    ]  # fmt: skip
