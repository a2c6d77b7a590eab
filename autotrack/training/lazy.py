"""Names of a package that are imported on first use, because a framework comes along that takes seconds."""

import importlib
from collections.abc import Callable, Mapping

from autotrack.errors import MissingLibraryError


def lazy_exports(
    package: str, homes: Mapping[str, str], *, library: str, extra: str, needs: str | None = None
) -> Callable[[str], object]:
    """Return the `__getattr__` of a package: it imports each name in `homes` from its module on first use.

    Where `library` is not installed it raises `MissingLibraryError` with the command that installs it, which is the
    `extra` of the distribution. That shows when the module's own imports fail; `needs` names a module to ask for where
    they would not.
    """

    def import_on_first_use(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            if needs is not None:
                from importlib.util import find_spec  # few processes get here

                if find_spec(needs) is None:
                    raise ModuleNotFoundError(f"No module named {needs!r}", name=needs)
            return getattr(importlib.import_module(homes[name]), name)
        except ModuleNotFoundError as error:
            raise MissingLibraryError(
                f"{name} needs {library}, and {error.name} is not installed:\npip install 'autotrack-ml[{extra}]'"
            ) from error

    return import_on_first_use
