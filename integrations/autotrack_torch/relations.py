"""What an optimizer that makes its first step is to the loop that is recorded: a part of it, or another training."""

from enum import Enum
from typing import TYPE_CHECKING, Any

from autotrack_torch.describe.models import find_models, shape_of
from autotrack_torch.frames import rounds
from autotrack_torch.members import is_made_in_rounds, parameters_of

if TYPE_CHECKING:
    from autotrack_torch.loop import Loop


class Relation(Enum):
    """What an optimizer is to the loop that is recorded when it makes its first step."""

    MEMBER = "it trains the same model, or another one in the same loop"
    SUCCESSOR = "it does the same for the same model, or for another copy of it, as one that came before"
    INNER = "it works within a step or an evaluation of the loop, on something of its own"
    STRANGER = "it begins another training"


def relation_of(loop: "Loop", optimizer: Any) -> Relation:
    """Tell what an optimizer that makes its first step is to a loop.

    One that trains the same model is part of the loop, as when a model is tuned further. So is one that was made
    before the loop began and takes turns with the others, as in a GAN. One that was made later and works on
    something else, while a pass over the training data is under way, is an inner one, such as that of a
    meta-learner or of an attack. Otherwise another training begins.
    """
    was_there, is_under_way = loop.members.were_there(optimizer), loop.epochs.is_under_way()
    if loop.members.share_parameters(parameters_of(optimizer)):
        predecessor = None if was_there else loop.members.predecessor_of(optimizer)
        return Relation.MEMBER if predecessor is None else Relation.SUCCESSOR
    if is_under_way and not was_there:
        return Relation.INNER
    known = loop.models
    if any(model is other for other in known for found in find_models(optimizer) for model in found.modules()):
        return Relation.MEMBER
    has_ended = not loop.members.are_alive() or loop.surroundings.are_left() or loop.epochs.is_counted_anew()
    if has_ended and not is_under_way:
        if _is_round(loop, optimizer):
            return Relation.MEMBER if was_there else Relation.SUCCESSOR
        if loop.run.before_another is not None:  # that of a sweep's job may be over
            loop.run.before_another()
        if loop.is_own or loop.run.status != "running":
            return Relation.STRANGER
        loop.begin_another()
        return Relation.MEMBER
    if was_there:
        return Relation.MEMBER
    return Relation.SUCCESSOR if _is_round(loop, optimizer) else Relation.INNER


def _is_round(loop: "Loop", optimizer: Any) -> bool:
    """Whether an optimizer goes on with a training that is made of rounds, as its other members did.

    Its model is one of several that are trained in turn, or a copy of one that lives longer than its copies.
    """
    if loop.members.were_there(optimizer):
        return rounds.are_around(beyond=loop.epochs.variable_name)
    if not is_made_in_rounds(optimizer) or loop.members.predecessor_of(optimizer) is None:
        return False
    shapes = {shape_of(model) for one in loop.originals if (model := one()) is not None}
    return any(shape_of(model) in shapes for model in find_models(optimizer))
