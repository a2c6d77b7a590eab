"""Search for a classifier of wines. One line turns on recording; every candidate and every score is recorded."""

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import autotrack

autotrack.autolog(experiment="wine")

if __name__ == "__main__":
    wine = load_wine()
    X_train, X_test, y_train, y_test = train_test_split(wine.data, wine.target, test_size=0.3, random_state=7)
    model = Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression(max_iter=200))])
    grid = {"classify__C": [0.01, 0.1, 1, 10], "classify__class_weight": [None, "balanced"], "scale__with_std": [True]}
    search = GridSearchCV(model, grid, cv=5, scoring="f1_macro")
    search.fit(X_train, y_train)

    predicted = search.predict(X_test)
    print(f"best {search.best_params_} with {search.best_score_:.3f} in the folds")
    print(f"score on the test set: {search.score(X_test, y_test):.3f}")
    print(f"f1: {f1_score(y_test, predicted, average='macro'):.3f}")
    print(f"area under the curve: {roc_auc_score(y_test, search.predict_proba(X_test), multi_class='ovr'):.3f}")
    print(confusion_matrix(y_test, predicted))
