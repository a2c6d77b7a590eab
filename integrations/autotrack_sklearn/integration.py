"""What `autotrack.autolog()` changes in scikit-learn."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from autotrack.integrations import KeptModel, Patch

_KINDS = ("Classifier", "Regressor", "Transformer", "Cluster", "Bicluster", "Density", "Outlier")
"""Mixins that some classes have without `BaseEstimator`."""

_DISTRIBUTION = ("scikit-learn", "1.4", "2")


class SklearnIntegration:
    """The hooks of each module of scikit-learn.

    Creating this object imports nothing of scikit-learn. A module gets its hooks when the user's code, or scikit-learn
    itself, imports it; no module is imported only to be hooked.
    """

    name = "sklearn"
    modules = {  # noqa: RUF012  read-only by contract
        "sklearn": _DISTRIBUTION,
        "sklearn.utils.parallel": _DISTRIBUTION,
        "sklearn.metrics": _DISTRIBUTION,
        "sklearn.calibration": _DISTRIBUTION,
        "sklearn.model_selection": _DISTRIBUTION,
        "sklearn.inspection": _DISTRIBUTION,
        "catboost": ("catboost", "1.0", "2"),
    }
    model_suffixes = (".joblib", ".skops")

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for one of the modules."""
        if module.__name__ == "sklearn":
            from autotrack_sklearn.estimators import EstimatorPatches

            mixins = [getattr(module.base, f"{name}Mixin") for name in _KINDS]
            return [EstimatorPatches(module.base.BaseEstimator, *mixins)]
        if module.__name__ == "catboost":  # its classes look like estimators, and derive from nothing of scikit-learn
            from autotrack_sklearn.estimators import EstimatorPatches

            return [EstimatorPatches(module.CatBoost)]
        if module.__name__ == "sklearn.utils.parallel":
            from autotrack_sklearn import tasks

            return [tasks.patch(module._FuncWrapper)]
        from autotrack_sklearn import functions

        if module.__name__ == "sklearn.model_selection":
            return functions.validation_patches(module)
        if module.__name__ == "sklearn.inspection":
            return functions.inspection_patches(module)
        return functions.metric_patches(module)

    def load_model(self, kept: KeptModel) -> Any:
        """Return the model in a file that a run has kept."""
        from autotrack_sklearn.kept_models import load

        return load(kept)
