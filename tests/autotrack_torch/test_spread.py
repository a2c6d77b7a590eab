"""What is spread over ranks is not read on one of them."""

from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

from autotrack_torch.spread import is_spread


def test_a_tensor_is_spread_unless_it_is_the_same_on_each_rank(tmp_path: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        mesh, value = init_device_mesh("cpu", (1,)), torch.ones(1)
        spread = [is_spread(DTensor.from_local(value, mesh, [how])) for how in (Replicate(), Shard(0), Partial())]
        assert spread == [False, True, True]
        assert not is_spread(value)
        assert not is_spread(torch.nn.Parameter(value))
    finally:
        dist.destroy_process_group()
