"""Trains models of scikit-learn: `python sklearn_models.py FOLDER NAME…`."""
# ruff: noqa: N803, N806  features are called X in scikit-learn; the names say what is trained

from pathlib import Path
from typing import Any

import numpy as np
from common import Trained, main  # type: ignore[import-not-found]
from made_data import arrays, frame  # type: ignore[import-not-found]


def classifier() -> Trained:
    from sklearn.linear_model import LogisticRegression

    X, y = arrays()
    return LogisticRegression().fit(X, np.where(y, "yes", "no")).predict, X


def regressor() -> Trained:
    from sklearn.ensemble import RandomForestRegressor

    X, _ = arrays()
    return RandomForestRegressor(5, random_state=0).fit(X[:, :3], X[:, 3]).predict, X[:, :3]


def pipeline_of_a_frame() -> Trained:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X, y = frame()
    columns = make_column_transformer(
        (OneHotEncoder(), ["color"]), (StandardScaler(), ["größe", "count"]), remainder="passthrough"
    )
    return make_pipeline(columns, LogisticRegression()).fit(X, y).predict, X


def clusterer() -> Trained:
    from sklearn.cluster import KMeans

    X, _ = arrays()
    return KMeans(3, n_init=1, random_state=0).fit(X.astype("float32")).predict, X.astype("float32")


def categories() -> Trained:
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = frame()
    X = X.assign(color=X["color"].astype("category"))
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype").fit(X, y)
    return model.predict, X


def search() -> Trained:
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeRegressor

    X, _ = arrays()
    targets = np.stack([X[:, 0], X[:, 1]], axis=1)
    return GridSearchCV(DecisionTreeRegressor(random_state=0), {"max_depth": [2, 4]}, cv=2).fit(X, targets).predict, X


def code_of_the_script() -> Trained:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    class Doubled(Ridge):  # type: ignore[misc]  # scikit-learn publishes no types
        def predict(self, X: Any) -> Any:
            return 2 * super().predict(X)

    X, _ = arrays()
    return make_pipeline(FunctionTransformer(lambda X: X + 1), Doubled()).fit(X, X[:, 0]).predict, X


def texts() -> Trained:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    X = np.array(["a bad day", "good news", "very bad news", "a very good day"] * 5)
    return make_pipeline(CountVectorizer(), MultinomialNB()).fit(X, [0, 1, 0, 1] * 5).predict, X


def boosting() -> Trained:
    from sklearn.ensemble import GradientBoostingClassifier

    X, y = arrays()
    return GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, y).predict, X


def several_targets() -> Trained:
    from sklearn.linear_model import LinearRegression
    from sklearn.multioutput import MultiOutputRegressor

    X, _ = arrays()
    return MultiOutputRegressor(LinearRegression()).fit(X[:, :2], X[:, 2:]).predict, X[:, :2]


def outliers() -> Trained:
    from sklearn.ensemble import IsolationForest

    X, _ = arrays()
    return IsolationForest(n_estimators=5, random_state=0).fit(X).predict, X


def vectors_of_halves() -> Trained:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    X, _ = arrays()
    X = X.astype("float32")
    return make_pipeline(StandardScaler(), SVR()).fit(X[:, :3], X[:, 3]).predict, X[:, :3]


def whole_numbers() -> Trained:
    import skops.io  # noqa: F401  from here on, its files lie beside those that MLflow reads
    from sklearn.naive_bayes import MultinomialNB

    X, y = arrays()
    X = np.abs(X * 10).astype("int64")
    return MultinomialNB().fit(X, y).predict, X


def code_of_other_files() -> Trained:
    Path(__file__).with_name("own_steps.py").write_text(STEPS)
    import own_steps  # type: ignore[import-not-found]
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    X, _ = arrays()
    return make_pipeline(own_steps.Shifted(), Ridge()).fit(X, X[:, 0]).predict, X


STEPS = """
from sklearn.base import BaseEstimator, TransformerMixin


class Shifted(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_
"""


if __name__ == "__main__":
    main(globals())
