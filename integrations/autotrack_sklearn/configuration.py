"""What autolog records of scikit-learn, beyond what the arguments of `autolog` choose."""

from dataclasses import replace

from autotrack.integrations import RunOptions
from autotrack_sklearn import registry
from autotrack_sklearn.recording import Options


def configure(*, training_metrics: bool = False, preprocessing: bool = False) -> None:
    """Choose what autolog records of scikit-learn from the next fit on. Each call replaces the choice of the last one.

    Args:
        training_metrics: Compute scores on the training data, from one extra prediction after each fit.
        preprocessing: Record scalers, imputers, encoders and the like also when they are fitted on their own.
    """
    registry.current.options = Options(training_metrics=training_metrics, preprocessing=preprocessing)


def options_of_autolog() -> Options:
    """Return the options for a fit that autolog records."""
    run = RunOptions.of_autolog()
    return replace(registry.current.options, run=run, keep_model=run.settings.checkpoints)
