"""Forty known changes, each of which an explanation has to find among harmless differences."""

from tests.planted_causes.projects import PACKAGE, install
from tests.planted_causes.recording import Change, Planted, Project


def argue(*words: str) -> Change:
    return lambda project: project.arguments.extend(words)


def edit(name: str, old: str, new: str, *, is_committed: bool = False) -> Change:
    def change(project: Project) -> None:
        project.replace(name, old, new)
        if is_committed:
            project.commit()

    return change


def upgrade(project: Project) -> None:
    install(
        project.site, "scalekit", "1.1", PACKAGE.format(factor=0.5).replace("return", "x = x.clip(0, 9)\n    return")
    )


def flip_labels(project: Project) -> None:
    """Give every sixth row another label."""
    lines = project.read("data.csv").splitlines()
    for index in range(0, len(lines), 6):
        head, _, label = lines[index].rpartition(",")
        lines[index] = f"{head},{(int(label) + 1) % 3}"
    project.write("data.csv", "\n".join(lines) + "\n")


def drop_rows(project: Project) -> None:
    lines = project.read("data.csv").splitlines()
    project.write("data.csv", "\n".join(line for index, line in enumerate(lines) if index % 5) + "\n")


def shuffle_rows(project: Project) -> None:
    lines = project.read("data.csv").splitlines()
    project.write("data.csv", "\n".join([*lines[50:500], *lines[:50], *lines[500:]]) + "\n")


def variable(name: str, value: str) -> Change:
    return lambda project: project.environ.update({name: value})


def add_import(project: Project) -> None:
    project.write("clipping.py", "def clip(x):\n    return x.clip(-0.5, 0.5)\n")
    project.replace("features.py", "    return x +", "    import clipping\n\n    x = clipping.clip(x)\n    return x +")
    project.replace("train.py", "import features", "import clipping\nimport features")


def sets_instead_of_lists(project: Project) -> None:
    project.write("features.py", project.read("features.py").replace("KEEP = list", "KEEP = set"))
    project.environ.setdefault("PYTHONHASHSEED", "1")


SCALE = ("features.py", "* SCALE", "* SCALE * 0.3")
DATA, CODE, PARAM, SEED = ("data",), ("code",), ("params", "arguments"), ("seed",)
DATA_NAMES = ("data.csv", "train", "x", "fit")

PAIRS = [
    # scikit-learn
    Planted("trees", "sklearn", argue("--trees", "3"), ("trees", "n_estimators"), PARAM),
    Planted("depth", "sklearn", argue("--depth", "1"), ("depth",), PARAM),
    Planted("leaf and verbose", "sklearn", argue("--leaf", "20", "--verbose", "1"), ("leaf",), PARAM),
    Planted(
        "line in features", "sklearn", edit("features.py", "return x +", "return x.round() +"), ("features.py",), CODE
    ),
    Planted(
        "committed line",
        "sklearn",
        edit("features.py", "[:, order]", "[:, order[:3]]", is_committed=True),
        ("features.py",),
        CODE,
    ),
    Planted("package", "sklearn", upgrade, ("scalekit",), ("packages",)),
    Planted("labels of rows", "sklearn", flip_labels, DATA_NAMES, DATA),
    Planted("fewer rows", "sklearn", drop_rows, DATA_NAMES, DATA),
    Planted("seed alone", "sklearn", argue("--seed", "5"), ("seed", "random_state"), SEED),
    Planted("variable", "sklearn", variable("FEATURE_SCALE", "0"), ("FEATURE_SCALE",), ("environment",)),
    Planted("config", "sklearn", edit("conf.json", "0.0", "2.0"), ("conf.json",), ("config",)),
    Planted(
        "hash seed",
        "sklearn",
        variable("PYTHONHASHSEED", "2"),
        ("PYTHONHASHSEED",),
        ("environment",),
        both=sets_instead_of_lists,
    ),
    Planted("test size", "sklearn", argue("--test-size", "0.6"), ("test-size", "test_size"), PARAM),
    Planted(
        "another model",
        "sklearn",
        edit("train.py", "model = RandomForest", "model = ExtraTrees"),
        ("train.py", "estimator", "model RandomForestClassifier → ExtraTreesClassifier"),
        ("code", "params", "training"),
    ),
    Planted("new module", "sklearn", add_import, ("clipping.py", "features.py", "train.py"), CODE),
    Planted(
        "line without git",
        "sklearn",
        edit("features.py", "return x +", "return x.round() +"),
        ("features.py",),
        CODE,
        has_git=False,
    ),
    Planted("noise with repeats", "sklearn", argue("--seed", "9"), ("noise of seeds",), SEED, repeats=4),
    Planted(
        "noise of a small change",
        "sklearn",
        argue("--trees", "21", "--seed", "8"),
        ("noise of seeds",),
        SEED,
        repeats=4,
    ),
    # plain PyTorch, by `autotrack run`
    Planted("lr", "torch", argue("--lr", "0.01"), ("lr",), PARAM),
    Planted("batch size", "torch", argue("--batch-size", "16", "--workers", "1"), ("batch",), PARAM),
    Planted(
        "momentum in code",
        "torch",
        edit("train.py", "momentum=0.5", "momentum=0.9"),
        ("momentum", "train.py"),
        ("params", "code"),
    ),
    Planted("line in features", "torch", edit(*SCALE), ("features.py",), CODE),
    Planted("labels of rows", "torch", flip_labels, DATA_NAMES, DATA),
    Planted("seed", "torch", argue("--seed", "3"), ("seed",), SEED),
    Planted(
        "batch order",
        "torch",
        edit("train.py", "manual_seed(7)", "manual_seed(8)"),
        ("train.py", "order", "seed"),
        ("code", "seed"),
    ),
    Planted(
        "threads",
        "torch",
        variable("OMP_NUM_THREADS", "1"),
        ("THREADS", "threads"),
        ("hardware",),
        both=lambda one: one.arguments.extend(["--width", "4096", "--batch-size", "500"]),
    ),
    Planted("weight decay", "torch", argue("--weight-decay", "0.2"), ("weight",), PARAM),
    Planted(
        "not shuffled",
        "torch",
        edit("train.py", "shuffle=True, generator=order", "shuffle=False"),
        ("shuffle", "train.py", "sampler"),
        ("params", "code"),
    ),
    Planted("package", "torch", upgrade, ("scalekit",), ("packages",)),
    Planted(
        "no seed", "torch", lambda one: None, ("seed",), SEED, both=lambda one: one.arguments.extend(["--seed", "-1"])
    ),
    # Lightning
    Planted("lr", "lightning", argue("--lr", "0.005"), ("lr",), PARAM),
    Planted("hidden", "lightning", argue("--hidden", "4", "--bar"), ("hidden",), PARAM),
    Planted(
        "line in the net", "lightning", edit("net.py", "torch.nn.ReLU()", "torch.nn.Sigmoid()"), ("net.py",), CODE
    ),
    Planted("epochs", "lightning", argue("--epochs", "6"), ("epochs",), PARAM),
    Planted("order of rows", "lightning", shuffle_rows, DATA_NAMES, DATA),
    Planted("seed", "lightning", argue("--seed", "4"), ("seed",), SEED),
    # Keras
    Planted("optimizer", "keras", argue("--optimizer", "Adam"), ("optimizer",), PARAM),
    Planted("batch size", "keras", argue("--batch-size", "8", "--verbose", "2"), ("batch",), PARAM),
    Planted("line in features", "keras", edit(*SCALE), ("features.py",), CODE),
    Planted("config", "keras", edit("conf.json", "0.0", "3.0"), ("conf.json",), ("config",)),
]
