"""Tensors that are spread over several processes."""

from typing import Any

import torch


def is_spread(tensor: Any) -> bool:
    """Whether reading this tensor takes all ranks, as it does for a DTensor that is not the same on each of them.

    Only rank 0 records: if it read such a tensor by itself, it would wait for the others for ever.
    """
    if tensor.__class__ is torch.Tensor:
        return False
    placements = getattr(tensor, "placements", ())
    return not all(placement.is_replicate() for placement in placements)
