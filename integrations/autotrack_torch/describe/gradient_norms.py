"""Whose gradients a norm is of, where a loop has several optimizers, and what it is called."""

from typing import Any

from autotrack_torch.members import Member, Members, parameters_of, without_steps
from autotrack_torch.watch import watch

_Ends = tuple[int, int]

_MOST_NORMS = 8
"""Where more are computed for one step, layers are clipped one by one, and none is a norm of the gradient."""

_MOST_KNOWN = 1000


class GradientNorms:
    """Adds the norms that clipping has computed to the steps that they belong to.

    They are `grad_norm`, or `grad_norm/Adam` of one of several optimizers; a second one of the same step ends in `-2`.
    What is clipped of several optimizers together is `grad_norm`, too.
    """

    def __init__(self, members: Members) -> None:
        self._members = members
        self._names: dict[Member, str] = {}
        self._known: dict[tuple[Member, _Ends], str | None] = {}

    def add(self, member: Member, values: dict[str, Any]) -> None:
        """Add those of a step of this optimizer to its values; those of other optimizers wait for theirs."""
        norms = watch.gradient_norms
        if len(norms) > _MOST_NORMS:
            norms.clear()
        for ends in list(norms):
            name = self._known.get((member, ends), "")
            if name == "":
                name = self._known[member, ends] = self._name(member, ends)
            if name is None:
                continue
            number = 2
            first = name
            while name in values:
                name, number = f"{first}-{number}", number + 1
            values[name] = norms.pop(ends)

    def _name(self, member: Member, ends: _Ends) -> str | None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        waiting = [{id(one) for one in parameters_of(optimizer)} for optimizer in without_steps()]
        are_of_others = self._members.others_train(ends, member) or any(not one.isdisjoint(ends) for one in waiting)
        if are_of_others:
            return "grad_norm" if member.trains(ends) else None
        if member not in self._names:
            self._names[member] = f"grad_norm/{member.name}" if self._members.are_several() else "grad_norm"
        return self._names[member]
