"""More known changes, invented after the explanations had been made to find the forty."""

import shutil

from tests.planted_causes.pairs import (
    CODE,
    DATA,
    DATA_NAMES,
    PARAM,
    SEED,
    argue,
    edit,
    flip_labels,
    shuffle_rows,
    upgrade,
    variable,
)
from tests.planted_causes.recording import Change, Planted, Project


def repeat_rows(project: Project) -> None:
    lines = project.read("data.csv").splitlines()
    project.write("data.csv", "\n".join([*lines, *lines[:40] * 3]) + "\n")


def rescale_column(project: Project) -> None:
    rows = [line.split(",") for line in project.read("data.csv").splitlines()]
    for row in rows[::2]:
        row[6] = f"{float(row[6]) * 5:g}"
    project.write("data.csv", "\n".join(map(",".join, rows)) + "\n")


def spoil_last_rows(project: Project) -> None:
    """Change only rows that the training set does not have."""
    lines = project.read("data.csv").splitlines()
    project.write("data.csv", "\n".join(lines[:500] + [line.replace("0,", "1,") for line in lines[500:]]) + "\n")


def all_of(*changes: Change) -> Change:
    def change(project: Project) -> None:
        for one in changes:
            one(project)

    return change


def rewrite_history(project: Project) -> None:
    """Leave nothing of the commits there were, as a rebase and `git gc` do."""
    shutil.rmtree(project.folder / ".git")
    project.git("init", "--quiet")
    project.commit()


CLIPPED = "loss.backward()\n        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)"

FRESH = [
    Planted("criterion in code", "sklearn", edit("train.py", "(args.trees,", '(args.trees, criterion="entropy",'),
            ("criterion", "train.py"), ("params", "code")),
    Planted("rows twice", "sklearn", repeat_rows, DATA_NAMES, DATA),
    Planted("unit of a column", "sklearn", rescale_column, DATA_NAMES, DATA),
    Planted("noise once more", "sklearn", argue("--seed", "11"), ("noise of seeds",), SEED, repeats=4),
    Planted("activation", "torch", edit("train.py", "torch.nn.ReLU()", "torch.nn.Tanh()"), ("train.py",), CODE),
    Planted("rows of the test set", "torch", spoil_last_rows, DATA_NAMES, DATA),
    Planted("clipped gradients", "torch", edit("train.py", "loss.backward()", CLIPPED), ("clip", "train.py"),
            ("params", "code")),
    Planted("another optimizer", "torch", edit("train.py", "SGD(model.parameters(), lr=args.lr, momentum=0.5,",
            "Adam(model.parameters(), lr=args.lr,"), ("optimizer", "train.py"), ("params", "code")),
    Planted("variable", "torch", variable("FEATURE_SCALE", "0.2"), ("FEATURE_SCALE",), ("environment",)),
    Planted("line without git", "torch", edit("features.py", "* SCALE", "* SCALE * 0.1"), ("features.py",), CODE,
            has_git=False),
    Planted("dropout", "lightning", argue("--dropout", "0.7"), ("dropout",), PARAM),
    Planted("batch size in code", "lightning", edit("train.py", "batch_size=50", "batch_size=10"),
            ("batch_size", "train.py"), ("params", "code")),
    Planted("package", "lightning", upgrade, ("scalekit",), ("packages",)),
    Planted("seed", "keras", argue("--seed", "12"), ("seed",), SEED),
    Planted("labels of rows", "keras", flip_labels, DATA_NAMES, DATA),
]  # fmt: skip

ORDERED = "shuffle=True, generator=torch.Generator().manual_seed(8)"

OF_EVERY_KIND = [
    Planted("order of rows", "sklearn", shuffle_rows, DATA_NAMES, DATA),
    Planted("threads", "sklearn", variable("OMP_NUM_THREADS", "1"), ("THREADS", "threads"), ("hardware",)),
    Planted("labels of rows", "lightning", flip_labels, DATA_NAMES, DATA),
    Planted("batch order", "lightning", edit("train.py", "shuffle=True", ORDERED), ("train.py", "order", "seed"),
            ("code", "seed")),
    Planted("threads", "lightning", variable("OMP_NUM_THREADS", "1"), ("THREADS", "threads"), ("hardware",),
            both=lambda one: one.arguments.extend(["--hidden", "4096"])),
    Planted("package", "keras", upgrade, ("scalekit",), ("packages",)),
    Planted("batch order", "keras", edit("train.py", "epochs=args.epochs,", "epochs=args.epochs, shuffle=False,"),
            ("shuffle", "train.py"), ("params", "code")),
    Planted("threads", "keras", variable("OMP_NUM_THREADS", "1"), ("THREADS", "threads"), ("hardware",),
            both=lambda one: one.arguments.extend(["--batch-size", "500"])),
]  # fmt: skip
"""With these, scikit-learn, Lightning and Keras have a param, a line, a package, rows, a seed, an order, threads."""

WITH_ANOTHER_SEED = [
    Planted("depth above noise", "sklearn", argue("--depth", "1", "--seed", "5"), ("depth",), PARAM, repeats=4),
    Planted("labels above noise", "sklearn", all_of(flip_labels, argue("--seed", "6")), DATA_NAMES, DATA, repeats=4),
    Planted("line above noise", "sklearn", all_of(edit("features.py", "[:, order]", "[:, order[:3]]"),
            argue("--seed", "7")), ("features.py",), CODE, repeats=4),
    Planted("lr and seed", "torch", argue("--lr", "0.01", "--seed", "4"), ("lr",), PARAM),
    Planted("line and seed and history", "torch", all_of(edit("features.py", "* SCALE", "* SCALE * 0.3"),
            rewrite_history, argue("--seed", "5")), ("features.py",), CODE),
]  # fmt: skip
"""Changes that make a real difference, while the seed is another one as well: that is no noise."""
