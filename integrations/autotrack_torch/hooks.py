"""Where the hooks are put."""

import sys
from collections.abc import Iterable

import torch
from torch.amp.autocast_mode import autocast
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from autotrack.integrations import Patch
from autotrack_torch import by_hand, gradients, losses, members, passes, step_hook
from autotrack_torch.describe import description
from autotrack_torch.files import loading, saving, trained_modules
from autotrack_torch.watch import watch


def patches() -> Iterable[Patch]:
    """Return all hooks into PyTorch."""
    type(watch).at_first = by_hand.Updates
    watch.after_backward = watch.after_backward or by_hand.Updates()
    optimizers = sys.modules["torch.optim.optimizer"]  # torch.optim has deleted the attribute
    yield Patch.by_registering(optimizers, "register_optimizer_step_post_hook", step_hook.after_step)
    yield Patch(Optimizer, "__init__", members.note_made)
    if hasattr(torch.autograd, "_engine_run_backward"):
        yield Patch(torch.autograd, "_engine_run_backward", wrap=losses.wrap_engine)
    else:  # before torch 2.3
        yield Patch(torch.autograd, "backward", wrap=losses.wrap_backward)
    yield Patch(torch, "compile", trained_modules.before_compiling)
    yield Patch(DataLoader, "__iter__", passes.begin)
    yield Patch(_BaseDataLoaderIter, "__next__", wrap=passes.wrap_next)
    yield Patch(LRScheduler, "__init__", description.note_scheduler)
    yield Patch(GradScaler, "scale", losses.scale)
    yield Patch(GradScaler, "update", gradients.update, concerns=gradients.has_losses)
    yield Patch(autocast, "__enter__", gradients.autocast, concerns=gradients.is_not_compiling)
    clipping = sys.modules["torch.nn.utils.clip_grad"]
    if hasattr(clipping, "_clip_grads_with_norm_"):  # found however the script has imported the function that calls it
        yield Patch(clipping, "_clip_grads_with_norm_", gradients.clip_with_norm, concerns=gradients.is_not_compiling)
    else:  # before torch 2.6
        yield Patch(torch.nn.utils, "clip_grad_norm_", gradients.clip_norm, concerns=gradients.is_not_compiling)
    yield Patch(torch.nn.utils, "clip_grad_value_", gradients.clip_value, concerns=gradients.is_not_compiling)
    yield from loading.patches()
    yield from saving.patches()
