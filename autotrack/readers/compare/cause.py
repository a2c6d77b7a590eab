"""A likely cause of a difference, and how much each kind counts."""

from dataclasses import dataclass, replace
from typing import Any

WEIGHTS = {
    "data": 0.9,
    "code": 0.85,
    "params": 0.75,
    "arguments": 0.7,
    "config": 0.7,
    "environment": 0.6,
    "packages": 0.5,
    "seed": 0.4,
    "hardware": 0.15,
    "system": 0.15,
}
"""How likely a difference of each kind is to change a metric, if the training uses it."""


CONSEQUENCE = 0.3
"""How likely something is that differs, and that follows from what else differs."""

UNUSED = 0.05
"""How likely something is that differs, and that the training does not use."""


@dataclass(frozen=True)
class Cause:
    """A likely cause of a difference.

    Attributes:
        cause: What differs, such as `lr 0.1 → 0.01`.
        kind: `training` for runs of different ones, `data`, `code`, `config`, `params`, `arguments`, `packages`,
            `environment`, `seed`, `hardware`, `system`, or `unknown`.
        evidence: Why it is likely or not.
        confidence: From 0 to 1.
        name: The param, option or variable that it is about, if it is about one.
    """

    cause: str
    kind: str
    evidence: str
    confidence: float
    name: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {"cause": self.cause, "kind": self.kind, "evidence": self.evidence, "confidence": self.confidence}

    def less(self, confidence: float, why: str) -> "Cause":
        """Return it with no more than this confidence, and the reason for that."""
        if self.confidence <= confidence:
            return self
        return replace(self, evidence=f"{self.evidence}; {why}", confidence=confidence)
