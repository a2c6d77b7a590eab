"""Secrets are taken out of everything a run records: found by name, by shape and by value."""

from autotrack.redaction.names import REDACTED, is_secret_name, secret_variables
from autotrack.redaction.redactor import Redactor

__all__ = ["REDACTED", "Redactor", "is_secret_name", "secret_variables"]
