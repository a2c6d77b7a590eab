"""The remote sink: any server that speaks the MLflow tracking protocol."""

from autotrack.sinks.rest.sink import RestSink

__all__ = ["RestSink"]
