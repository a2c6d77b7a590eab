"""Arguments of modules made while autolog was off are read off the module."""

import copy
import pickle
from typing import Any

import torch

import autotrack
from autotrack_lightning import AutotrackCallback
from autotrack_lightning.arguments import arguments_of


def test_without_autolog_attributes_with_the_names_of_arguments_are_taken(net: Any) -> None:
    assert arguments_of(net(lr=0.3)) == {"lr": 0.3, "fail_at": None}


def test_with_the_callback_alone_they_are_recorded(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer(fast_dev_run=True, callbacks=[AutotrackCallback(experiment="tests")]).fit(net(lr=0.3), loader())
    assert recorded().params_by_source["model.init"]["lr"] == 0.3


def test_a_copied_module_is_read_as_it_is_now(autolog: None, net: Any) -> None:
    module = net(width=2, lr=0.3)
    assert arguments_of(module)["width"] == 2
    twin = copy.deepcopy(module)
    twin.lr = 0.7
    assert arguments_of(twin)["lr"] == 0.7


def test_big_arguments_are_not_kept_alive(autolog: None, net: Any) -> None:
    class Wrapping(net):  # type: ignore[misc]
        def __init__(self, backbone: torch.nn.Module) -> None:
            super().__init__()

    module = Wrapping(torch.nn.Linear(2, 2))
    assert arguments_of(module) == {"backbone": "torch.nn.modules.linear.Linear"}


def test_the_patched_init_is_pickled_by_name(autolog: None, pl: Any) -> None:
    init = pl.LightningModule.__init__
    assert pickle.loads(pickle.dumps(init)) is init
    autotrack.autolog(disable=True)
    assert pl.LightningModule.__init__ is not init
