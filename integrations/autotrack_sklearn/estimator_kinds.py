"""What kind of estimator this is, and which one it ends in, as its class and attributes tell; nothing is computed."""

import sys
from typing import Any

from autotrack.integrations import as_plain

_PREPROCESSING = ("preprocessing", "impute", "feature_extraction", "feature_selection", "random_projection",
                  "kernel_approximation")  # fmt: skip
_PREDICTING = (
    "predict",
    "fit_predict",
    "score",
    "score_samples",
    "decision_function",
    "partial_fit",
)


def is_estimator(value: Any) -> bool:
    """Whether the value of a param is an estimator: one that the owner of the param is made of."""
    return hasattr(value, "get_params") and not isinstance(value, type)


def is_search(estimator: Any) -> bool:
    """Whether this estimator tries candidates, as the searches of scikit-learn and of other packages do."""
    return any("SearchCV" in kind.__name__ for kind in type(estimator).__mro__)


def is_preprocessor(estimator: Any) -> bool:
    """Whether this prepares data and does not predict, as scalers, encoders and pipelines of them do."""
    kind = type(estimator)
    if kind.__module__.startswith("sklearn."):
        if kind.__name__ == "Pipeline":
            steps = vars(estimator).get("steps")
            return bool(steps) and (isinstance(steps[-1][-1], (str, type(None))) or is_preprocessor(steps[-1][-1]))
        if kind.__name__ in ("ColumnTransformer", "FeatureUnion"):
            return True
        # Recursive feature elimination lies among the selectors, but predicts and scores.
        return kind.__module__.split(".")[1] in _PREPROCESSING and not hasattr(kind, "predict")
    return "Pipeline" not in kind.__name__ and is_transformer(estimator) and not hasattr(kind, "inverse_transform")


def is_transformer(estimator: Any) -> bool:
    """Whether this transforms data and does not predict; decompositions and embeddings do so too."""
    kind = type(estimator)
    return hasattr(kind, "transform") and not any(hasattr(kind, name) for name in _PREDICTING)


def class_of(estimator: Any) -> str:
    """Return the name that people import the class by; that of a class in a script begins with the script's name."""
    kind = type(estimator)
    package = ""
    for part in kind.__module__.split("."):
        package = f"{package}.{part}" if package else part
        if package != "__main__" and vars(sys.modules.get(package, sys)).get(kind.__qualname__) is kind:
            return f"{package}.{kind.__qualname__}"
    return str(as_plain(kind))


def frameworks_of(estimator: Any) -> dict[str, str]:
    """Return the versions of scikit-learn, and of the packages that the estimator and its bases come from."""
    packages = {kind.__module__.partition(".")[0] for kind in type(estimator).__mro__}
    scikit_learn = sys.modules.get("sklearn")  # CatBoost does without
    versions = {"scikit-learn": str(scikit_learn.__version__)} if scikit_learn is not None else {}
    for package in sorted(packages - {"builtins", "__main__", "sklearn"}):
        version = getattr(sys.modules.get(package), "__version__", None)
        if isinstance(version, str):
            versions[package] = version
    return versions


def final_of(estimator: Any) -> Any:
    """Return the estimator that a pipeline ends in or a search refitted; any other is returned as it is."""
    for _ in range(5):
        held = vars(estimator) if hasattr(estimator, "__dict__") else {}
        steps = held.get("steps")
        if "best_estimator_" in held:
            estimator = held["best_estimator_"]
        elif isinstance(steps, list) and steps and hasattr(steps[-1][-1], "fit"):
            estimator = steps[-1][-1]
        else:
            break
    return estimator


def refitted(estimator: Any) -> Any:
    """Return the model that a search refitted, None if it refitted none; other estimators are returned as they are."""
    held = vars(estimator)
    return held.get("best_estimator_") if "cv_results_" in held else estimator


def search_in(estimator: Any) -> Any:
    """Return the fitted search that this estimator is, or that a pipeline ends in; None for all others."""
    held = vars(estimator)
    if "cv_results_" in held:
        return estimator
    steps = held.get("steps")
    last = steps[-1][-1] if isinstance(steps, list) and steps else None
    if last is not None and "cv_results_" in getattr(last, "__dict__", {}):
        return last
    final = final_of(estimator)
    return final if "cv_results_" in getattr(final, "__dict__", {}) else None
