"""The training loop that is being recorded, for all who want to know its run, step, epoch or model."""

import atexit
import weakref
from threading import RLock, current_thread
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

import autotrack
from autotrack.integrations import RunOptions, attempt, end_run, guarded, log_numbers
from autotrack_torch import open_loops
from autotrack_torch.describe.description import Description
from autotrack_torch.describe.gradient_norms import GradientNorms
from autotrack_torch.describe.loss_names import LossNames
from autotrack_torch.describe.models import find_models, originals_of, shape_of
from autotrack_torch.describe.roles import role_of, telling_name_of
from autotrack_torch.epochs import Epochs
from autotrack_torch.files.trained_modules import TrainedModules
from autotrack_torch.frames import rounds
from autotrack_torch.frames.shared_lines import is_one_of_many, label_among_others
from autotrack_torch.frames.surroundings import Surroundings
from autotrack_torch.frames.turns import Turns
from autotrack_torch.losses import Backward, Site
from autotrack_torch.members import Member, Members, parameters_of
from autotrack_torch.passes import Pass
from autotrack_torch.watch import watch

if TYPE_CHECKING:
    from autotrack_torch.files.checkpoints import SavedFiles

_trained: "weakref.WeakSet[torch.nn.Module]" = weakref.WeakSet()
"""The models that any loop has trained."""


