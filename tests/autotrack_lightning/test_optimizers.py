"""Recorded params of optimizers and schedulers are those that the script has given."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack_lightning import AutotrackCallback
from tests.autotrack_lightning.conftest import GENERATED, PACKAGES
from tests.support.lightning_modules import make_loader, module_class

pytestmark = pytest.mark.usefixtures("autolog")


OPTIMIZERS = st.one_of(
    st.tuples(
        st.just("SGD"),
        st.fixed_dictionaries(
            {"lr": st.floats(1e-4, 1)},
            optional={"momentum": st.floats(0, 0.9), "weight_decay": st.floats(0, 0.1), "maximize": st.booleans()},
        ),
    ),
    st.tuples(
        st.sampled_from(["Adam", "AdamW", "NAdam", "RAdam"]),
        st.fixed_dictionaries(
            {"lr": st.floats(1e-4, 1)},
            optional={
                "betas": st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
                "eps": st.floats(1e-9, 1e-3),
                "weight_decay": st.floats(0, 0.1),
            },
        ),
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
@GENERATED
@given(chosen=st.lists(OPTIMIZERS, min_size=1, max_size=3), groups=st.integers(1, 2))
def test_optimizer_settings_equal_those_in_force(
    package: str, chosen: list[tuple[str, dict[str, Any]]], groups: int
) -> None:
    """Over generated optimizers and param groups, several at once: nothing is missing and nothing is guessed."""
    pl = pytest.importorskip(package)

    class Generated(module_class(pl)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch: Any, batch_idx: int) -> None:
            self.log("loss", self.loss(batch))

        def configure_optimizers(self) -> Any:
            parts = [self.layer.parameters(), self.head.parameters()][:groups]
            held = [{"params": list(part)} for part in parts]
            return [getattr(torch.optim, name)([dict(group) for group in held], **given) for name, given in chosen]

    trainer = pl.Trainer(
        max_epochs=1, logger=False, enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False
    )
    trainer.fit(Generated(), make_loader(samples=4))
    by_source = autotrack.runs("runs")[0].params_by_source
    for index, (optimizer, (name, options)) in enumerate(zip(trainer.optimizers, chosen, strict=True)):
        source = f"optimizer{index}" if index else "optimizer"
        recorded = by_source[source]
        assert recorded[source] == name
        for number, group in enumerate(optimizer.param_groups):
            prefix = (f"{source}." if index else "") + (f"group{number}." if number else "")
            for key, value in group.items():
                if key != "params":
                    assert recorded[f"{prefix}{key}"] == (list(value) if isinstance(value, tuple) else value)
            for key, value in options.items():
                assert recorded[f"{prefix}{key}"] == (list(value) if isinstance(value, tuple) else value)


def test_schedulers_with_their_settings(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Scheduled(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.8)
            schedulers = torch.optim.lr_scheduler
            return [optimizer], [
                {"scheduler": schedulers.CosineAnnealingLR(optimizer, T_max=7, eta_min=0.1), "interval": "step"},
                {
                    "scheduler": schedulers.ReduceLROnPlateau(optimizer, factor=0.3, patience=4),
                    "monitor": "loss",
                    "frequency": 2,
                },
            ]

    trainer(max_epochs=1).fit(Scheduled(), loader())
    by_source = recorded().params_by_source
    assert by_source["scheduler"]["scheduler"] == "CosineAnnealingLR"
    assert by_source["scheduler"]["scheduler.T_max"] == 7
    assert by_source["scheduler"]["scheduler.eta_min"] == 0.1
    assert by_source["scheduler"]["scheduler.interval"] == "step"
    assert by_source["scheduler1"]["scheduler1"] == "ReduceLROnPlateau"
    assert by_source["scheduler1"]["scheduler1.factor"] == 0.3
    assert by_source["scheduler1"]["scheduler1.patience"] == 4
    assert (by_source["scheduler1"]["scheduler1.monitor"], by_source["scheduler1"]["scheduler1.frequency"]) == (
        "loss",
        2,
    )


def one_cycle(optimizer: Any) -> Any:
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=40, pct_start=0.25, div_factor=10)


def warm_up_and_decay(optimizer: Any) -> Any:
    schedulers = torch.optim.lr_scheduler
    parts = [schedulers.LinearLR(optimizer, start_factor=0.25), schedulers.CosineAnnealingLR(optimizer, T_max=7)]
    return schedulers.SequentialLR(optimizer, parts, milestones=[3])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (one_cycle, {"": "OneCycleLR", ".max_lr": 0.5, ".total_steps": 40, ".pct_start": 0.25, ".div_factor": 10}),
        (
            warm_up_and_decay,
            {
                "": "SequentialLR",
                ".milestones": [3],
                ".0": "LinearLR",
                ".0.start_factor": 0.25,
                ".1": "CosineAnnealingLR",
                ".1.T_max": 7,
            },
        ),
    ],
)
@pytest.mark.parametrize("how", ["autolog", "callback"])
def test_schedulers_that_do_not_keep_their_arguments(
    how: str, make: Any, expected: dict[str, Any], trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Scheduled(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.8, momentum=0.7)
            return [optimizer], [{"scheduler": make(optimizer), "interval": "step"}]

    if how == "callback":
        autotrack.autolog(disable=True)
    before = torch.optim.lr_scheduler.LRScheduler.__init__
    callbacks = [AutotrackCallback(to="runs", experiment="tests")] if how == "callback" else []
    trainer(max_epochs=1, callbacks=callbacks).fit(Scheduled(), loader())
    found = recorded().params_by_source
    assert {f"scheduler{name}": value for name, value in expected.items()}.items() <= found["scheduler"].items()
    assert found["optimizer"]["momentum"] == 0.7
    assert torch.optim.lr_scheduler.LRScheduler.__init__ is before


def test_a_resumed_training_has_the_settings_of_the_script_not_the_state_of_its_scheduler(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Cycled(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.AdamW(self.parameters(), lr=0.1, betas=(0.8, 0.99))
            scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=40)
            return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    saving = pl.callbacks.ModelCheckpoint(dirpath="kept", save_last=True)
    with pytest.raises(LookupError):
        trainer(max_epochs=3, callbacks=[saving]).fit(Cycled(fail_at=7), loader(), loader())
    before = recorded().params
    trainer(max_epochs=3).fit(Cycled(), loader(), loader(), ckpt_path="kept/last.ckpt")
    after = recorded().params_by_source["optimizer"]
    assert (after["betas"], after["lr"]) == ([0.8, 0.99], before["optimizer.lr"])
    assert not [name for name in recorded().params if name.startswith("optimizer.") and "betas" in name]


def test_the_learning_rate_is_the_one_given_not_the_one_a_warm_up_starts_with(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class WarmedUp(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.8)
            return [optimizer], [torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01)]

    trainer(max_epochs=1).fit(WarmedUp(), loader())
    assert recorded().params_by_source["optimizer"]["lr"] == 0.8
