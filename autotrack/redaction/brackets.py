"""What is known about an open bracket of Python source: which names the values in it are assigned to."""

from __future__ import annotations

from dataclasses import dataclass, field

from autotrack.redaction.names import secrecy

Target = str | list["Target"]
"""A name to the left of an assignment, or several in brackets."""


@dataclass(slots=True)
class Bracket:
    """An open bracket, or the whole source, and what was read in it.

    Attributes:
        opener, callee: The bracket, and the function that it calls.
        result: The name that the result of the call has.
        all_in_it: The name that all values in the bracket have.
        name: What the next value is assigned to.
        annotated: A name whose type is being declared.
        operand, lead: The name, call or subscript that was just read, and the token before it.
        before: The last token.
        argument: The last argument, if it was a string.
        declared: The last argument that is a secret name.
        only: The only string in a subscript.
        augmented: What may be assigned to with ``+=``.
        has_value: Whether a string was read in this statement, after which there are no more names to assign to.
        unpacks: Whether the values in the bracket belong to several names.
        loops: Whether the names after ``for`` are being read.
        each: The names that the values in each of the brackets in this one belong to.
        group: The names in the bracket that was just read, or to which the values in the next one belong.
        operands: What was read between commas since the last assignment: names, if another assignment follows.
        assigned: The names that the values after the last assignment belong to, one by one.
        targets: Those of them whose values are still to come.
    """

    opener: str = ""
    callee: str = ""
    result: str = ""
    all_in_it: str = ""
    name: str = ""
    annotated: str = ""
    operand: str = ""
    lead: str = "\n"
    before: str = "\n"
    argument: str = ""
    declared: str = ""
    only: str = ""
    augmented: str = ""
    unpacks: bool = False
    has_value: bool = False
    loops: bool = False
    each: list[Target] = field(default_factory=list)
    group: list[Target] = field(default_factory=list)
    operands: list[Target] = field(default_factory=list)
    assigned: list[Target] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def assign(self, names: list[Target]) -> None:
        """Expect the values of these names, one after the other."""
        self.assigned, self.operands = names, []
        self.take_next(names)

    def take_next(self, names: list[Target]) -> None:
        """Expect the value of the first of these names, and then those of the others."""
        first, *self.targets = names or [""]
        self.name = first if isinstance(first, str) else strongest(first)
        self.group = [] if isinstance(first, str) else first

    def begin_loop(self) -> None:
        """Expect the names after ``for``."""
        self.loops, self.operands, self.group = True, [], []

    def assign_each(self, last: Target) -> None:
        """Expect the values that the names after ``for`` have one after the other."""
        names = [*self.operands, last]
        self.assign(names if len(names) == 1 and isinstance(last, str) else [[last if len(names) == 1 else names]])
        self.loops, self.assigned = False, []  # all values between commas belong to them

    def end_statement(self) -> None:
        """Expect what the bracket has always held."""
        self.name, self.annotated, self.group = self.all_in_it, "", []
        self.operands, self.assigned, self.targets, self.has_value = [], [], [], False


def strongest(names: list[Target]) -> str:
    """Return the most secret of some names."""
    flat = [name if isinstance(name, str) else strongest(name) for name in names]
    return max(flat, key=lambda name: ("", "weak", "strong").index(secrecy(name)), default="")
