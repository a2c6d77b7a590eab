"""The names of weights."""


def bare_name(name: str) -> str:
    """Return the name of a weight without what wrapping its model puts before it."""
    return name.replace("module.", "").replace("_orig_mod.", "").replace("_forward_module.", "")
