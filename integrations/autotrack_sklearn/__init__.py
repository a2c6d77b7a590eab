"""Records scikit-learn: fits, searches, folds and evaluations, with nothing computed twice.

Call `autotrack.autolog()` once and change nothing else, or give an estimator a callback (scikit-learn 1.9 or later):

    from autotrack_sklearn import AutotrackCallback

    search.set_callbacks(AutotrackCallback())
"""

from typing import TYPE_CHECKING

from autotrack.errors import MissingLibraryError

if TYPE_CHECKING:
    from autotrack_sklearn.callback import AutotrackCallback as AutotrackCallback
    from autotrack_sklearn.options import configure as configure

__all__ = ["AutotrackCallback", "configure"]


def __getattr__(name: str) -> object:
    # On first use: autolog imports this package in scripts that may never import scikit-learn.
    if name == "AutotrackCallback":
        import importlib.util

        if importlib.util.find_spec("sklearn") is None:
            raise MissingLibraryError(
                "AutotrackCallback needs scikit-learn, and sklearn is not installed:\n"
                "pip install 'autotrack-ml[sklearn]'"
            )
        from autotrack_sklearn.callback import AutotrackCallback

        return AutotrackCallback
    if name == "configure":
        from autotrack_sklearn.options import configure

        return configure
    raise AttributeError(f"module 'autotrack_sklearn' has no attribute {name!r}")
