"""What is recorded of scikit-learn beyond what `autolog` can be told."""

from dataclasses import dataclass, field, replace

from autotrack.integrations import RunOptions


@dataclass(frozen=True)
class Options:
    """How a fit is recorded, and in which run."""

    training_metrics: bool = False
    preprocessing: bool = False
    keep_model: bool = True
    run: RunOptions = field(default_factory=RunOptions.of_autolog)


_configured = Options()


def configure(*, training_metrics: bool = False, preprocessing: bool = False) -> None:
    """Choose what autolog records of scikit-learn, from the next fit on; each call replaces what was chosen before.

    Args:
        training_metrics: Compute scores on the training data, from one extra prediction after each fit.
        preprocessing: Record scalers, imputers, encoders and the like also when they are fitted on their own.
    """
    global _configured  # noqa: PLW0603  one process has one autolog
    _configured = Options(training_metrics=training_metrics, preprocessing=preprocessing)


def for_autolog() -> Options:
    """Return the options for a fit that autolog records."""
    run = RunOptions.of_autolog()
    return replace(_configured, run=run, keep_model=run.settings.checkpoints)
