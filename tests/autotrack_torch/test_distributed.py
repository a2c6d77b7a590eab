"""A loop in several processes is one run, in plain PyTorch, with Accelerate and with Fabric."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import autotrack

pytestmark = pytest.mark.slow

FIRST = """
    import autotrack
    autotrack.autolog(to="runs", experiment="tests")
    import torch
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    data = torch.utils.data.TensorDataset(torch.randn(32, 4), torch.randint(0, 2, (32,)))
    measure = torch.nn.functional.cross_entropy
"""

PLAIN = """
    import torch.distributed as dist
    dist.init_process_group("gloo")
    {wrap}
    loader = torch.utils.data.DataLoader(data, batch_size=4, sampler=torch.utils.data.DistributedSampler(data))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            measure(model(x), y).backward()
            optimizer.step()
    dist.destroy_process_group()
"""

DDP = "model = torch.nn.parallel.DistributedDataParallel(model)"
FSDP = """from torch.distributed.fsdp import fully_shard
    from torch.distributed.device_mesh import init_device_mesh
    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))"""

ACCELERATE = """
    from accelerate import Accelerator
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), loader)
    for epoch in range(2):
        for x, y in loader:
            with accelerator.accumulate(model):
                loss = measure(model(x), y)
                accelerator.print("printed", loss.item())
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
        accelerator.save_state("state")
    accelerator.end_training()
"""

FABRIC = """
    from lightning.fabric import Fabric
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    model, optimizer = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=0.1))
    loader = fabric.setup_dataloaders(torch.utils.data.DataLoader(data, batch_size=4, shuffle=True))
    for epoch in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            fabric.backward(measure(model(x), y))
            optimizer.step()
        fabric.save("state.ckpt", {"model": model, "optimizer": optimizer})
"""


def launch(folder: Path, code: str, *, alone: bool = False) -> tuple[autotrack.RecordedRun, str]:
    """Execute a script in two processes; return the one run that there is, and what was printed."""
    script = folder / "train.py"
    script.write_text(textwrap.dedent(FIRST) + textwrap.dedent(code))
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    start = [] if alone else ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    ended = subprocess.run(
        [sys.executable, *start, str(script)],
        cwd=folder,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (run,) = autotrack.runs(folder / "runs")
    assert len(list((folder / "runs" / "tests").glob("2*"))) == 1
    assert (run.status, run.params["world_size"], run.notices) == ("finished", 2, [])
    return run, ended.stdout


@pytest.mark.parametrize(("wrap", "name"), [(DDP, "DistributedDataParallel"), (FSDP, "fully_shard")])
def test_a_loop_under_torchrun_is_one_run(wrap: str, name: str, tmp_path: Path) -> None:
    run, _ = launch(tmp_path, PLAIN.format(wrap=wrap))
    assert [(point.step, point.epoch) for point in run.history("loss")] == [(step, step // 4) for step in range(8)]
    assert run.params["wrapped_in"] == [name]
    assert run.params["model"] == "torch.nn.modules.container.Sequential"
    assert (run.params["parameters"], run.params["sampler"]) == (58, "DistributedSampler")


def test_a_loop_with_accelerate_is_one_run(tmp_path: Path) -> None:
    run, printed = launch(tmp_path, ACCELERATE)
    losses = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("printed")]
    of_steps = [sum(pair) / 2 for pair in zip(losses[::2], losses[1::2], strict=True)]
    assert [point.value for point in run.history("loss")] == pytest.approx(of_steps)
    assert [(point.step, point.epoch) for point in run.history("loss")] == [(step, step // 2) for step in range(4)]
    assert (run.params["wrapped_in"], run.params["accumulate_grad_batches"]) == (["DistributedDataParallel"], 2)
    assert (run.params["shuffle"], run.params["batch_size"]) == (True, 4)
    (state,) = (one for one in run.artifacts if one.kind == "checkpoint")
    assert (state.path, state.step, state.roles) == ("checkpoints/state", 3, ["last"])
    assert (run.folder / state.path / "optimizer.bin").read_bytes() == (tmp_path / "state/optimizer.bin").read_bytes()
    assert not (run.folder / state.path / "optimizer.bin").samefile(tmp_path / "state/optimizer.bin")


def test_a_loop_with_fabric_is_one_run(tmp_path: Path) -> None:
    run, _ = launch(tmp_path, FABRIC, alone=True)
    assert [(point.step, point.epoch) for point in run.history("loss")] == [(step, step // 4) for step in range(8)]
    assert run.params["wrapped_in"] == ["DistributedDataParallel"]
    assert [(one.path, one.step) for one in run.artifacts if one.kind == "checkpoint"] == [
        ("checkpoints/state.ckpt", 7)
    ]
