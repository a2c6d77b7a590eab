"""Changes of a registered model that somebody makes: where aliases point, what is said of it, what is removed."""

from collections.abc import Mapping
from time import time

from autotrack.errors import ModelRegistryError
from autotrack.model_names import Reference, checked_alias
from autotrack.models.entries import AliasMoved, Described, Registered, VersionRemoved
from autotrack.models.registry import Registry, who
from autotrack.redaction.record_redactor import redactor_of_this_process


def move_alias(
    registry: Registry, wanted: Reference, alias: str, *, rule: str = "", reason: str = ""
) -> AliasMoved | None:
    """Have an alias point to a version; return the entry, or None if it did already.

    Raises `ModelNotFoundError`, and `ModelRegistryError` for what cannot be an alias.
    """
    alias = _checked(alias)
    with registry.changing(wanted.name) as (model, append):
        version, before = model.version(wanted), model.aliases.get(alias)
        if before == version.version:
            return None
        entry = AliasMoved(
            time=time(), by=who(), alias=alias, version=version.version, before=before, rule=rule, reason=reason
        )
        append(entry)
        return entry


def remove_alias(registry: Registry, name: str, alias: str) -> AliasMoved:
    """Take an alias away. Raises `ModelNotFoundError` if there is none."""
    alias = _checked(alias)
    with registry.changing(name) as (model, append):
        before = model.version(Reference(name, alias=alias))
        entry = AliasMoved(time=time(), by=who(), alias=alias, before=before.version)
        append(entry)
        return entry


def undo_move(registry: Registry, name: str, alias: str) -> AliasMoved:
    """Take back the last move of an alias, or a promotion. Undone again, the move before that one is taken back.

    Raises `ModelRegistryError` if there is nothing to take back.
    """
    alias = _checked(alias)
    with registry.changing(name) as (model, append):
        undone = list[AliasMoved]()
        for move in model.moves(alias):
            if move.undoes and undone:
                undone.pop()
            elif not move.undoes:
                undone.append(move)
        if not undone:
            raise ModelRegistryError(f"@{alias} of {name!r} was not moved, so there is nothing to take back")
        target = undone[-1].before
        if target is not None and target not in model.versions:
            raise ModelRegistryError(f"@{alias} cannot go back to version {target} of {name!r}, which was removed")
        entry = AliasMoved(
            time=time(), by=who(), alias=alias, version=target, before=model.aliases.get(alias), undoes=True
        )
        append(entry)
        return entry


def describe(
    registry: Registry,
    name: str,
    version: int | None = None,
    *,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    removed: tuple[str, ...] = (),
) -> None:
    """Describe a registered model or one version of it, and set or remove its tags."""
    redactor = redactor_of_this_process()
    with registry.changing(name) as (model, append):
        if version is not None:
            model.version(Reference(name, version))
        append(
            Described(
                time=time(),
                by=who(),
                version=version,
                description=None if description is None else redactor.redact_text(description)[0],
                tags={name: str(value) for name, value in redactor.redact(dict(tags or {}))[0].items()},
                removed=list(removed),
            )
        )


def remove_version(registry: Registry, wanted: Reference) -> Registered:
    """Remove a version: its files are deleted, its number is never given again.

    Raises `ModelRegistryError` for one that an alias points to.
    """
    with registry.changing(wanted.name) as (model, append):
        version = model.version(wanted)
        if aliases := model.aliases_of(version.version):
            named = ", ".join(f"@{alias}" for alias in aliases)
            raise ModelRegistryError(
                f"{named} of {wanted.name!r} points to version {version.version}; move it to another one first, "
                f"or take it away"
            )
        append(VersionRemoved(time=time(), by=who(), version=version.version))
        registry.delete_files(wanted.name, version.version)
        return version


def _checked(alias: str) -> str:
    try:
        return checked_alias(alias)
    except ValueError as error:
        raise ModelRegistryError(f"{alias!r:.100} cannot be an alias: {error}") from None
