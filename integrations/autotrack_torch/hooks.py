"""Where the hooks are put."""

import sys
from collections.abc import Iterable

import torch

from autotrack.integrations import Patch
from autotrack_torch import losses, steps


def patches() -> Iterable[Patch]:
    """Return all hooks into PyTorch."""
    optimizers = sys.modules["torch.optim.optimizer"]  # torch.optim has deleted the attribute
    yield Patch.by_registering(optimizers, "register_optimizer_step_post_hook", steps.after_step)
    yield Patch(torch.autograd, "_engine_run_backward", wrap=losses.wrap_engine)
