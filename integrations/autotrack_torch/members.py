"""The optimizers of a loop, and whether an optimizer that nobody has seen yet belongs to it."""

import weakref
from collections import Counter
from collections.abc import Generator, Iterable
from time import perf_counter
from typing import Any

import torch

from autotrack.integrations import Outcome, as_plain, attempt
from autotrack_torch.describe.learning_rates import Others, names_of_groups, rate_of
from autotrack_torch.frames import rounds
from autotrack_torch.watch import watch

_born: "weakref.WeakKeyDictionary[Any, float]" = weakref.WeakKeyDictionary()
"""When optimizers were made; those that were made before `autolog` are not in it."""

_arguments: "weakref.WeakKeyDictionary[Any, list[dict[str, Any]]]" = weakref.WeakKeyDictionary()
"""The settings of the param groups of optimizers as they were made, before anything changed them."""

_stepped: "weakref.WeakSet[Any]" = weakref.WeakSet()
_in_rounds: "weakref.WeakSet[Any]" = weakref.WeakSet()


class Member:
    """An optimizer of a loop, held weakly."""

    __slots__ = (
        "_groups", "_trained", "is_inner", "is_of_round", "kind", "name", "names", "number", "others", "reference",
        "training",
    )  # fmt: skip

    def __init__(
        self, optimizer: Any, name: str, *, is_inner: bool = False, number: int = 0, training: int = 0
    ) -> None:
        self.take(optimizer)
        self.kind = type(optimizer)
        self.name = name
        self.is_inner = is_inner
        self.number = number
        """How many optimizers have made their first step before it in the same training; -1 if it was made later."""

        self.training = training
        """Which of the trainings that the run is of."""

    def take(self, optimizer: Any) -> None:
        """Take an optimizer, also as the successor of the one before."""
        self.reference: weakref.ref[Any] = weakref.ref(optimizer)
        self.is_of_round = is_made_in_rounds(optimizer)
        self._trained = frozenset(map(id, parameters_of(optimizer)))
        self.names: list[str] = []
        self._groups = 0
        self.others: list[Others] = []
        """By param group, what else is recorded of it."""

    def trains_the_same(self, optimizer: Any) -> bool:
        """Whether an optimizer is of the same class, and trains the very same parameters."""
        return type(optimizer) is self.kind and self._trained == frozenset(map(id, parameters_of(optimizer)))

    def trains(self, parameters: Iterable[int]) -> bool:
        """Whether an optimizer trains any of the parameters with these identities."""
        return not self._trained.isdisjoint(parameters)

    def works_beside(self, other: "Member") -> bool:
        """Whether another optimizer trains something else in the same training, and not only later."""
        is_same = other.training == self.training and other.number >= 0
        return is_same and self._trained.isdisjoint(other._trained)

    def add_rates(self, optimizer: Any, values: dict[str, Any]) -> None:
        """Add the learning rates of the optimizer to `values`, and what else is not what it was made with."""
        groups = optimizer.param_groups
        if len(groups) != self._groups:  # it is new, or a group was added
            self.names, self._groups = names_of_groups(f"lr-{self.name}", groups), len(groups)
            self.others = [Others(given) for given in arguments_of(optimizer)]
        for name, group in zip(self.names, groups, strict=True):
            rate = group.get("lr")  # `rate_of` would be a call for each group, at every step
            values[name] = rate if rate.__class__ is float else rate_of(group)
        for name, others, group in zip(self.names, self.others, groups, strict=True):
            for key, given in others.given:
                if group.get(key) is not given:  # in every other step it is the very object
                    others.add_changed(group, values, name)
                    break


