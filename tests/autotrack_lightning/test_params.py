"""Recorded params are the values that were really used."""

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from tests.autotrack_lightning.conftest import GENERATED, PACKAGES
from tests.support.configs import Magic
from tests.support.lightning_modules import make_loader, module_class

pytestmark = pytest.mark.usefixtures("autolog")

TRAINER_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "max_epochs": st.integers(1, 3),
        "max_steps": st.integers(1, 9),
        "accumulate_grad_batches": st.integers(1, 3),
        "gradient_clip_val": st.floats(0.01, 10),
        "val_check_interval": st.sampled_from([0.5, 1.0, 2]),
        "check_val_every_n_epoch": st.integers(1, 3),
        "limit_train_batches": st.sampled_from([0.5, 1.0, 2]),
        "limit_val_batches": st.sampled_from([0.5, 1.0, 2]),
        "num_sanity_val_steps": st.integers(0, 2),
        "log_every_n_steps": st.integers(1, 5),
        "precision": st.sampled_from(["32-true", "bf16-mixed", "64-true"]),
    },
)


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
@GENERATED
@given(options=TRAINER_OPTIONS)
def test_trainer_settings_equal_those_in_force(package: str, options: dict[str, Any]) -> None:
    """Over generated configurations: every recorded setting is what the trainer itself says it works with."""
    pl = pytest.importorskip(package)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = pl.Trainer(**quiet, enable_checkpointing=False, **{"max_epochs": 1, **options})
    trainer.fit(module_class(pl)(), make_loader(), make_loader())
    recorded = autotrack.runs("runs")[0].params_by_source["trainer"]
    for name in recorded.keys() - {"devices", "accelerator", "strategy"}:
        assert recorded[name] == getattr(trainer, name), name
    for name, value in options.items():
        assert recorded[name] == value
    assert (recorded["devices"], recorded["accelerator"], recorded["strategy"]) == (1, "cpu", "single_device")


