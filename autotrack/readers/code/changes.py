"""How the code of one run differs from that of another: the real difference of the two working states, file by file.

A working state is a commit with everything that was not committed. Whether a file counts is told by what the runs have
imported, and by the files that their code names.
"""

import difflib
import io
import os
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from autotrack.journal.outputs import is_output
from autotrack.journal.summary import Summary
from autotrack.readers.code.git_objects import UnknownContentError
from autotrack.readers.code.usage import Usage
from autotrack.readers.code.working_state import WorkingState

_MOST_FILES = 500
_MOST_LINES = 20_000
_LONGEST_LINE, _SAME_LETTERS = 60, 20
_MEANS_NOTHING = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)
_LAYOUT = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


@dataclass(frozen=True)
class FileChange:
    """A file that is not the same in two runs.

    Attributes:
        name: Its path from the root of the repository, or from the folder of the script.
        before: Its content in the earlier run; None if it was not there.
        now: Its content in the later run; None if it is not there.
        use: `imported`, `named` by the code or the command line, or `unused`; None if that was not recorded.
        unknown: Why its content is not known.
        patches: Without contents: what the two patches do to it.
    """

    name: str
    before: bytes | None = None
    now: bytes | None = None
    use: str | None = None
    unknown: str = ""
    patches: tuple[bytes, bytes] = (b"", b"")

    @cached_property
    def diff(self) -> list[str]:
        """The difference as lines of a unified diff, without line ends."""
        if self.unknown:
            before, now = (text.decode(errors="replace").splitlines() for text in self.patches)
            name = f"patch/{self.name}"
            return list(difflib.unified_diff(before, now, name, name, lineterm="", n=1))
        if any(b"\0" in (content or b"")[:8000] for content in (self.before, self.now)):
            return [f"{self.name} has other bytes"]
        before, now = (
            (text or b"").decode(errors="replace").splitlines()[:_MOST_LINES] for text in (self.before, self.now)
        )
        old, new = (
            f"{side}/{self.name}" if text is not None else "/dev/null"
            for side, text in (("a", self.before), ("b", self.now))
        )
        return list(difflib.unified_diff(before, now, old, new, lineterm=""))

    @cached_property
    def is_cosmetic(self) -> bool:
        """Whether only comments, docstrings or blanks of Python code differ."""
        if not self.name.endswith(".py") or self.before is None or self.now is None or self.unknown:
            return False
        before, now = _tokens(self.before), _tokens(self.now)
        return before is not None and before == now

    @cached_property
    def gist(self) -> str:
        """The first line that differs, before and now, and how many there are besides."""
        if self.before is None or self.now is None:
            return self.unknown or ("the file is new" if self.before is None else "the file is gone")
        body = [line for line in self.diff if not line.startswith(("---", "+++", "@@"))]
        removed, added = ([line[1:] for line in body if line[:1] == mark and _says(line[1:])] for mark in "-+")
        firsts = [" ".join(lines[0].split()) for lines in (removed, added) if lines]
        same = len(os.path.commonprefix(firsts))  # noqa: RUF071  letters are meant
        start = max(same - _SAME_LETTERS, 0) if len(firsts) == 2 else 0
        first = " → ".join(f"`{_cut(line, start)}`" for line in firsts)
        more = max(len(removed), len(added)) - 1
        return f"{first}{f' and {more} more' if more > 0 else ''}" or "its layout"


@dataclass(frozen=True)
class CodeChanges:
    """All files that differ, and what could not be compared, a sentence each."""

    files: list[FileChange] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        files = [{"file": one.name, "use": one.use, "diff": "\n".join(one.diff)} for one in self.files]
        return {"files": files, "missing": self.missing}


def has_code(folder: Path, summary: Summary) -> bool:
    """Return whether any code of a run was recorded."""
    return WorkingState(folder, summary).is_known


