"""What data loaders are for, as the names say that the script gives them."""

import re
from typing import Any

from autotrack_torch.frames.reading import user_frames, variables

_ROLES = (
    (re.compile(r"(?i)val|dev(?![a-z])|eval"), "validate"),
    (re.compile(r"(?i)test"), "test"),
    (re.compile(r"(?i)train"), "train"),
)


def telling_name_of(loader: Any) -> str | None:
    """Return the name of the innermost variable or attribute for this data loader that tells what it is for."""
    for frame in user_frames():
        held = variables(frame)
        names = [name for name, value in held.items() if value is loader]
        attributes = getattr(held.get("self"), "__dict__", None)
        if type(attributes) is dict:
            names += [name for name, value in attributes.items() if value is loader]
        for name in names:
            if any(pattern.search(name) for pattern, _ in _ROLES):
                return name
    return None


def role_of(name: str | None) -> str:
    """Return the role of data that a loop evaluates: `validate` unless the name says otherwise."""
    for pattern, role in _ROLES:
        if name is not None and pattern.search(name):
            return role
    return "validate"
