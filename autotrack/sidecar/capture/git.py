"""Captures the state of the code: the commit, and everything that differs from it."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Any

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal.outputs import is_output
from autotrack.journal.records import AnyRecord, Environment, Notice
from autotrack.sidecar.capture import patch, repository
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.keeping import Keeper, modified, readable, redact_facts, some
from autotrack.sidecar.capture.repository import Repository
from autotrack.sidecar.capture.untracked import archive
from autotrack.sidecar.capture.working_tree import WorkingTree

_SECONDS = 18.0
_LISTED, _LISTED_IN_FILE = 200, 10_000
_CODE = {f".{suffix}" for suffix in "py pyi pyx ipynb sh c cc cpp cu h yaml yml toml cfg ini".split()}


def capture(subject: Subject) -> list[AnyRecord]:
    """Capture the repository of the entry script, or else of the working folder, if there is one.

    As in git, `dirty` is about tracked files. `patch_sha256` and `untracked_sha256` are None without any content.
    """
    cwd = Path(subject.started.cwd).absolute()
    try:
        top = repository.find([cwd / subject.script_folder, cwd], until=monotonic() + _SECONDS)
        return _record(WorkingTree(top, subject), subject) if top else []
    except AutotrackError as error:
        return [_notice(f"the state of the code is not known: {error}", subject)]


def _record(tree: WorkingTree, subject: Subject) -> list[AnyRecord]:
    about = _about(tree.top)
    patched = Keeper(subject.redactor, subject.budget_bytes, tree.top.until, tree.left_out)
    text = b"".join(section for part in tree.parts for section in patch.sections(part, tree.changed[part], patched))
    packed = replace(patched, room=subject.budget_bytes)  # shares the lists
    archived = archive(tree.untracked, packed, first={path.resolve() for path in subject.modules})
    code = sorted(name for name in tree.untracked if Path(name).suffix in _CODE and not is_output(name))
    facts = {
        **about,
        "dirty": bool(tree.changed_names) or any(submodule["dirty"] for submodule in tree.submodules.values()),
        "changed": tree.changed_names,
        "untracked": list(tree.untracked),
        "left_out": tree.left_out,
        "submodules": tree.submodules,
        "patch_sha256": _checksum(text, tree),
        "untracked_sha256": archived.sha256,
        "untracked_code": code,
        "untracked_code_sha256": _checksum_of(code, tree),
        "changed_after_start": tree.changed_since(subject.started.time),
    }
    listed = redact_facts(_shortened(facts, _LISTED_IN_FILE), subject.redactor)
    files = [subject.write("git.json", msgspec.json.format(msgspec.json.encode(listed), indent=1))]
    files += [subject.write("changes.patch", text)] if text else []
    files += [subject.write("untracked.tar.gz", archived.content)] if archived.content else []
    values = redact_facts(_shortened(facts, _LISTED), subject.redactor)
    environment = Environment(time=time(), kind="git", values=values, files=files)
    messages = [*packed.messages(), *_late(tree, subject.started.time)]
    return [environment, *(_notice(message, subject) for message in messages)]


def _about(top: Repository) -> dict[str, Any]:
    commit = top.status.commit
    made = top.line("rev-list", "-1", "--timestamp", commit) if commit else None
    directories = top.run("rev-parse", "--git-dir", "--git-common-dir").splitlines()
    half = len(directories) // 2  # a path may have more than one line
    return {
        "root": str(top.root),
        "commit": commit,
        "branch": top.status.branch,
        "tag": top.line("describe", "--tags", "--exact-match", commit) if commit else None,
        "describe": top.line("describe", "--tags", "--always", commit, seconds=1.0) if commit else None,
        "commit_time": int(made.split()[0]) if made else None,
        "remote": _remote(top),
        "worktree": directories[:half] != directories[half:],
    }


def _remote(top: Repository) -> str | None:
    """Return the URL that the branch comes from, without credentials."""
    remotes = [name for name in top.config if name.startswith("remote.") and name.endswith(".url")]
    own = f"remote.{top.config.get(f'branch.{top.status.branch}.remote', 'origin')}.url"
    if not remotes:
        return None
    return repository.without_credentials(top.config[own if own in remotes else remotes[0]])


def _checksum(text: bytes, tree: WorkingTree) -> str | None:
    """Return the checksum of the patch, and of when the files were written that were left out of it."""
    left_out = [f"{name}\0{modified(path)}\n" for name, path in tree.tracked.items() if name in tree.left_out]
    whole = text + "".join(left_out).encode(errors="surrogateescape")
    return hashlib.sha256(whole).hexdigest() if whole else None


def _checksum_of(code: list[str], tree: WorkingTree) -> str | None:
    """Return the checksum of the untracked files that are code. Others may be what earlier runs have left behind."""
    digest = hashlib.sha256()
    for name in code:
        with suppress(OSError):  # it has just been removed
            content = tree.untracked[name].read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape") + content)
    return digest.hexdigest() if code else None


def _shortened(facts: dict[str, Any], most: int) -> dict[str, Any]:
    """Shorten long lists, and add their full length as `…_count`."""
    shortened: dict[str, Any] = {}
    for name, value in facts.items():
        shortened[name] = value
        if isinstance(value, (list, dict)) and len(value) > most:
            first = list(value.items() if isinstance(value, dict) else value)[:most]
            shortened |= {name: type(value)(first), f"{name}_count": len(value)}
    return shortened


def _late(tree: WorkingTree, start: float) -> Iterator[str]:
    """Say what may differ from when the run started. Of untracked files only code counts: others may be results."""
    late = [name for name in tree.changed_since(start) if name in tree.tracked or name.endswith((".py", ".ipynb"))]
    if late:
        yield f"written after the start of the run, and kept as they are now: {some(late)}"
    if modified(tree.top.git_dir / "logs" / "HEAD") > start:
        yield "there was a commit or a checkout after the start of the run; what is recorded is the state after it"


def _notice(message: str, subject: Subject) -> Notice:
    return Notice(time=time(), about="git", message=subject.redactor.redact_text(readable(message))[0])
