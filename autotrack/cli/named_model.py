"""Tells whether somebody who names a model means a registered one, or that of a run."""

from autotrack.model_names import SCHEME, parsed
from autotrack.models.entries import Registered
from autotrack.models.registry import Registry


def named_version(registry: Registry, model: str) -> tuple[str, Registered] | None:
    """Return the name and version that a text such as `digits@champion` refers to; None if it has to be a run.

    Raises `ModelNotFoundError` for a registered model without that version.
    """
    name = model.removeprefix(SCHEME).partition("@")[0].partition("/")[0]
    if not model.startswith(SCHEME) and not registry.exists(name):
        return None
    wanted = parsed(model)
    return wanted.name, registry.model(wanted.name).version(wanted)
