"""TensorBoard, started on a store or on chosen runs: for the command line and for notebooks."""

from autotrack.readers.tensorboard.notebook import tensorboard as tensorboard
