"""What happens after a step of an optimizer: the first one starts a run, and each is recorded."""

import weakref
from typing import Any

import torch

import autotrack
from autotrack.integrations import RunOptions, guarded, is_worker
from autotrack_torch import elsewhere, open_loops
from autotrack_torch.capturing import is_capturing
from autotrack_torch.files import loading
from autotrack_torch.frames.surroundings import Surroundings
from autotrack_torch.loop import Loop, current_loop
from autotrack_torch.losses import Backward, Site
from autotrack_torch.members import Member, is_made_within
from autotrack_torch.relations import Relation, relation_of
from autotrack_torch.usual_steps import site_of_only_loss, usual_after
from autotrack_torch.watch import watch

STARTED_BY = "torch"

_left_alone: dict[int, tuple[weakref.ref[Any], Any]] = {}
"""By the identity of an optimizer: itself, and the run in which its steps are none of ours."""


@guarded
def record(optimizer: Any, args: Any, kwargs: Any) -> None:
    """Record a step that an optimizer has made."""
    loop = watch.loop
    usual = None if loop is None else loop.usual_step
    if loop is not None and usual is not None:
        if usual.record(loop, optimizer, args, kwargs):
            return
        loop.usual_step = None
    if elsewhere.is_run_of_another():
        if usual is not None:
            watch.losses = {}  # it has taken them for its own
        return
    if is_capturing():
        watch.losses = {}
        if loop is not None:
            loop.run.notice("torch.cuda", "a CUDA graph makes steps: what it does when it is replayed is not seen")
        return
    watch.after_backward = None
    site = site_of_only_loss()
    if (found := find(optimizer)) is None:
        watch.losses = {}  # what was set aside when this optimizer was made is of the loop around
        return
    loop, member, is_first = found
    with loop.lock:
        values = count(loop, member, optimizer, maker=id(optimizer), is_first=is_first, args=args, kwargs=kwargs)
        member.add_rates(optimizer, values)
        if watch.gradient_norms:
            loop.gradient_norms.add(member, values)
        loop.record(values)
        loop.usual_step = usual_after(loop, member, site)


def find(optimizer: Any) -> tuple[Loop, Member, bool] | None:
    """Return the loop of an optimizer, what is known of it there, and whether it is new; None to leave it alone."""
    loop = watch.loop
    member = None
    is_first = False
    if loop is not None and loop.run.status == "running":
        member = loop.members.get(optimizer)
    if member is None:
        loop, member, is_first = _meet(optimizer)
    if loop is None or member is None or member.is_inner:
        return None
    return loop, member, is_first


def count(
    loop: Loop, member: Member, optimizer: Any, *, maker: int, is_first: bool, args: Any = (), kwargs: Any = None
) -> dict[str, Any]:
    """Count a step in a loop, and return its losses by name."""
    losses = watch.take_losses(of_new_training=loop.begins_training)
    if loop.loss_names.waiting is not None:
        loop.settle_name(member, losses)
    loop.count(maker, is_first=is_first)
    if watch.settings:
        loop.add_settings(watch.settings)
        watch.settings = {}
    if not losses:
        return {}
    is_plain = len(args) < 2 and not kwargs  # the usual case
    return _losses(loop, losses, optimizer, member, has_closure=not is_plain and _has_closure(args, kwargs or {}))


def _has_closure(args: Any, kwargs: Any) -> bool:
    """Whether an optimizer was given a closure, which calls `backward` any number of times in a step."""
    return any(one is not None for one in (*args[1:], *kwargs.values()))  # Accelerate passes None for one


def _losses(
    loop: Loop, losses: dict[Site, Backward], optimizer: Any, member: Member, *, has_closure: bool
) -> dict[str, Any]:
    """Return the values that `backward` was called on before this step, by name."""
    if loop.step == 0 and (calls := max(loss.calls for loss in losses.values())) > 1 and not has_closure:
        loop.add_settings({"accumulate_grad_batches": calls})
    named = loop.name_losses(losses, optimizer, member)
    if loop.loss_names.waiting is not None:
        (loss,) = losses.values()
        loop.hold(loss.first if has_closure else loss.total)
    values: dict[str, Any] = {}
    for name, loss in named.items():  # a comprehension would be a call
        values[name] = loss.first if has_closure else loss.total
    return values


def _meet(optimizer: Any) -> tuple[Loop | None, Member | None, bool]:
    """Decide what to do about an optimizer that is not known in the loop of this thread.

    Returns the loop, what is known of the optimizer in it, and whether it is new.
    """
    run = autotrack.current_run()
    alone = _left_alone.get(id(optimizer))
    if alone is not None and alone[0]() is optimizer and alone[1] is run:
        return None, None, False
    if elsewhere.is_at_work() or is_worker():
        _left_alone[id(optimizer)] = (weakref.ref(optimizer, _forget(id(optimizer))), run)
        return None, None, False
    with open_loops.meeting:
        return _meet_in_turn(optimizer)


def _meet_in_turn(optimizer: Any) -> tuple[Loop | None, Member | None, bool]:
    if (loop := open_loops.loop_of(optimizer)) is not None:  # of another thread
        loop.join(at_once=False)
        return loop, loop.members.get(optimizer), False
    loop = current_loop()
    if loop is not None:
        relation = relation_of(loop, optimizer)
        if relation is Relation.INNER:
            return loop, loop.members.add(optimizer, is_inner=True), False
        if relation is Relation.SUCCESSOR:
            return loop, loop.succeed(optimizer), False
        if relation is Relation.STRANGER:
            loop.finish()
            loop = None
    current = watch.first_pass
    is_within = current is not None and not current.ended and is_made_within(optimizer, current.began)
    if loop is None and is_within:
        return None, None, False  # the inner loop of a meta-learner, whose own optimizer comes later
    loop = loop or _of_other_threads(optimizer) or _begin(optimizer)
    return loop, loop.add(optimizer), True


def _of_other_threads(optimizer: Any) -> Loop | None:
    """Return the loop of another thread that trains the same model, in which this one takes part."""
    loop: Loop | None = open_loops.loop_of_its_model(optimizer)
    if loop is not None:
        loop.join(at_once=open_loops.is_under_way(loop))
    return loop


def _begin(optimizer: Any) -> Loop:
    options = RunOptions.of_autolog()
    surroundings = Surroundings()
    enclosing = options.enclosing_run() or options.run_apart()  # of a writer that the loop writes to
    others: list[Loop] = open_loops.loops_in(enclosing) if enclosing is not None else []
    if any(open_loops.is_under_way(loop) for loop in others):
        enclosing = None  # two trainings at the same time cannot count in one run: this one has its own, within that
    elif others:
        others[-1].join(at_once=False)
        others[-1].begin_another()
        return others[-1]
    run = enclosing or options.start_run(
        started_by=STARTED_BY,
        frameworks={"torch": str(torch.__version__)},
        resumed_from=loading.run_loaded_for(optimizer, options),
        before_another=_before_another,
    )
    loop = watch.loop = Loop(run, options, surroundings=surroundings, is_own=enclosing is None)
    return loop


def _before_another() -> None:
    if watch.loop is not None:
        watch.loop.end_if_left()


def _forget(optimizer: int) -> Any:
    return lambda _reference: _left_alone.pop(optimizer, None)
