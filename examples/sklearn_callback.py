"""Without autolog: give the estimator a callback (scikit-learn 1.9 or later), with a name and tags for the run."""

from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autotrack_sklearn import AutotrackCallback

if __name__ == "__main__":
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(digits.data, digits.target, random_state=7)

    callback = AutotrackCallback(experiment="digits", name="one fit", tags={"why": "how fast does it converge"})
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    model.set_callbacks(callback).fit(X_train, y_train)  # records each step, and each iteration of the solver
    if callback.run is not None:
        callback.run.log({"test_accuracy": model.score(X_test, y_test)}, stage="test")
        print(f"recorded in {callback.run.folder}")

    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        {"logisticregression__C": loguniform(1e-3, 1e1)},
        n_iter=4,
        cv=3,
        n_jobs=2,  # candidates that other processes try belong to this run as well
        random_state=7,
    )
    callback = AutotrackCallback(experiment="digits", name="search")
    search.set_callbacks(callback).fit(X_train, y_train)
    if callback.run is not None:
        callback.run.log({"test_accuracy": search.score(X_test, y_test)}, stage="test")
        print(f"recorded in {callback.run.folder}")
