"""Which files of the code differ between two runs, as likely causes: those that training imported count."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from autotrack.format import some
from autotrack.journal.outputs import CODE_SUFFIXES
from autotrack.readers.code.changes import CodeChanges, FileChange
from autotrack.readers.code.usage import Usage
from autotrack.readers.compare.cause import UNUSED, WEIGHTS, Cause
from autotrack.readers.compare.difference import Difference


def causes_in_code(code: CodeChanges | None, uses: tuple[Usage, Usage], changes: list[Difference]) -> Iterator[Cause]:
    """Yield a cause for all files together that the runs imported, and one for those that they did not."""
    files = {change.name: change for change in code.files if change.use != "named"} if code else {}
    if all(use.is_known for use in uses):
        new, old = (use.modules for use in uses)
        imported = [name for name in new if old.get(name, new[name]) != new[name]]
        imported += [name for name in {**new, **old} if (name in new) != (name in old) and name in files]
        telling = [name for name in imported if not (name in files and files[name].is_cosmetic)]
        if telling:
            yield _of_files([files.get(name, FileChange(name)) for name in telling], "imported by the training")
        if cosmetic := [name for name in imported if name not in telling]:
            yield Cause(_names(cosmetic), "code", "only comments, docstrings or blanks differ", UNUSED)
        others = [name for name, change in files.items() if change.use in ("unused", None) and name not in imported]
        if others or (changes and not imported and not _is_about_named(changes, uses)):
            evidence = "no file that was imported differs"
            yield Cause(_names(others) if others else str(changes[0]), "code", evidence, UNUSED)
        return
    if changes and code and files:  # what was imported is not known of both, but the difference itself is
        sources = [one for one in files.values() if not one.is_cosmetic and _is_code(one.name)]
        if sources:
            yield replace(_of_files(sources, "the code is not the same"), confidence=WEIGHTS["code"] - 0.05)
        if others := [one.name for one in files.values() if one not in sources]:
            yield Cause(_names(others), "code", "no code, or only comments, docstrings or blanks differ", UNUSED)
        return
    why_not = f"; its difference cannot be shown: {code.missing[0]}" if code and code.missing else ""
    for change in changes:
        yield Cause(str(change), "code", f"the code is not the same{why_not}", WEIGHTS["code"] - 0.05)


def _is_about_named(changes: list[Difference], uses: tuple[Usage, Usage]) -> bool:
    return any(name in use.files for change in changes for name in change.files for use in uses)


def _is_code(name: str) -> bool:
    return PurePath(name).suffix.lower() in CODE_SUFFIXES


def _of_files(changes: list[FileChange], why: str) -> Cause:
    shown = next((change for change in changes if change.diff), None)
    gist = f": {shown.gist}" if shown is not None else ""
    return Cause(_names([change.name for change in changes]), "code", f"{why}{gist}", WEIGHTS["code"])


def _names(names: list[str]) -> str:
    return f"{some(names, 3)} changed"
