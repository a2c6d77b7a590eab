"""Records the fits, searches, folds and evaluations of scikit-learn, and computes nothing twice.

Call `autotrack.autolog()` once and change nothing else, or give an estimator a callback (scikit-learn 1.9 or later):

    from autotrack_sklearn import AutotrackCallback

    search.set_callbacks(AutotrackCallback())
"""

from typing import TYPE_CHECKING

from autotrack.integrations import lazy_exports

if TYPE_CHECKING:
    from autotrack_sklearn.callback import AutotrackCallback as AutotrackCallback
    from autotrack_sklearn.configuration import configure as configure

__all__ = ["AutotrackCallback", "configure"]

__getattr__ = lazy_exports(
    __name__,
    {"AutotrackCallback": "autotrack_sklearn.callback", "configure": "autotrack_sklearn.configuration"},
    library="scikit-learn",
    extra="sklearn",
    needs="sklearn",
)
