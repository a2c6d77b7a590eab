"""The module of a kept checkpoint is made anew: from its class, its recorded arguments and its weights."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset

import autotrack
from autotrack.errors import ModelLoadError
from tests.support.foreign_runs import made_foreign

NET = """
import torch
from lightning.pytorch import LightningModule


class Net(LightningModule):
    def __init__(self, width: int, lr: float = 0.1) -> None:
        super().__init__()
        self.lr = lr
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.Linear(width, 1))

    def forward(self, x):
        return self.layers(x)

    def training_step(self, batch, batch_idx):
        loss = self(batch[0]).pow(2).mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of Python with a class, as a user has beside a script."""
    (tmp_path / "kept_nets.py").write_text(NET)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "kept_nets", raising=False)
    import kept_nets  # type: ignore[import-not-found]

    return kept_nets


def trained(module: LightningModule) -> autotrack.RecordedRun:
    loader = DataLoader(TensorDataset(torch.rand(8, 2)), batch_size=4)
    Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False).fit(
        module, loader
    )
    return autotrack.runs("runs")[0]


@pytest.mark.usefixtures("autolog")
def test_a_module_is_loaded_with_the_arguments_that_were_recorded(nets: ModuleType) -> None:
    module = nets.Net(width=5)  # it saves no hyperparameters: the checkpoint alone does not know the width
    run = trained(module)
    loaded = run.load_model()
    x = torch.rand(4, 2)
    assert type(loaded) is nets.Net
    assert torch.equal(loaded(x), module(x))
    assert run.checkpoint("last").suffix == ".ckpt"


@pytest.mark.usefixtures("autolog")
def test_a_class_that_is_not_imported_needs_trust_or_to_be_given(
    nets: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(nets.Net(width=2))
    monkeypatch.delitem(sys.modules, "kept_nets")
    with pytest.raises(ModelLoadError, match=r"kept_nets\.Net, which is not imported"):
        made_foreign(run).load_model()
    assert "kept_nets" not in sys.modules
    assert type(run.load_model(model_class=nets.Net)) is nets.Net
    assert type(run.load_model(trusted=True)).__module__ == "kept_nets"


@pytest.mark.usefixtures("autolog")
def test_a_class_of_the_script_has_to_be_given(nets: ModuleType) -> None:
    nets.Net.__module__ = "__main__"
    run = trained(nets.Net(width=2))
    with pytest.raises(ModelLoadError, match="give model_class=Net"):
        made_foreign(run).load_model()


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize("epochs", [3, 2])
def test_it_is_said_that_the_weights_are_averages_unless_it_did_not_come_to_that(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any, epochs: int
) -> None:
    averaging = pl.callbacks.StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=2)
    steps = epochs * len(loader())
    trainer(max_epochs=3, max_steps=steps, callbacks=[averaging]).fit(net(), loader())
    [model] = recorded().summary.models
    averages, last = ("restored", None, None), ("last", steps - 1, 1)
    assert (model.weights, model.step, model.epoch) == (averages if epochs == 3 else last)


@pytest.mark.usefixtures("autolog")
def test_exponential_averages_are_averages_as_well(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    averaging = getattr(pl.callbacks, "EMAWeightAveraging", None)
    if averaging is None:
        pytest.skip("this Lightning has none")
    trainer(callbacks=[averaging(decay=0.5)]).fit(net(), loader())
    assert [model.weights for model in recorded().summary.models] == ["restored"]
