"""TensorBoard: event files in the run folder, in which every run, and every trial of a search, is a run of its own."""

from autotrack.sinks.tensorboard.event_file import EventFileBusyError
from autotrack.sinks.tensorboard.sink import TensorBoardSink

__all__ = ["EventFileBusyError", "TensorBoardSink"]