def code_changes(folders: tuple[Path, Path], summaries: tuple[Summary, Summary]) -> CodeChanges | None:
    """Return how the code of a run differs from that of an earlier one; None if that of either was not recorded.

    Args:
        folders: The run folders, the earlier run first.
        summaries: What was recorded of them.
    """
    before, now = (WorkingState(folder, summary) for folder, summary in zip(folders, summaries, strict=True))
    if not before.is_known or not now.is_known:
        return None
    uses = [Usage(summary) for summary in summaries]
    found, missing = list[FileChange](), dict[str, None]()
    names = [name for name in dict.fromkeys(_names(before, now, missing)) if not is_output(name)]
    if len(names) > _MOST_FILES:
        names.sort(key=lambda name: _used(name, uses) not in ("imported", "named"))
        missing[f"of {len(names)} files that may differ, {_MOST_FILES} are compared, those first that were used"] = (
            None
        )
        del names[_MOST_FILES:]
    for state in (before, now):
        state.load(names)
    for name in names:
        change = _change(name, before, now, _used(name, uses))
        if change is not None:
            found.append(change)
            if change.unknown:
                missing[change.unknown] = None
    for state in (before, now):
        missing |= dict.fromkeys(state.lacking)
    order = ["imported", "named", None, "unused"]
    found.sort(
        key=lambda change: (order.index(change.use), change.use == "imported" and change.is_cosmetic, change.name)
    )
    return CodeChanges(found, list(missing))


def _names(before: WorkingState, now: WorkingState, missing: dict[str, None]) -> Iterator[str]:
    """Yield the files that may differ."""
    yield from (*now.patched, *before.patched, *now.kept, *before.kept)
    if before.commit == now.commit:
        return
    if not before.git or not now.git:
        missing["one of the runs was recorded without git: of its code, only what was kept is compared"] = None
        return
    objects = now.objects
    if objects is not None and before.commit is not None and now.commit is not None and objects.has(before.commit):
        changed = objects.changed(before.commit, now.commit)
        if changed is not None:
            yield from changed.files
            missing |= dict.fromkeys(
                f"the submodule {name} is at another commit; its files are not compared" for name in changed.submodules
            )
            return
    trees = [_tree(state) for state in (before, now)]
    if None not in trees:  # two repositories, as after history was rewritten, or nothing was committed yet
        old, new = (tree or {} for tree in trees)
        yield from (name for name in {**old, **new} if old.get(name) != new.get(name))
        return
    if before.objects is not None and now.objects is not None:
        missing["git does not tell what differs between the commits, so only uncommitted changes are compared"] = None
    for state in (before, now):
        if state.commit is None:
            continue
        if state.objects is None:
            missing[f"the commit {(state.commit or '')[:10]} is gone: it is neither in {state.git.get('root')} nor in "
                    "the repository here, so what was committed in between is not shown"] = None  # fmt: skip


def _tree(state: WorkingState) -> dict[str, bytes] | None:
    """Return the committed files of a run, with the ids of their contents; None if that is not known."""
    if state.commit is None:
        return {}
    return state.objects.tree(state.commit) if state.objects is not None else None


def _change(name: str, before: WorkingState, now: WorkingState, use: str | None) -> FileChange | None:
    sections = [state.patched[name].text if name in state.patched else b"" for state in (before, now)]
    if before.commit == now.commit and sections[0] == sections[1] and name not in {**before.kept, **now.kept}:
        return None
    try:
        contents = before.read(name), now.read(name)
    except UnknownContentError as error:
        return FileChange(name, use=use, unknown=str(error), patches=(sections[0], sections[1]))
    return FileChange(name, *contents, use=use) if contents[0] != contents[1] else None


def _used(name: str, uses: list[Usage]) -> str | None:
    if any(name in use.modules for use in uses):
        return "imported"
    if any(name in use.files for use in uses):
        return "named"
    return "unused" if all(use.is_known for use in uses) else None


def _tokens(content: bytes) -> list[tuple[int, str]] | None:
    """Return what of Python code means something, without comments and docstrings; None if it cannot be read."""
    found: list[tuple[int, str]] = []
    try:
        tokens = [token for token in tokenize.tokenize(io.BytesIO(content).readline)
                  if token.type not in _MEANS_NOTHING]  # fmt: skip
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    for place, token in enumerate(tokens):
        begins = place == 0 or tokens[place - 1].type in _LAYOUT
        ends = place + 1 == len(tokens) or tokens[place + 1].type in _LAYOUT
        if not (token.type == tokenize.STRING and begins and ends):
            found.append((token.type, "" if token.type in _LAYOUT else token.string))
    return [token for place, token in enumerate(found) if token[0] != tokenize.NEWLINE or found[place - 1] != token]


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def _cut(line: str, start: int) -> str:
    """Return a piece of a line that is short enough to be read, from about where it differs."""
    if len(line) <= _LONGEST_LINE:
        return line
    start = min(start, len(line) - _LONGEST_LINE)
    end = "…" if start + _LONGEST_LINE < len(line) else ""
    return f"{'…' if start else ''}{line[start : start + _LONGEST_LINE]}{end}"