def test_hyperparameters_that_were_saved(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Saved(net):  # type: ignore[misc]
        def __init__(self, depth: int, nested: dict[str, Any], **rest: Any) -> None:
            super().__init__()
            self.save_hyperparameters()

    trainer(fast_dev_run=True).fit(Saved(3, {"a": {"b": 1}, "c": [1, 2]}, extra="x"), loader())
    hparams = recorded().params_by_source["model.hparams"]
    assert hparams == {"depth": 3, "nested.a.b": 1, "nested.c": [1, 2], "extra": "x"}


def test_arguments_that_were_never_saved(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Unsaved(net):  # type: ignore[misc]
        def __init__(self, depth: int, *layers: int, activation: type = torch.nn.ReLU, **rest: Any) -> None:
            super().__init__(width=2 * depth)

    trainer(fast_dev_run=True).fit(Unsaved(3, 5, 7, dropout=0.1), loader())
    assert recorded().params_by_source["model.init"] == {
        "depth": 3,
        "layers": [5, 7],
        "activation": "torch.nn.modules.activation.ReLU",
        "dropout": 0.1,
    }


def test_arguments_of_a_data_module(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Data(pl.LightningDataModule):  # type: ignore[misc]
        def __init__(self, fold: int = 2, folder: str = "data") -> None:
            super().__init__()

        def train_dataloader(self) -> Any:
            return loader()

    trainer(fast_dev_run=True).fit(net(), datamodule=Data(fold=4))
    assert recorded().params_by_source["datamodule.init"] == {"fold": 4, "folder": "data"}


def test_a_second_different_value_is_kept_under_its_source(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Scaled(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.lr * 2)

    trainer(fast_dev_run=True).fit(Scaled(lr=0.1), loader())
    params = recorded().params
    assert (params["lr"], params["optimizer.lr"]) == (0.1, 0.2)


def test_limits_are_those_of_the_script_also_where_a_callback_changes_them(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    averaging = pl.callbacks.StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=1)
    trainer(max_epochs=3, callbacks=[averaging]).fit(net(), loader())
    assert recorded().params["max_epochs"] == 3


def test_objects_that_cannot_be_read_cost_themselves_only(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Odd(net):  # type: ignore[misc]
        def __init__(self, config: Any, width: int = 5) -> None:
            super().__init__(width=width)

    class Own(pl.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, config: Any, threshold: float) -> None:
            self.config, self.threshold = config, threshold

    @dataclass
    class Data(pl.LightningDataModule):  # type: ignore[misc]
        """One that has no hash."""

        fold: int = 2

        def __post_init__(self) -> None:
            super().__init__()

        def train_dataloader(self) -> Any:
            return loader()

    trainer(callbacks=[Own(Magic(a=1), 0.5)]).fit(Odd(Magic(a=1), width=6), datamodule=Data(fold=4))
    run = recorded()
    assert run.params_by_source["model.init"]["width"] == 6
    assert run.params_by_source["datamodule.init"] == {"fold": 4}
    assert run.params_by_source["callbacks"]["Own.threshold"] == 0.5
    assert run.params["max_epochs"] == 2
    assert [data.role for data in run.datasets] == ["train"]
    assert not run.notices


@pytest.mark.parametrize("mode", ["min", "max"])
def test_callbacks_with_the_settings_they_were_given(
    mode: str, pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Own(pl.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, threshold: float) -> None:
            self.threshold = threshold

    callbacks = [
        pl.callbacks.EarlyStopping("val_loss", min_delta=0.25, patience=7, mode=mode),
        pl.callbacks.EarlyStopping("loss", min_delta=0.0, patience=8),
        pl.callbacks.ModelCheckpoint(
            dirpath="kept", monitor="val_loss", save_top_k=2, train_time_interval=timedelta(minutes=5)
        ),
        Own(0.5),
    ]
    trainer(max_epochs=1, callbacks=callbacks).fit(net(), loader(), loader())
    recorded_params = recorded().params_by_source["callbacks"]
    expected = {
        "EarlyStopping.monitor": "val_loss",
        "EarlyStopping.min_delta": 0.25,
        "EarlyStopping.patience": 7,
        "EarlyStopping.mode": mode,
        "EarlyStopping-1.monitor": "loss",
        "EarlyStopping-1.patience": 8,
        "ModelCheckpoint.save_top_k": 2,
        "ModelCheckpoint.train_time_interval": 300.0,
        "Own.threshold": 0.5,
    }
    assert expected.items() <= recorded_params.items()


def test_data_loaders_by_role(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    training = loader(samples=22, batch_size=4, shuffle=True, drop_last=True)
    trainer(max_epochs=1).fit(net(), training, [loader(batch_size=2), loader(batch_size=5)])
    by_source = recorded().params_by_source
    assert by_source["data.train"].items() >= {
        "batch_size": 4,
        "num_workers": 0,
        "sampler": "RandomSampler",
        "shuffle": True,
        "drop_last": True,
        "num_samples": 22,
        "num_batches": 5,
        "dataset": "TensorDataset",
    }.items()  # fmt: skip
    assert by_source["data.validate.0"]["batch_size"] == 2
    assert by_source["data.validate.1"]["batch_size"] == 5


def test_a_stream_has_no_length(trainer: Any, net: Any, recorded: Any) -> None:
    class Stream(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            return iter(torch.ones(6, 4))

    loader = torch.utils.data.DataLoader(Stream(), batch_size=2, collate_fn=lambda rows: [torch.stack(rows)])
    trainer(max_epochs=1).fit(net(), loader)
    data = recorded().params_by_source["data.train"]
    assert (data["batch_size"], data["num_samples"], data["num_batches"]) == (2, None, None)


def test_seed_and_determinism(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    pl.seed_everything(2**32 - 5, workers=True, verbose=False)
    try:
        trainer(fast_dev_run=True).fit(net(), loader())
    finally:
        os.environ.pop("PL_GLOBAL_SEED", None)
        os.environ.pop("PL_SEED_WORKERS", None)
    seed = recorded().params_by_source["seed"]
    assert (seed["seed"], seed["seed_workers"], seed["torch_seed"]) == (2**32 - 5, True, 2**32 - 5)
    assert seed["deterministic"] is False


def test_a_seed_of_64_bits_is_kept_exactly(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    torch.manual_seed(2**64 - 3)
    trainer(fast_dev_run=True).fit(net(), loader())
    assert recorded().params_by_source["seed"]["torch_seed"] == 2**64 - 3


def test_size_of_the_model_and_its_summary(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    module = net(width=3)
    module.layer.weight.requires_grad = False
    trainer(fast_dev_run=True).fit(module, loader())
    run = recorded()
    assert run.params_by_source["model"]["parameters"] == 3 * 4 + 3 + 3 + 1
    assert run.params_by_source["model"]["trainable_parameters"] == 3 + 3 + 1
    assert "Linear" in run.texts["model_summary"]
    assert "19" in run.texts["model_summary"]


def test_a_model_without_a_shape_yet_is_no_trouble(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Lazy(net):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.LazyLinear(4)

        def setup(self, stage: str) -> None:
            self.layer(torch.ones(1, 4))

    trainer(fast_dev_run=True).fit(Lazy(), loader())
    assert recorded().params_by_source["model"]["parameters"] == 25


def test_all_of_it_is_plain_json(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer(fast_dev_run=True).fit(net(), loader())
    assert json.loads(json.dumps(recorded().params)) == recorded().params
