"""Comparisons of two runs, as a page has them."""

from autotrack.readers.code.changes import FileChange
from autotrack.report.comparisons import code_shown


def change(name: str, lines: int) -> FileChange:
    return FileChange(name, b"", (b"x" * 999 + b"\n") * lines)


def test_the_code_of_two_runs_is_shown_as_far_as_there_is_room() -> None:
    small = [change("a.py", 3), change("b.py", 5)]
    assert [one["file"] for one in code_shown(small)] == ["a.py", "b.py"]
    shown = list(code_shown([change("a.py", 150), *(change(f"{number}.py", 100) for number in range(3))]))
    assert [one["file"] for one in shown] == ["a.py", "not shown: 0.py and 2 more"]
    assert shown[1]["diff"] == "3 files: autotrack compare --code shows all of it"
    assert sum(len(one["diff"]) for one in shown) < 201_000
