"""Removes secrets from everything that a run records. It finds them by name, by shape and by value."""

from autotrack.redaction.names import REDACTED, is_secret_name
from autotrack.redaction.redactor import Redactor

__all__ = ["REDACTED", "Redactor", "is_secret_name"]
