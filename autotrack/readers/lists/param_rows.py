"""The params of a run with where each comes from, and its default: for whoever shows them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from autotrack.journal.summary import Summary

_OF_PERSONS = ("user", "hparams", "init", "changed", "trial", "tensorboard", "logger")
"""The last parts of the sources of which a person has chosen the values."""


class ParamRow(NamedTuple):
    """One param.

    Attributes:
        name: Its name in `Summary.params`.
        value: Its value.
        sources: Where it comes from; several may have the same value.
        default: The default that the value differs from, as text; nothing if that is not known.
        is_default: Whether it is an argument that was left at its default.
    """

    name: str
    value: Any
    sources: list[str]
    default: str
    is_default: bool


def param_rows(summary: Summary) -> Iterator[ParamRow]:
    """Yield the params of a run."""
    for name, value in summary.params.items():
        defaults = [
            str(values[own])
            for source, values in summary.params_defaults.items()
            if (own := name if name in values else name.removeprefix(f"{source}.")) in values
            if summary.params_by_source.get(source, {}).get(own) == value
        ]
        sources = [
            source
            for source, values in summary.params_by_source.items()
            if values.get(name, values.get(name.removeprefix(f"{source}."), ...)) == value
        ]
        yield ParamRow(name, value, sources, "".join(defaults[:1]), summary.is_default(name))


def is_of_person(row: ParamRow, summary: Summary) -> bool:
    """Return whether somebody has given the value: to a parser, to a model, or to the run itself."""
    return any(source.rpartition(".")[2] in _OF_PERSONS for source in row.sources) or is_given(row, summary)


def is_given(row: ParamRow, summary: Summary) -> bool:
    """Return whether the value is an argument that was given, such as an option of the command line."""
    return any(
        own in summary.params_given.get(source, ())
        for source in row.sources
        for own in (row.name, row.name.removeprefix(f"{source}."))
    )
