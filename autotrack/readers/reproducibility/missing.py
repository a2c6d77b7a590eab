"""What a run cannot be repeated with, because it was not kept or is no longer there."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Missing:
    """One thing that is not as it was.

    Attributes:
        what: What it is, such as the name of a file.
        why: Why it is missing.
        fix: What can be done about it.
        kind: Which cause of a difference it can be: `code`, `data`, `packages`, `seed`, `hardware` or `arguments`.
    """

    what: str
    why: str
    fix: str
    kind: str = "code"

    def __str__(self) -> str:
        return f"{self.what}: {self.why}; {self.fix}" if self.fix else f"{self.what}: {self.why}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self)
