"""What a loop of plain PyTorch prints is in its run, on the right epoch, and everywhere told to be printed."""

import subprocess
import sys
from pathlib import Path

import pytest

from autotrack import output_channel
from autotrack.readers import recorded_run
from tests.support.event_files import scalars
from tests.support.processes import wait_until

pytestmark = pytest.mark.skipif(not output_channel.is_supported(), reason="there are no files in memory")

SCRIPT = """
import autotrack
autotrack.autolog(to={store!r})
import torch
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

x = torch.linspace(-1, 1, 32).unsqueeze(1)
loader = DataLoader(TensorDataset(x, 3 * x), batch_size=8)
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
print("lr: 0.1")
for epoch in range(3):
    print(f"Epoch {{epoch + 1}}/3")
    for a, b in tqdm(loader, leave=False):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(a), b)
        loss.backward()
        optimizer.step()
    print(f"train loss: 0.1{{epoch}}")
    print(f"valid loss: 0.2{{epoch}} / accuracy: 9{{epoch}}.50 %  (took 1.2 s)")
print("Test accuracy: 0.93")
"""


PRINTED = {"train_loss", "valid_loss", "accuracy", "test_accuracy"}


@pytest.mark.usefixtures("everything")
def test_printed_metrics_of_a_script_are_on_their_epochs(tmp_path: Path, store: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(store=str(store)))
    subprocess.run([sys.executable, "train.py"], check=True, capture_output=True)
    (folder,) = (journal.parent for journal in store.glob("*/*/journal"))
    wait_until(lambda: "test_accuracy" in recorded_run.summarise(folder).metrics)
    summary = recorded_run.summarise(folder)
    assert {name for name, metric in summary.metrics.items() if metric.source == "printed"} == PRINTED
    for epoch, row in enumerate(summary.epochs):
        assert row["train_loss"] == pytest.approx(0.1 + epoch / 100)
        assert row["valid_loss"] == pytest.approx(0.2 + epoch / 100)
        assert row["accuracy"] == pytest.approx(90.5 + epoch)
    assert len(summary.epochs) == 3
    assert summary.metrics["test_accuracy"].last.epoch is None
    assert summary.metrics["loss"].source is None
    wait_until(lambda: "printed/test_accuracy" in scalars(folder))
    assert [step for step, _ in scalars(folder)["printed/train_loss"]] == [3, 7, 11]
    command = [sys.executable, "-m", "autotrack", "show", "--store", str(store)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert {line.split()[0] for line in shown.splitlines() if line.endswith("printed")} == PRINTED
