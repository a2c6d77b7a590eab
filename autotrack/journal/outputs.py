"""Files that trainings write into the folder of the project, which are no code."""

from pathlib import Path, PurePath

REPORT_MARK = '<meta name="generator" content="autotrack report">'
"""Every report has it near its beginning, so that it is not taken for a part of the project around it."""

_REPORT_HEAD_BYTES = 1000
_FOLDERS = frozenset(
    "lightning_logs tb_logs logs runs checkpoints ckpts outputs output results multirun mlruns wandb .hydra".split()
)
_CACHES = frozenset("__pycache__ .ipynb_checkpoints .mypy_cache .pytest_cache .ruff_cache".split())
CODE_SUFFIXES = frozenset(".py .pyi .pyx .ipynb .sh .c .cc .cpp .cu .h".split())
_SUFFIXES = frozenset(
    ".ckpt .pt .pth .bin .safetensors .onnx .h5 .hdf5 .keras .pkl .pickle .joblib .npy .npz .parquet .log .out".split()
)


def is_cache(name: str) -> bool:
    """Return whether a file is one that Python or a tool makes of the code again at any time, by its path.

    >>> is_cache("nets/__pycache__/unet.cpython-311.pyc"), is_cache("nets/unet.py")
    (True, False)
    """
    return not _CACHES.isdisjoint(PurePath(name).parts[:-1])


def is_report(path: Path) -> bool:
    """Return whether a file is a report of autotrack's, which can be made again from the runs."""
    if path.suffix.lower() not in (".html", ".htm"):
        return False
    try:
        with path.open("rb") as file:
            return REPORT_MARK.encode() in file.read(_REPORT_HEAD_BYTES)
    except OSError:
        return False


def is_output(name: str) -> bool:
    """Return whether a file is what a training has probably written, by its path in the project.

    >>> is_output("lightning_logs/version_0/hparams.yaml"), is_output("last.ckpt"), is_output("conf/model.yaml")
    (True, True, False)
    >>> is_output("runs/compare.py")
    False
    """
    path = PurePath(name)
    if path.suffix.lower() in CODE_SUFFIXES:
        return False
    return (
        path.suffix.lower() in _SUFFIXES
        or path.name.startswith("events.out.tfevents.")
        or not _FOLDERS.isdisjoint(path.parts[:-1])
    )
