"""Whether a CUDA graph is being captured: nothing is computed meanwhile, and asking the device would spoil it."""

import torch

# Without CUDA, PyTorch can ask as well, but it raises.
_HAS_CUDA: bool = torch.backends.cuda.is_built()  # type: ignore[no-untyped-call]  # PyTorch gives it no types


def is_capturing() -> bool:
    """Whether what this thread does now is captured for a graph, to be done when that is replayed."""
    return _HAS_CUDA and torch.cuda.is_current_stream_capturing()
