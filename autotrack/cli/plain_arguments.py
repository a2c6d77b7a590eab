"""Reads simple arguments of a command without pydantic, which takes longer to import than most commands take.

typer checks every argument by pydantic from version 0.29 on, even one that was not given. Texts, paths, whole numbers
and choices that are as they should be need none of it. Everything else, and above all every mistake, is left to typer,
and so is everything where a version of typer has no `type_descriptor`.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from typer.core import TyperCommand, TyperGroup

_UNKNOWN = object()


class PlainCommand(TyperCommand):
    """A command whose simple arguments are read here."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the arguments and options, `--help` among them."""
        return _read_plainly(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """A group of commands whose own simple arguments are read here."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the arguments and options, `--help` among them."""
        return _read_plainly(super().get_params(ctx))


def _read_plainly(params: list[Any]) -> list[Any]:
    for param in params:
        if hasattr(param, "type_descriptor") and "process_value" not in vars(param):
            param.process_value = partial(_process_value, param, param.process_value)
    return params


def _process_value(param: Any, usual: Any, context: Any, value: Any) -> Any:
    """Return the value of an argument, as typer's `process_value` does, which is `usual`."""
    is_list = param.multiple or param.nargs == -1
    found = _plain(param.type_descriptor, value, is_list=is_list)
    if found is _UNKNOWN or (param.required and (value is None or found == ())):
        return usual(context, value)
    return found if param.callback is None else param.callback(context, param, found)


def _plain(descriptor: Any, value: Any, *, is_list: bool) -> Any:
    """Return a value as its kind is; `_UNKNOWN` for anything that is not simple."""
    if value is None:
        return () if is_list else None
    info, kind = descriptor.parameter_info, descriptor.annotation
    if info.parser is not None or info.allow_dash or info.path_type is not None or info.resolve_path:
        return _UNKNOWN
    if not is_list:
        return _simple(kind, info, value)
    kinds = get_args(kind) if get_origin(kind) is list else ()
    if len(kinds) != 1 or not isinstance(value, (list, tuple)):
        return _UNKNOWN
    found = [_simple(kinds[0], info, item) for item in value]
    return _UNKNOWN if _UNKNOWN in found else found


def _simple(kind: Any, info: Any, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        is_any = info.file_okay and info.dir_okay and not (info.exists or info.writable)
        return Path(value) if is_any and (os.access(value, os.R_OK) or not os.access(value, os.F_OK)) else _UNKNOWN
    if kind is int and isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if get_origin(kind) is Literal:
        return value if info.case_sensitive and value in get_args(kind) else _UNKNOWN
    if kind not in (bool, float, int, str) or type(value) is not kind:
        return _UNKNOWN
    is_in_range = (info.min is None or value >= info.min) and (info.max is None or value <= info.max)
    return value if is_in_range else _UNKNOWN