class Loop:
    """A training by a loop of the user's: everything recorded of it goes to one run.

    Models, optimizers and data loaders are only ever held weakly.
    """

    def __init__(self, run: autotrack.Run, options: RunOptions, *, surroundings: Surroundings, is_own: bool) -> None:
        self.run = run
        self.is_own = is_own
        """Whether the run was started for this loop; otherwise it is one of a person's, or of a writer."""

        self.step = -1
        """The number of the last step that was made, from 0; -1 before the first one."""

        self.members = Members()
        self.gradient_norms = GradientNorms(self.members)
        self.description = Description(run)
        self.epochs = Epochs(run, when_ended=self._epoch_ends)
        self.loss_names = LossNames()
        self.is_open = True
        self.thread = weakref.ref(current_thread())
        """The thread that the loop runs in, the latest of several."""

        self.saved_files: SavedFiles | None = None
        """What keeps the files that the script saves, once it has saved any."""

        self.trained_modules = TrainedModules(self)
        self.usual_step: Any = None
        """An `autotrack_torch.usual_steps.UsualStep` after a step that the next one may be like."""

        self.lock = RLock()
        """Held while a step is counted, for several threads may take part in the loop."""

        self.begins_training = True
        """Whether no step has been made of the training that is under way."""

        self.surroundings = surroundings
        self.originals: list[weakref.ref[torch.nn.Module]] = []
        """What the models may be copies of."""

        self._every_n_steps = options.settings.log_every_n_steps or 1
        self._models: list[weakref.ref[torch.nn.Module]] = []
        self._keeps_models = options.settings.checkpoints
        self._turns = Turns()
        self._is_of_one_thread = True
        self._held: tuple[int, int | None, Any] | None = None  # step, epoch and value of a loss whose name has to wait
        self._rest: dict[str, Any] = {}  # what was recorded at no step yet
        open_loops.note(self)
        atexit.register(self.close)  # before the run itself ends, which was registered earlier

    @property
    def epoch(self) -> int | None:
        """The number of the epoch, as the script counts it; None where it has none."""
        return self.epochs.number

    @property
    def last_step(self) -> int | None:
        """The number of the last step; None where none was seen."""
        return self.step if self.step >= 0 else None

    @property
    def has_settled_turns(self) -> bool:
        """Whether another step of the same optimizer would change nothing about whose turn it is."""
        return self._is_of_one_thread and self._turns.are_settled

    @property
    def records_each_step(self) -> bool:
        """Whether every step is recorded, as it is unless a setting says otherwise."""
        return self._every_n_steps == 1

    @property
    def model(self) -> torch.nn.Module | None:
        """The model that is trained, the first one of several; None if it was not found, or lives no more."""
        return next(iter(self.models), None)

    @property
    def models(self) -> list[torch.nn.Module]:
        """All models that are trained and still live, in the order of their first steps."""
        return [model for reference in self._models if (model := reference()) is not None]

    def succeed(self, optimizer: Any) -> Member | None:
        """Let an optimizer take the place of an earlier one that did the same."""
        self.usual_step = None
        is_copy = not self.members.share_parameters(parameters_of(optimizer))
        member = self.members.predecessor_of(optimizer)
        if member is None:
            return None
        if is_copy:
            self.settle_name(None, {})
            self.begins_training = True
            self.epochs.leave_pass()
            self._follow_copies(find_models(optimizer))
        self._turns.begin_anew()
        self.members.succeed(member, optimizer)
        if not is_copy:
            self.description.succeed(optimizer)
        return member

    def _follow_copies(self, copies: list[torch.nn.Module]) -> None:
        """Take copies for what is trained now, and their original for the model of the run."""
        shapes = set(map(shape_of, copies))
        originals = [model for one in self.originals if (model := one()) is not None and shape_of(model) in shapes]
        self._models = [weakref.ref(model) for model in (*originals, *copies)]
        if self._keeps_models and originals:
            self.trained_modules.follow_instead(originals[0])

    def join(self, *, at_once: bool) -> None:
        """Go on with the loop in this thread, or take part in it `at_once` with another one."""
        watch.loop = self
        with self.lock:  # a step that is being counted in another thread would find a usual one after it
            self.usual_step, self._is_of_one_thread = None, False
        self.thread = weakref.ref(current_thread())
        if at_once:
            self._turns.part()

    def begin_another(self) -> None:
        """Begin another training in the same run, which is one of a person's."""
        self.begins_training, self.usual_step = True, None
        self.settle_name(None, {})
        self.epochs.begin_anew()
        self._turns.begin_anew()
        self.trained_modules.begin_another()
        self.members.begin_another_training()

    def is_left_by(self, frame: FrameType) -> bool:
        """Whether the code of the thread that executes this frame has left the loop."""
        return self.surroundings.are_left(frame)

    def is_over(self) -> bool:
        """Whether the code has left the loop, as far as can be seen from here.

        Of a loop over seeds or the like around it, each round is a training; those of a larger training go on.
        """
        if self.epochs.is_under_way():
            return False
        return self.surroundings.are_left() or (self.epochs.are_left() and not rounds.are_around())

    def add(self, optimizer: Any) -> Member:
        """Add an optimizer that makes its first step, and the models that it trains."""
        self.usual_step = None
        models = find_models(optimizer)
        if not len(self.members):
            self.originals = [weakref.ref(model) for model in originals_of(models) if model not in _trained]
        _trained.update(models)
        for model in models:
            if all(model is not other for other in self.models):
                self._models.append(weakref.ref(model))
            if self._keeps_models:
                self.trained_modules.add(model)
        self.description.add(optimizer, models)
        return self.members.add(optimizer)

    def count(self, maker: int, *, is_first: bool = False) -> None:
        """Count a step of an optimizer, with its identity as `maker`; `is_first` if it has made none before."""
        self.begins_training = False
        first_pass, watch.first_pass = watch.first_pass, None
        before = self.epochs.number, self.epochs.is_over
        if first_pass is not None and not first_pass.has_steps and (loader := first_pass.loader()) is not None:
            self.description.add_loader("train", loader)
        has_gone_on = self.epochs.step(first_pass)
        has_gone_on = has_gone_on or before != (self.epochs.number, self.epochs.is_over)
        if self._turns.take(maker, is_first=is_first, has_gone_on=has_gone_on) or self.step < 0:
            self.step += 1
            self.epochs.last_step = self.step
            if self.step == self.trained_modules.next_look:
                self.trained_modules.after_step()

    def name_losses(self, losses: dict[Site, Backward], optimizer: Any, member: Member) -> dict[str, Backward]:
        """Return the losses of a step of this optimizer by name, without one whose name has to wait."""
        return self.loss_names.of(
            losses,
            member,
            are_several=self.members.are_several,
            label=lambda: label_among_others(optimizer, find_models(optimizer)) or str(max(member.number, 0)),
        )

    def hold(self, value: Any) -> None:
        """Hold back the loss whose name has to wait."""
        self._held = self.step, self.epoch, value

    def settle_name(self, member: Member | None, losses: dict[Site, Backward]) -> None:
        """Record the loss that was held back, if there is one, now that the next step is made by `member`."""
        if self._held is None or (waiting := self.loss_names.waiting) is None:
            return
        (step, epoch, value), self._held = self._held, None
        optimizer = member.reference() if member is not None else None
        name = self.loss_names.settle(
            waiting, member, losses, is_one_of_many=lambda: is_one_of_many(optimizer, find_models(optimizer))
        )
        if (step + 1) % self._every_n_steps == 0:
            log_numbers(self.run, {name: value}, step, epoch=epoch, stage="train")
        else:
            self._rest.setdefault(name, value)

    def add_settings(self, settings: dict[str, Any]) -> None:
        """Record what was seen of clipping, mixed precision and the like, each once."""
        self.description.add_settings("torch", settings)

    def record(self, values: dict[str, Any]) -> None:
        """Record the values of a step, now if it is due, or at the end of the epoch."""
        if (self.step + 1) % self._every_n_steps == 0 or self.epochs.is_over:
            self.run.log(values, self.step, epoch=self.epochs.number, stage="train")
            if self._rest:
                self._rest = {name: value for name, value in self._rest.items() if name not in values}
        else:
            self._rest.update(values)

    def _epoch_ends(self) -> None:
        self._record_rest()
        self.description.add_schedulers()

    def _record_rest(self) -> None:
        self.settle_name(None, {})
        if self._rest:
            rest, self._rest = self._rest, {}
            log_numbers(self.run, rest, self.step, epoch=self.epochs.number, stage="train")

    def pass_begins(self, one: Pass) -> None:
        """A pass over a data loader begins."""
        one.step_before = self.step
        if (loader := one.loader()) is not None and not self.description.has(loader):
            one.name = telling_name_of(loader)
        if not torch.is_grad_enabled():
            self.epochs.pause()

    def pass_ends(self, one: Pass) -> None:
        """A pass over a data loader has ended; the loop evaluates its data if no step was made meanwhile."""
        self.epochs.pass_ends(one)
        if not one.has_steps:
            self.epochs.resume()
        is_peek = one.batches == 1 and not one.is_complete
        if one.has_steps or is_peek or not one.batches:
            return
        if one.is_evaluation or self.step == one.step_before:
            self.epochs.evaluated(one)
            watch.losses = self.loss_names.known(watch.losses)  # others are of an attack, perhaps
        if (loader := one.loader()) is not None:
            is_training = not one.is_evaluation and self.step != one.step_before
            self.description.add_loader("train" if is_training else role_of(one.name), loader)

    @guarded
    def end_if_left(self) -> None:
        """End the run if the code has left the loop: something else begins."""
        if self.is_own and watch.loop is self and self.is_over():
            self.finish()

    @guarded
    def close(self) -> None:
        """End the epoch that is under way, and the run if it was started for this loop."""
        atexit.unregister(self.close)
        self.is_open, self.usual_step = False, None
        if watch.loop is self:
            watch.loop = None
        if self.run.status == "running":
            with attempt("torch epoch", run=self.run):
                self.epochs.end()
                self._record_rest()

    @guarded
    def finish(self) -> None:
        """End the loop, because another training begins."""
        self.close()
        end_run(self.run, None, is_own=self.is_own)


def current_loop() -> Loop | None:
    """Return the loop that is recorded in this thread, or None before the first step and after the end of the run."""
    loop = watch.loop
    return loop if loop is not None and loop.run.status == "running" else None
