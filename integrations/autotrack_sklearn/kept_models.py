"""Loads the models that were kept: files of skops without running code, pickled ones only where that is trusted."""

import pickle
from typing import Any

from autotrack.integrations import KeptModel


def load(kept: KeptModel) -> Any:
    """Return the fitted estimator in a file."""
    if kept.path.suffix == ".skops":
        return _load_skops(kept)
    if not kept.trusted:
        kept.refuse("run code that is pickled in it")
    with kept.path.open("rb") as file:
        return pickle.load(file)  # noqa: S301  somebody has said that it is trusted


def _load_skops(kept: KeptModel) -> Any:
    import skops.io  # it takes seconds, and only few models are kept with it

    unknown = skops.io.get_untrusted_types(file=kept.path)
    if unknown and not kept.trusted:
        kept.refuse(f"make objects of types that skops does not know to be harmless: {', '.join(unknown)}")
    return skops.io.load(kept.path, trusted=unknown)
