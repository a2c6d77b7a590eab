"""The hook after every step of an optimizer, and what is done where the step was compiled.

Nothing of ours is left in what `torch.compile` makes of `optimizer.step()`. But that it is compiled can be seen, and
mostly `backward` still runs outside of that: from then on, each call of it counts as a step. Otherwise, batches do.
"""

from typing import Any

from autotrack.integrations import attempt, guarded
from autotrack_torch import elsewhere, steps
from autotrack_torch.compiling import at_compile_time, is_compiling, not_compiled
from autotrack_torch.losses import Site
from autotrack_torch.members import without_steps
from autotrack_torch.unseen_steps import UnseenSteps
from autotrack_torch.watch import watch


@not_compiled
def after_step(optimizer: Any, args: Any, kwargs: Any) -> None:
    """Hook that PyTorch calls after every step of any optimizer."""
    if is_compiling():
        _note_compiled()
    elif watch.loop is not None or not elsewhere.is_run_of_another():
        steps.record(optimizer, args, kwargs)


@at_compile_time
def _note_compiled() -> None:
    with attempt("torch.compile"):
        if elsewhere.is_run_of_another():
            return
        if watch.loop is not None:
            watch.loop.usual_step = None
        if watch.losses or watch.earlier or (watch.compiled is not None and watch.compiled() is not None):
            watch.after_backward, watch.unseen_steps = _follow, None
        elif (watch.unseen_steps is None or without_steps()) and (optimizers := _compiled()):
            UnseenSteps(optimizers[0]).begin(optimizers[1:])


@guarded
def _follow(site: Site, _loss: Any, *, is_over: bool) -> None:
    """Record a step by its loss; `is_over` if it has been made. A loss of the same place begins another step."""
    optimizers = _compiled()
    if not optimizers or (found := steps.find(optimizers[0])) is None:
        watch.after_backward = watch.compiled = None
        return
    loop, member, is_first = found
    with loop.lock:
        if watch.compiled is None:
            watch.compiled = member.reference
            for other in optimizers[1:]:
                if loop.members.get(other) is None:
                    loop.add(other)
            loop.run.notice(
                "torch.compile",
                f"the step of {member.name} is compiled and cannot be seen; each call of backward counts as one",
            )
        values = steps.count(loop, member, optimizers[0], maker=hash(site), is_first=is_first)
        watch.gradient_norms.clear()  # it is of the step before
        if not is_over:
            member.add_rates(optimizers[0], values)  # those that the step is going to be made with
        loop.record(values)


def _compiled() -> list[Any]:
    """Return the optimizers whose steps are compiled, as far as can be told: those of which none was seen, or all."""
    if watch.compiled is not None:
        return [one for one in (watch.compiled(),) if one is not None]
    return without_steps() or ([] if watch.loop is None else watch.loop.members.living())
