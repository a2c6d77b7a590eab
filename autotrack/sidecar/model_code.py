"""The source files that a model needs to be loaded: modules of the project, and what they import."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from autotrack.model_format.requirements import is_installed
from autotrack.sidecar.capture.base import Subject

_MOST_BYTES = 5_000_000
_MOST_FILES = 500


def code_of(modules: Iterable[str], subject: Subject) -> dict[str, bytes]:
    """Return source files by their path below the folder that modules are imported from; nothing if none is needed.

    If any module is one of the project's, these are all files that the training has imported from the project: which
    of them the others need is not known. Secrets in them are redacted.
    """
    cwd = Path(subject.started.cwd)
    script = cwd / subject.started.entry_point if subject.started.entry_point else None
    sources = [source for path in subject.modules if (source := cwd / path) != script]
    roots = {root for module in modules if not is_installed(module) if (root := _root_of(module, sources)) is not None}
    found: dict[str, bytes] = {}
    left = _MOST_BYTES
    for root in sorted(roots):
        for source in sources:
            if not source.is_relative_to(root) or len(found) >= _MOST_FILES:
                continue
            try:
                size = source.stat().st_size
                content = source.read_bytes() if size <= left else b""
            except OSError:  # it has been removed since it was imported
                continue
            if (left := left - size) < 0:
                return found
            text, _ = subject.redactor.redact_text(content.decode(errors="replace"))
            found.setdefault(source.relative_to(root).as_posix(), text.encode())
    return found


def _root_of(module: str, sources: Iterable[Path]) -> Path | None:
    """Return the folder from which a module was imported, going by its file."""
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):  # a pickle may name anything
        return None
    for ending in (PurePosixPath(*parts).with_suffix(".py"), PurePosixPath(*parts, "__init__.py")):
        for source in sources:
            if source.parts[-len(ending.parts) :] == ending.parts:
                return Path(*source.parts[: -len(ending.parts)])
    return None
