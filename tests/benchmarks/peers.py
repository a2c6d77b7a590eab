"""The loggers to compare with: which are installed, and how they are kept off the network and in one folder."""

import importlib.util
from pathlib import Path


def is_installed(modules: str) -> bool:
    """Whether all of these modules, separated by spaces, can be imported; none of them is."""
    return all(importlib.util.find_spec(name) is not None for name in modules.split())


def environment(folder: Path) -> dict[str, str]:
    """Return what the environment must say so that every logger, ours too, writes below `folder` and is silent."""
    return {
        "AUTOTRACK_QUIET": "1",
        "AUTOTRACK_EXPERIMENT": "benchmark",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_CONSOLE": "off",
        "WANDB_ERROR_REPORTING": "false",
        **{f"WANDB_{kind}DIR": f"{folder}/wandb" for kind in ("", "CACHE_", "CONFIG_", "DATA_")},
        "TRACKIO_DIR": f"{folder}/trackio",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": f"{folder}/hf",
        "DVC_NO_ANALYTICS": "1",
        "DVCLIVE_LOGLEVEL": "ERROR",
        "DO_NOT_TRACK": "true",
    }
