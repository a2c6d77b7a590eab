"""What JSON can hold of values whose classes are derived from builtin ones."""


def as_builtin(value: object) -> object:
    """Return the builtin value of an instance of a derived class, such as a string of numpy, for the encoder."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    raise TypeError(f"records hold plain values, and no {type(value).__name__}")
