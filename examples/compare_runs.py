"""The day after: four nets were trained. Which was best, and why? Each question is one line."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import autotrack

autotrack.autolog(to="runs", experiment="day-after")

X_train, X_test, y_train, y_test = train_test_split(*load_digits(return_X_y=True), random_state=7)


def train(name: str, rate: float, width: int) -> None:
    with autotrack.start_run(name):
        model = MLPClassifier(width, learning_rate_init=rate, max_iter=12, early_stopping=True, random_state=7)
        model.fit(X_train, y_train)
        print(f"{name}: {model.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    for name, rate, width in (("slow", 1e-4, 32), ("usual", 1e-3, 32), ("wide", 1e-3, 128), ("fast", 1e-2, 32)):
        train(name, rate, width)

    # The day after, in any other process:
    runs = autotrack.runs("runs").where("experiment == 'day-after'").last(4)
    best = runs.best("test_score")
    print(f"best: {best.name}, {best.card()['last']['test_score']:.3f}")
    print("why it beats the usual one:", best.compare(runs["usual"], "test_score").causes[0].cause)
    print("from the first to the third:", runs["wide"].compare(runs["slow"]).differences)
    print(runs.history("loss").to_pandas().pivot(index="step", columns="run", values="value").round(3))
    print("loaded:", best.load_model(trusted=True).score(X_test, y_test))  # it is ours, so what it pickles may run
    print("quick and good:", [run.name for run in runs.where("learning_rate_init >= 1e-3 and test_score > 0.8")])
    print(runs.to_pandas()[["name", "params.learning_rate_init", "params.hidden_layer_sizes", "metrics.test_score"]])
    print("moved to the trash:", len(runs.where("name in ('slow', 'usual')").remove()))
    best.rename("chosen")
    best.note("The one to go on with; a wider net with this rate was not tried.")
