"""A kept module is exported on demand: what comes out predicts the same, for any number of rows, without its class."""

from pathlib import Path
from typing import Any

import pytest
import torch

import autotrack
from autotrack.errors import ModelLoadError, UntrustedModelError
from autotrack.models.export import export_model, export_version
from autotrack.models.registry import Registry
from tests.support.foreign_runs import made_foreign


class Halves(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.layer(left) + self.layer(right)  # type: ignore[no-any-return]


def train(*, calls_whole: bool = True) -> tuple[Any, Halves]:
    autotrack.autolog(to="runs", experiment="tests", frameworks="torch")
    model = Halves()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with autotrack.start_run() as run:
        for _ in range(3):
            x = torch.rand(4, 2)
            (model(x, right=x) if calls_whole else model.layer(x)).pow(2).mean().backward()
            optimizer.step()
    return autotrack.load(run.folder), model


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_it_predicts_the_same_for_any_number_of_rows(tmp_path: Path) -> None:
    run, model = train()
    with pytest.raises(UntrustedModelError):
        export_model(made_foreign(run), "torchscript", tmp_path / "refused.pt")
    assert not (tmp_path / "refused.pt").exists()
    x = torch.rand(7, 2)
    program = torch.export.load(export_model(run, "pt2", tmp_path / "model.pt2", trusted=True)).module()
    assert torch.equal(program(left=x, right=x), model(x, x))
    load_scripted: Any = torch.jit.load
    scripted = load_scripted(export_model(run, "torchscript", tmp_path / "model.pt", trusted=True))
    assert torch.equal(scripted(x, x), model(x, x))
    with pytest.raises(FileExistsError):
        export_model(run, "pt2", tmp_path / "model.pt2", trusted=True)


def test_a_module_whose_inputs_are_not_known_cannot_be_exported(tmp_path: Path) -> None:
    run, _ = train(calls_whole=False)
    with pytest.raises(ModelLoadError, match="says nothing of its inputs"):
        export_model(run, "pt2", tmp_path / "model.pt2", trusted=True)


def test_a_registered_version_is_exported_as_its_run_is(tmp_path: Path) -> None:
    run, model = train()
    run.register("halves")
    registry, x = Registry(run.folder.parent.parent), torch.rand(7, 2)
    version = registry.model("halves").versions[1]
    with pytest.raises(UntrustedModelError):
        export_version(registry, "halves", version, "pt2", tmp_path / "refused.pt2")
    path = export_version(registry, "halves", version, "pt2", tmp_path / "model.pt2", trusted=True)
    assert torch.equal(torch.export.load(path).module()(left=x, right=x), model(x, x))
