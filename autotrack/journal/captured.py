"""What was captured of a run's environment, as readers expect it: a fact of another type is left out.

A record of the environment holds what its kind has, so it is a mapping of names to anything. Whoever made a store may
have put a number where a list of files belongs. All readers get these facts from a summary, so they are checked once,
where that is made, and each reader may take a fact for what it is called.
"""

from typing import Annotated, Any

import msgspec

_Text = str | None
_Texts = list[str]
_TextByName = dict[str, str]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Bytes = _Count | None

_TYPES: dict[str, dict[str, Any]] = {
    "git": {
        **dict.fromkeys(("root", "commit", "branch", "tag", "describe", "remote"), _Text),
        **dict.fromkeys(("patch_sha256", "untracked_sha256", "untracked_code_sha256"), _Text),
        **dict.fromkeys(("changed", "untracked", "untracked_code", "changed_after_start"), _Texts),
        **dict.fromkeys(("changed_count", "untracked_count"), _Count),
        "left_out": _TextByName,
        "submodules": dict[str, dict[str, Any]],
    },
    "source": {"root": _Text, "files": _TextByName, "left_out": _TextByName},
    "packages": {"python": str, "count": _Count, "versions": _TextByName, "commits": _TextByName},
    "hardware": {
        **dict.fromkeys(("hostname", "cpu_model", "os_name"), _Text),
        **dict.fromkeys(("memory_bytes", "container_memory_bytes"), _Bytes),
        "gpus": list[dict[str, Any]],
        "environment_variables": _TextByName,
    },
    "process": dict.fromkeys(("command", "launched_by", "interpreter", "prefix", "user", "hash_seed"), _Text),
    "used": {"modules": _TextByName, "files": _TextByName, "packages": _Texts, "variables": _TextByName},
}


def captured(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return what was captured of one kind, without the facts whose type is not theirs.

    >>> captured("git", {"commit": None, "changed": 3, "describe": "v1"})
    {'commit': None, 'describe': 'v1'}
    """
    types = _TYPES.get(kind, {})
    wrong = {name for name, expected in types.items() if name in values and not _fits(values[name], expected)}
    return {name: value for name, value in values.items() if name not in wrong} if wrong else values


def _fits(value: Any, expected: Any) -> bool:
    try:
        msgspec.convert(value, expected)
    except (msgspec.ValidationError, OverflowError):
        return False
    return True
