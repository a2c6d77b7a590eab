"""Tells whether it is the script that parses its arguments, or a library or a launcher that parses its own.

What decides is whose code calls the parser, not which parser it is or what is in `sys.argv`: pip, pytest, the
launchers of torch and the kernels of notebooks parse with argparse as scripts do, from the same command line. The code
that calls is the innermost frame outside of autotrack, of the library of the parser, and of methods of the parser;
those are passed over, because `HfArgumentParser.parse_args_into_dataclasses` is called by the script, but calls
argparse from an installed package. The script's is

- code of no installed package and not of the standard library, wherever it lies: the script, its modules, a notebook,
  a package that is installed to be edited;
- the module that was started with `python -m`, and other modules of that package;
- the package that has called `autolog()`: a project may be installed like any other package.

A library that parses for the script in a function of its own is not recognised. It could as well parse for itself.
"""

import sys
from types import FrameType

from autotrack.training.hooks.user_code import is_installed

_projects: set[str] = set()


def belongs_to_project(frame: FrameType) -> None:
    """Take the package of this code, which has called `autolog()`, for that of the user's project."""
    package = _package_of(frame)
    if package not in ("", "__main__", "autotrack"):
        _projects.add(package)


def calling_line(*libraries: str, parser: object = None) -> tuple[str, int] | None:
    """Return the file and the line from which the script calls the parser, or None if it is not the script's.

    `libraries` are the packages or modules of the parser.
    """
    inside = tuple(f"{library}." for library in libraries)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if not name.partition(".")[0].startswith("autotrack") and not f"{name}.".startswith(inside):
            if not is_installed(_file_of(frame)):
                break
            if parser is None or _first_local(frame) is not parser:
                break
        frame = frame.f_back
    if frame is None or not _is_scripts(frame):
        return None
    return frame.f_code.co_filename, frame.f_lineno


def is_module_of_script(name: object) -> bool:
    """Return whether the module of this name, in which a class or function was defined, is the script's."""
    if not isinstance(name, str) or name.partition(".")[0] in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return not file or not is_installed(file) or name == "__main__" or name.partition(".")[0] in _project_packages()


def _is_scripts(frame: FrameType) -> bool:
    if not is_installed(_file_of(frame)):
        return True
    return frame.f_globals.get("__name__") == "__main__" or _package_of(frame) in _project_packages()


def _project_packages() -> set[str]:
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    started = spec.name.partition(".")[0] if spec is not None else ""
    return {*_projects, started} - {""}


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__") or "").partition(".")[0]


def _file_of(frame: FrameType) -> str:
    """Return the file of the code; of code that was generated, as that of dataclasses is, the file of its module."""
    name = frame.f_code.co_filename
    return str(frame.f_globals.get("__file__") or name) if name == "<string>" else name


def _first_local(frame: FrameType) -> object:
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return frame.f_locals.get(names[0]) if names else None
