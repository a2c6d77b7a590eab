"""A model that a run has kept, and who can load it: the integration of the framework that wrote the file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn, Protocol, runtime_checkable

from autotrack.entry_points import GROUP
from autotrack.errors import ModelLoadError, UntrustedModelError

INPUTS = "data/inputs.json"
"""The file in the folder of a model of PyTorch that says what goes into it and what comes out."""


@dataclass(frozen=True)
class KeptModel:
    """A file that holds a model or its weights, ready to be loaded.

    Attributes:
        path: A copy of the file whose checksum has been verified. It is gone when `load_model` has returned.
        kept_at: Where the run has it, for messages.
        model_path: A copy of the model that the weights in `path` belong to, where that is another file.
        params: What the run has recorded, by source and name.
        script: The name that the module of the script would have; importing it might train again.
        described: What is known of its inputs and outputs.
        trusted: Whether code in the file may run: somebody says that they trust whoever made it.
        model_class: The class of the model, if whoever loads it has named it.
    """

    path: Path
    kept_at: Path
    model_path: Path | None = None
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    script: str = ""
    described: Mapping[str, Any] = field(default_factory=dict)
    trusted: bool = False
    model_class: type | None = None

    def refuse(self, what: str) -> NoReturn:
        """Raise `UntrustedModelError`: loading would do this, such as `run code that is pickled in it`."""
        raise UntrustedModelError(
            f"{self.kept_at} is not loaded: that would {what}. If you trust whoever made it, give trusted=True"
        )

    def fail(self, reason: str) -> NoReturn:
        """Raise `ModelLoadError`: the file is sound, but not enough to make the model of."""
        raise ModelLoadError(f"{self.kept_at} {reason}")


@runtime_checkable
class ModelLoader(Protocol):
    """An integration that loads the models of its framework, besides being an `Integration`.

    `model_suffixes` are the ends of the names of the files that it can load, such as `.keras`.
    """

    @property
    def model_suffixes(self) -> tuple[str, ...]:
        """Return the ends of the names of files with models or weights."""

    def load_model(self, kept: KeptModel) -> Any:
        """Return the model in a file.

        Raises `UntrustedModelError` where that would run code from the file, unless it is trusted, and
        `ModelLoadError` where the file alone does not do.
        """


@runtime_checkable
class ModelExporter(Protocol):
    """A `ModelLoader` that also writes models in other forms: `export_formats` are their names."""

    @property
    def export_formats(self) -> tuple[str, ...]:
        """Return the names of the forms."""

    def export_model(self, kept: KeptModel, target: Path, *, to_format: str) -> None:
        """Write the model in a file to `target`. Raises as `ModelLoader.load_model` does."""


@runtime_checkable
class WeightsReplacer(Protocol):
    """A `ModelLoader` that also puts the weights of a checkpoint into a model, and executes nothing of either."""

    def replace_weights(self, kept: KeptModel, model: Path, target: Path) -> None:
        """Write the model in the file `model` to `target`, with the weights in `kept.path`.

        Raises `ModelLoadError` where they do not fit, or where that cannot be told without executing something.
        """


def model_loaders() -> list[ModelLoader]:
    """Return the installed integrations that can load models."""
    found = []
    for entry in metadata.entry_points(group=GROUP):
        integration = entry.load()()
        if isinstance(integration, ModelLoader):
            found.append(integration)
    return found


def loader_of(name: str, loaders: list[ModelLoader]) -> ModelLoader | None:
    """Return who can load a file, by its name; None if nobody can."""
    fitting = [
        (len(suffix), loader) for loader in loaders for suffix in loader.model_suffixes if name.endswith(suffix)
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def load_with(loader: ModelLoader, kept: KeptModel) -> Any:
    """Have an integration load a model; what its framework raises says which file it is about."""
    return with_its_name(kept, "loaded", lambda: loader.load_model(kept))


def with_its_name(kept: KeptModel, done: str, work: Callable[[], Any]) -> Any:
    """Do what a framework does with a model; what it raises says which file it is about, which cannot be `done`."""
    try:
        return work()
    except ModelLoadError:
        raise
    except ImportError as error:
        raise ModelLoadError(f"{kept.kept_at} cannot be {done}: {error}; install what it was made with") from error
    except Exception as error:
        raise ModelLoadError(f"{kept.kept_at} cannot be {done}: {type(error).__name__}: {error}") from error