class Members:
    """The optimizers of a loop, in the order of their first steps, and the parameters that they train."""

    def __init__(self) -> None:
        self.began = perf_counter()
        self._by_id: dict[int, Member] = {}
        self._parameters: dict[int, weakref.ref[Any]] = {}
        self._count: Counter[str] = Counter()
        self._training = 0
        self._of_training = 0

    def __len__(self) -> int:
        return sum(not one.is_inner for one in self._by_id.values())

    def get(self, optimizer: Any) -> Member | None:
        """Return what is known of an optimizer."""
        known = self._by_id.get(id(optimizer))
        return known if known is not None and known.reference() is optimizer else None

    def add(self, optimizer: Any, *, is_inner: bool = False) -> Member:
        """Add an optimizer."""
        _stepped.add(optimizer)
        kind = name_of(optimizer)
        self._count[kind] += not is_inner
        number = self._count[kind] - 1
        name = f"{kind}-{number}" if number > 0 else kind
        was_there = self.were_there(optimizer)
        of_training = self._of_training if was_there else -1
        member = Member(optimizer, name, is_inner=is_inner, number=of_training, training=self._training)
        self._of_training += not is_inner
        self._by_id[id(optimizer)] = member
        if not is_inner:
            self._parameters.update({id(one): weakref.ref(one) for one in parameters_of(optimizer)})
        return member

    def predecessor_of(self, optimizer: Any) -> Member | None:
        """Return the one that has trained the same parameters before, or in an earlier round, perhaps another copy."""
        known = [one for one in self._by_id.values() if not one.is_inner]
        same = [one for one in known if one.trains_the_same(optimizer)]
        if not same and is_made_in_rounds(optimizer):
            same = [one for one in known if one.is_of_round and one.kind is type(optimizer)]
        return same[-1] if same else None

    def succeed(self, member: Member, optimizer: Any) -> None:
        """Let an optimizer take the place of the one that was this member."""
        _stepped.add(optimizer)
        member.take(optimizer)
        self._by_id = {key: one for key, one in self._by_id.items() if one is not member}
        self._by_id[id(optimizer)] = member
        self._parameters = {key: one for key, one in self._parameters.items() if one() is not None}
        self._parameters.update({id(one): weakref.ref(one) for one in parameters_of(optimizer)})

    def begin_another_training(self) -> None:
        """Note that what follows is another training in the same run."""
        self._training += 1
        self._of_training = 0

    def share_parameters(self, parameters: Iterable[Any]) -> bool:
        """Whether one of these parameters is trained by an optimizer of the loop."""
        known = self._parameters
        return any(id(one) in known and known[id(one)]() is one for one in parameters)

    def others_train(self, parameters: Iterable[int], member: Member) -> bool:
        """Whether an optimizer other than this one trains any of the parameters with these identities."""
        return any(one.trains(parameters) for one in self._by_id.values() if one is not member)

    def living(self) -> list[Any]:
        """Return the optimizers of the loop that are still there to make steps."""
        found = [one.reference() for one in self._by_id.values() if not one.is_inner]
        return [one for one in found if one is not None]

    def are_alive(self) -> bool:
        """Whether an optimizer of the loop is still there to make steps."""
        return bool(self.living())

    def were_there(self, optimizer: Any) -> bool:
        """Whether the optimizer had been made when the loop began."""
        return _born.get(optimizer, 0.0) <= self.began

    def are_several(self) -> bool:
        """Whether there are other optimizers as well, some of which may not have made a step yet."""
        return len(self) > 1 or len(set(_born) - set(_stepped)) > 0


def name_of(optimizer: Any) -> str:
    """Return what an optimizer is called: its class, unless it stands for something that is no optimizer."""
    return str(getattr(optimizer, "stands_for", None) or type(optimizer).__name__)


def exist() -> bool:
    """Whether there are optimizers, as far as can be seen."""
    return len(_born) > 0 or len(_stepped) > 0


def without_steps() -> list[Any]:
    """Return the optimizers that have made no step, as far as can be seen, in the order in which they were made."""
    return [one for one in sorted(_born, key=lambda one: _born[one]) if one not in _stepped]


def is_made_within(optimizer: Any, since: float) -> bool:
    """Whether an optimizer was made after that time, and there is an older one that has made no step yet."""
    if _born.get(optimizer, 0.0) <= since:
        return False
    return any(born <= since and other not in _stepped for other, born in list(_born.items()))


def is_made_in_rounds(optimizer: Any) -> bool:
    """Whether an optimizer was made in a loop that counts rounds of one training."""
    return optimizer in _in_rounds


def note_made(optimizer: Any, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `Optimizer.__init__`: note when the optimizer was made."""
    outcome = yield
    if outcome.error is None:
        _born[optimizer] = perf_counter()
        if rounds.are_around():
            _in_rounds.add(optimizer)
        watch.set_aside()
        with attempt("torch optimizer"):
            _arguments[optimizer] = [_settings_in(group) for group in optimizer.param_groups]


def arguments_of(optimizer: Any) -> list[dict[str, Any]]:
    """Return the settings that each param group was made with.

    Of a group that was added later, or made before `autolog`, they are what it has now, and what schedulers keep of
    before.
    """
    made = _arguments.get(optimizer, [])
    found = []
    for index, group in enumerate(optimizer.param_groups):
        settings = {name: value for name, value in _settings_in(group).items() if name not in _OF_SCHEDULERS}
        if index < len(made):
            settings |= made[index]
        elif "lr" in group:
            settings["lr"] = group.get("initial_lr", group["lr"])
            if "max_momentum" in group:  # OneCycleLR and CyclicLR set the momentum, too
                given = getattr(optimizer, "defaults", {})
                settings |= {name: given[name] for name in ("momentum", "betas") if name in settings and name in given}
        found.append(settings)
    return found


def _settings_in(group: dict[str, Any]) -> dict[str, Any]:
    return {
        name: as_plain(value) if isinstance(value, torch.Tensor) else value  # it may be changed in place
        for name, value in group.items()
        if name not in ("params", "param_names")
    }


_OF_SCHEDULERS = frozenset(("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"))


def parameters_of(optimizer: Any) -> list[Any]:
    """Return the parameters that an optimizer trains."""
    return [one for group in optimizer.param_groups for one in group["params"]]
