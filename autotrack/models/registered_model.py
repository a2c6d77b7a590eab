"""A registered model as its entries tell it: its versions, where its aliases point, and how that came about."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from autotrack.errors import ModelNotFoundError
from autotrack.escapes import printable
from autotrack.model_names import Reference
from autotrack.models.entries import AliasMoved, Announced, AnyEntry, Described, Registered, VersionRemoved


@dataclass
class RegisteredModel:
    """The state of one registered model; `unread` counts the lines that could not be read.

    Attributes:
        versions: Those that exist, by number.
        aliases: The version that each alias points to.
        history: Everything that happened, in order.
        highest: The highest number that was ever given.
    """

    name: str
    versions: dict[int, Registered] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    described: dict[int, str] = field(default_factory=dict)
    version_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    history: list[AnyEntry] = field(default_factory=list)
    highest: int = 0
    unread: int = 0

    def add(self, entries: Iterable[AnyEntry]) -> None:
        """Take more entries, in order."""
        for entry in entries:
            self.history.append(entry)
            self._add(entry)

    @property
    def latest(self) -> Registered | None:
        """The version with the highest number."""
        return self.versions[max(self.versions)] if self.versions else None

    def version(self, reference: Reference) -> Registered:
        """Return a version by number or alias; without either, the latest. Raises `ModelNotFoundError`."""
        if reference.alias is not None:
            if reference.alias not in self.aliases:
                aliases = ", ".join(f"@{alias}" for alias in self.aliases) or "none yet"
                raise self._not_found(reference, f"has no alias @{reference.alias}; it has {aliases}")
            return self.versions[self.aliases[reference.alias]]
        if reference.version is not None:
            if reference.version not in self.versions:
                was_there = "no longer has" if 0 < reference.version <= self.highest else "has no"
                numbers = ", ".join(map(str, sorted(self.versions))) or "none"
                raise self._not_found(reference, f"{was_there} version {reference.version}; it has {numbers}")
            return self.versions[reference.version]
        if (latest := self.latest) is None:
            raise self._not_found(reference, "has no version")
        return latest

    def aliases_of(self, version: int) -> list[str]:
        """Return the aliases that point to a version."""
        return [alias for alias, number in self.aliases.items() if number == version]

    def registered_as(self, registration: str) -> Registered | None:
        """Return the version that a request has led to, also if it was removed since."""
        found = (one for one in self.history if isinstance(one, Registered) and one.registration == registration)
        return next(found, None)

    def moves(self, alias: str | None = None) -> list[AliasMoved]:
        """Return the moves of an alias, or of all, in order."""
        return [one for one in self.history if isinstance(one, AliasMoved) and alias in (None, one.alias)]

    def _add(self, entry: AnyEntry) -> None:
        match entry:
            case Registered():
                if 0 < entry.version > self.highest:  # a number is given once, whatever somebody has written there
                    self.highest = entry.version
                    self.versions[entry.version] = entry
                    self.described[entry.version] = entry.description
                    self.version_tags[entry.version] = dict(entry.tags)
            case AliasMoved():
                if entry.version is None:
                    self.aliases.pop(entry.alias, None)
                elif entry.version in self.versions:
                    self.aliases[entry.alias] = entry.version
            case Described():
                self._describe(entry)
            case VersionRemoved():
                self.versions.pop(entry.version, None)
                for alias in self.aliases_of(entry.version):
                    del self.aliases[alias]
            case Announced():
                pass  # a part of the history only
            case _:
                assert_never(entry)

    def _describe(self, entry: Described) -> None:
        tags = self.tags if entry.version is None else self.version_tags.setdefault(entry.version, {})
        tags.update(entry.tags)
        for name in entry.removed:
            tags.pop(name, None)
        if entry.description is not None and entry.version is None:
            self.description = entry.description
        elif entry.description is not None and entry.version is not None:
            self.described[entry.version] = entry.description

    def _not_found(self, reference: Reference, reason: str) -> ModelNotFoundError:
        return ModelNotFoundError(printable(f"the model {self.name!r} {reason}"), reference=str(reference))
