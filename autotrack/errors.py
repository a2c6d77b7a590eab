"""The errors that autotrack raises, all of them for mistakes that the caller can correct.

    AutotrackError
    ├── SettingsError          a setting with a value that cannot be used (also a ValueError)
    ├── RunNotFoundError       no run, or more than one, matches a reference (also a LookupError)
    ├── ArtifactNotFoundError  a run has no such file, checkpoint or model (also a LookupError)
    ├── RunFinishedError       a run that has ended was asked to end again with another status
    ├── JournalBusyError       another process is writing the journal that should be continued
    ├── JournalFormatError     the journal was written by a newer autotrack
    ├── UnsafeFileError        a file of a run is a link, not a regular file or not in its folder (also an OSError)
    ├── ModelLoadError         a kept model cannot be loaded: damaged, changed since, or not complete in itself
    │   └── UntrustedModelError    loading it would run code from the file, and nobody has said that it is trusted
    ├── ModelInputError        data are not what a model was trained on (also a ValueError)
    ├── ModelRegistryError     a model cannot be registered, aliased, promoted or removed as somebody asked for
    │   └── ModelNotFoundError     no registered model, version or alias matches a reference (also a LookupError)
    ├── QueryError             a `where` or `sort` that cannot be understood (also a ValueError)
    ├── ReproduceError         a run that cannot be repeated; the message says what is missing and what can be done
    └── MissingLibraryError    an optional library is missing; the last line installs it (also an ImportError)

A fault of autotrack itself, of a disk or of a server raises none of these. It becomes a `Notice` in the run and one
`AutotrackWarning`.
"""

from autotrack.escapes import printable


class AutotrackError(Exception):
    """The root of every error that autotrack raises.

    Its text may quote names and values of runs, which somebody else may have made: what could steer a terminal is
    written as an escape.
    """

    def __str__(self) -> str:
        return printable(super().__str__(), keep="\n\t")


class AutotrackWarning(UserWarning):
    """Something that autotrack could not record. Training is not affected."""


class SettingsError(AutotrackError, ValueError):
    """A setting has a value that cannot be used. `setting` and `value` tell which."""

    def __init__(self, message: str, *, setting: str = "", value: object = None) -> None:
        super().__init__(message)
        self.setting = setting
        self.value = value


class RunNotFoundError(AutotrackError, LookupError):
    """There is no run that `reference` refers to, or more than one."""

    def __init__(self, message: str, *, reference: str) -> None:
        super().__init__(message)
        self.reference = reference


class ArtifactNotFoundError(AutotrackError, LookupError):
    """A run has no file, or several, that `reference` refers to."""

    def __init__(self, message: str, *, reference: str) -> None:
        super().__init__(message)
        self.reference = reference


class RunFinishedError(AutotrackError):
    """The run has already ended with another status."""


class JournalBusyError(AutotrackError):
    """Another live process is writing this journal."""


class JournalFormatError(AutotrackError):
    """The journal was written by a newer autotrack than this one."""


class UnsafeFileError(AutotrackError, OSError):
    """A file of a run is not opened, because it could lead elsewhere; the run may have been made by somebody else."""


class ModelLoadError(AutotrackError):
    """A model that a run has kept cannot be loaded."""


class UntrustedModelError(ModelLoadError):
    """Loading a model would run code that is in its file, or import modules that it names."""


class ModelInputError(AutotrackError, ValueError):
    """Data that a model is to be given are not what it was trained on, or cannot be read."""


class ModelRegistryError(AutotrackError):
    """What somebody wants done with a registered model cannot be done."""


class ModelNotFoundError(ModelRegistryError, LookupError):
    """There is no registered model, version or alias that `reference` refers to."""

    def __init__(self, message: str, *, reference: str) -> None:
        super().__init__(message)
        self.reference = reference


class QueryError(AutotrackError, ValueError):
    """A filter or sort expression cannot be understood."""


class ReproduceError(AutotrackError):
    """A run cannot be repeated, because something that it needs is not there."""


class MissingLibraryError(AutotrackError, ImportError):
    """An optional library is not installed."""
