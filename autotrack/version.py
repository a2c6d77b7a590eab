"""The version of autotrack, in a module of its own: whoever needs it imports nothing else."""

__version__ = "0.1.0"

DISTRIBUTION = "autotrack-ml"
"""What the package is called that pip installs."""
