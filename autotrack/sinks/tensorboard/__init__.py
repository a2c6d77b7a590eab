"""TensorBoard: event files in the run folder. Every run, and every trial of a search, is a run in TensorBoard."""

from autotrack.sinks.tensorboard.event_file import EventFileBusyError
from autotrack.sinks.tensorboard.sink import TensorBoardSink

__all__ = ["EventFileBusyError", "TensorBoardSink"]
