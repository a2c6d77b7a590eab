"""Whether a CUDA graph is being captured: nothing is computed meanwhile, and asking the device would spoil it."""

import torch


def is_capturing() -> bool:
    """Whether what this thread does now is captured for a graph, to be done when that is replayed."""
    # Without CUDA, PyTorch has the function as well, but it raises.
    is_built: bool = torch.backends.cuda.is_built()  # type: ignore[no-untyped-call]  # PyTorch gives it no types
    return is_built and torch.cuda.is_current_stream_capturing()
