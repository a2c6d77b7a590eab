"""What a script gets from click, absl, Fire, tyro and others is recorded, without a line about it in the script."""

import importlib
import inspect
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import autotrack
from tests.support.recorded_scripts import Recorded, run_recorded

Script = Callable[..., Recorded]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Run code as a script with these words on its command line; `train` in it is a training."""
    return partial(run_recorded, tmp_path)


def test_click(script: Script) -> None:
    found = script(
        """
        import click

        @click.group()
        @click.option("--seed", type=int, default=1)
        def main(seed): ...

        @main.command()
        @click.option("--lr", type=float, default="0.1")
        @click.option("--epochs", type=int, default=3, envvar="EPOCHS")
        @click.option("--login", "-l", prompt=False, hide_input=True)
        @click.argument("data", type=click.Path())
        def fit(lr, epochs, login, data):
            train()

        main()
        """,
        "fit", "--lr", "0.3", "-l", "ab12-cd34", "d.csv", EPOCHS="5",
    )  # fmt: skip
    values, given, defaults = found.of("click")
    assert values == {"seed": 1, "lr": 0.3, "epochs": 5, "login": "[redacted]", "data": "d.csv"}
    assert sorted(given) == ["data", "epochs", "login", "lr"]
    assert defaults == {"lr": 0.1, "epochs": 3, "login": None, "data": None}
    assert "ab12-cd34" not in " ".join(found.runs[0].argv)


def test_typer(script: Script) -> None:
    found = script(
        """
        import enum, typer
        from pathlib import Path

        class Mode(str, enum.Enum):
            fast = "fast"
            slow = "slow"

        def main(data: Path, lr: float = 0.1, epochs: int = 3, mode: Mode = Mode.slow):
            train()

        typer.run(main)
        """,
        "d.csv", "--lr", "0.3", "--mode", "fast",
    )  # fmt: skip
    values, given, defaults = found.of("typer")
    assert values == {"data": "d.csv", "lr": 0.3, "epochs": 3, "mode": "fast"}
    assert sorted(given) == ["data", "lr", "mode"]
    assert (defaults["lr"], defaults["mode"]) == (0.1, "slow")


def test_absl(script: Script) -> None:
    found = script(
        """
        from absl import app, flags

        flags.DEFINE_float("lr", 0.1, "rate")
        flags.DEFINE_integer("epochs", 3, "epochs")
        flags.DEFINE_bool("amp", True, "mixed precision")

        app.run(lambda _: train())
        """,
        "--lr=0.3", "--noamp", "--verbosity=1",
    )  # fmt: skip
    values, given, defaults = found.of("absl")
    assert values == {"lr": 0.3, "epochs": 3, "amp": False, "verbosity": 1}
    assert sorted(given) == ["amp", "lr", "verbosity"]
    assert (defaults["lr"], defaults["amp"]) == (0.1, True)


def test_fire(script: Script) -> None:
    found = script(
        """
        import fire

        class Trainer:
            def __init__(self, width=8):
                self.width = width

            def fit(self, data, lr=0.1, *more, epochs=3):
                train()

        fire.Fire(Trainer)
        """,
        "--width=16", "fit", "d.csv", "--epochs=5",
    )  # fmt: skip
    values, given, defaults = found.of("fire")
    assert values == {"width": 16, "data": "d.csv", "lr": 0.1, "epochs": 5, "more": []}
    assert sorted(given) == ["data", "epochs", "width"]
    assert defaults == {"width": 8, "epochs": 3}


def test_tyro(script: Script) -> None:
    found = script(
        """
        import dataclasses, tyro

        @dataclasses.dataclass
        class Optimizer:
            lr: float = 0.1
            name: str = "sgd"

        @dataclasses.dataclass
        class Config:
            optimizer: Optimizer
            epochs: int = 3

        config = tyro.cli(Config, args=["--optimizer.lr", "0.3"])
        train()

        def main(config: Config, seed: int = 1):
            train()

        tyro.cli(main)
        """,
        "--config.epochs", "5", "--config.optimizer.name", "sgd",
    )  # fmt: skip
    first = found.runs[0]
    assert first.params_by_source == {"tyro": {"optimizer.lr": 0.3, "optimizer.name": "sgd", "epochs": 3}}
    assert (first.params_given["tyro"], first.params_defaults["tyro"]) == (["optimizer.lr"], {"optimizer.lr": 0.1})
    values, given, _ = found.of("tyro")
    assert (values["config.epochs"], values["seed"]) == (5, 1)
    assert {"config.epochs", "config.optimizer.name"} <= set(given)
    assert "seed" not in given


def test_choices_among_subcommands_of_tyro(script: Script) -> None:
    found = script(
        """
        import dataclasses, tyro

        @dataclasses.dataclass
        class Adam:
            lr: float = 0.001

        @dataclasses.dataclass
        class Sgd:
            lr: float = 0.1
            nesterov: bool = False

        @dataclasses.dataclass
        class Config:
            optimizer: Adam | Sgd = dataclasses.field(default_factory=Adam)
            amp: bool = False

        tyro.cli(Config)
        train()
        """,
        "optimizer:sgd", "--optimizer.lr", "0.3",
    )  # fmt: skip
    values, given, defaults = found.of("tyro")
    assert values == {"optimizer": "sgd", "optimizer.lr": 0.3, "optimizer.nesterov": False, "amp": False}
    assert sorted(given) == ["optimizer", "optimizer.lr"]
    assert defaults == {"optimizer": "adam", "optimizer.lr": 0.1}


def test_simple_parsing(script: Script) -> None:
    found = script(
        """
        import dataclasses, simple_parsing

        @dataclasses.dataclass
        class Config:
            lr: float = 0.1
            epochs: int = 3

        parser = simple_parsing.ArgumentParser()
        parser.add_arguments(Config, dest="config")
        parser.add_argument("--seed", type=int, default=1)
        parser.parse_args()
        train()
        """,
        "--lr", "0.3",
    )  # fmt: skip
    values, given, defaults = found.of("simple-parsing")
    assert values == {"config.lr": 0.3, "config.epochs": 3, "seed": 1}
    assert (given, defaults) == (["config.lr"], {"config.lr": 0.1})


def test_pydantic_settings(script: Script) -> None:
    found = script(
        """
        from pydantic import BaseModel, SecretStr
        from pydantic_settings import BaseSettings, SettingsConfigDict

        class Optimizer(BaseModel):
            lr: float = 0.1
            name: str = "sgd"

        class Settings(BaseSettings):
            model_config = SettingsConfigDict(cli_parse_args=True, env_nested_delimiter="__")
            optimizer: Optimizer = Optimizer()
            epochs: int = 3
            seed: int = 1
            login: SecretStr = SecretStr("")

        Settings()
        train()
        """,
        "--epochs", "5", OPTIMIZER__LR="0.3", LOGIN="hunter2",
    )  # fmt: skip
    values, given, defaults = found.of("pydantic-settings")
    assert (values["optimizer.lr"], values["optimizer.name"], values["epochs"], values["seed"]) == (0.3, "sgd", 5, 1)
    assert sorted(given) == ["epochs", "login", "optimizer.lr"]
    assert (defaults["optimizer.lr"], defaults["epochs"]) == (0.1, 3)
    assert "hunter2" not in json.dumps(found.runs[0].params)


def test_jsonargparse(script: Script, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("epochs: 5\n")
    found = script(
        """
        from dataclasses import dataclass
        from jsonargparse import ArgumentParser

        @dataclass
        class Optimizer:
            lr: float = 0.1
            name: str = "sgd"

        parser = ArgumentParser()
        parser.add_argument("--config", action="config")
        parser.add_argument("--epochs", type=int, default=3)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_class_arguments(Optimizer, "optimizer")
        parser.parse_args()
        train()
        """,
        "--config", "config.yaml", "--optimizer.lr", "0.3", "--seed", "1",
    )  # fmt: skip
    values, given, defaults = found.of("jsonargparse")
    assert values["config"] == ["config.yaml"]
    assert (values["epochs"], values["optimizer.lr"], values["optimizer.name"], values["seed"]) == (5, 0.3, "sgd", 1)
    assert sorted(given) == ["config", "epochs", "optimizer.lr", "seed"]
    assert (defaults["epochs"], defaults["optimizer.lr"]) == (3, 0.1)


HYDRA = """
import hydra
from omegaconf import OmegaConf

drawn = []
OmegaConf.register_new_resolver("draw", lambda: drawn.append(1) or len(drawn))

@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    train()
    print("drawn", cfg.drawn)

main()
"""


@pytest.fixture
def configs(tmp_path: Path) -> None:
    """A config of Hydra with a group."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "small.yaml").write_text("width: 8\ndepth: ${depth}\n")
    (tmp_path / "model" / "large.yaml").write_text("width: 64\ndepth: ${depth}\n")
    (tmp_path / "config.yaml").write_text(
        "defaults: [model: small, _self_]\nlr: 0.1\ndepth: 2\ndrawn: ${draw:}\nname: m-${model.width}\n"
    )


@pytest.mark.usefixtures("configs")
def test_hydra(script: Script) -> None:
    found = script(HYDRA, "lr=0.3", "model=large", "+extra.a=1", "+again=${draw:}")
    values, given, _ = found.of("hydra")
    assert values == {
        "lr": 0.3, "depth": 2, "drawn": "${draw:}", "name": "m-64", "model.width": 64, "model.depth": 2, "extra.a": 1,
        "again": "${draw:}",
    }  # fmt: skip
    assert sorted(given) == ["again", "extra.a", "lr", "model.depth", "model.width"]
    assert found.of("hydra.choices") == ({"model": "large"}, ["model"], {})
    assert found.printed[-1] == "drawn 1", "the resolver was not called for the record"


@pytest.mark.usefixtures("configs")
def test_a_config_that_a_script_composes_by_itself(script: Script) -> None:
    found = script(
        """
        import hydra
        with hydra.initialize(version_base=None, config_path="."):
            hydra.compose("config", overrides=["lr=0.3", "name=${draw:}"])
        train()
        """
    )
    values, given, _ = found.of("hydra")
    assert (values["lr"], values["name"], values["model.width"]) == (0.3, "${draw:}", 8)
    assert sorted(given) == ["lr", "name"]


@pytest.mark.usefixtures("configs")
def test_each_job_of_a_multirun_of_hydra_has_its_own_config(script: Script) -> None:
    found = script(HYDRA, "--multirun", "lr=0.2,0.3", "hydra/launcher=basic")
    assert [run.params["lr"] for run in found.runs] == [0.2, 0.3]
    assert all(run.params_given["hydra"] == ["lr"] for run in found.runs)


def test_omegaconf(script: Script) -> None:
    found = script(
        """
        from omegaconf import OmegaConf

        base = OmegaConf.create({"lr": 0.1, "model": {"width": 8}, "copy": "${model.width}"})
        config = OmegaConf.merge(base, OmegaConf.from_cli())
        train()
        """,
        "lr=0.3", "model.depth=2",
    )  # fmt: skip
    values, given, defaults = found.of("omegaconf")
    assert values == {"lr": 0.3, "model.width": 8, "model.depth": 2, "copy": 8}
    assert (sorted(given), defaults) == (["lr", "model.depth"], {"lr": 0.1})


PATCHED = [
    ("click.core", "Command", "invoke"),
    ("typer._click.core", "Command", "invoke"),
    ("absl.flags._flagvalues", "FlagValues", "__call__"),
    ("fire.core", "", "_ParseArgs"),
    ("tyro._calling", "", "callable_with_args"),
    ("pydantic_settings.main", "BaseSettings", "__init__"),
    ("jsonargparse._core", "ArgumentParser", "parse_args"),
    ("omegaconf.omegaconf", "OmegaConf", "merge"),
    ("hydra.core.hydra_config", "HydraConfig", "set_config"),
    ("simple_parsing.parsing", "ArgumentParser", "parse_known_args"),
]


def test_hooks_keep_names_and_signatures_and_are_taken_off(store: Path) -> None:
    owners = [(getattr(module, owner) if owner else module, name) for module, owner, name in
              ((importlib.import_module(module), owner, name) for module, owner, name in PATCHED)]  # fmt: skip
    before = [(inspect.getattr_static(owner, name), getattr(owner, name)) for owner, name in owners]
    autotrack.autolog(to=str(store))
    for (owner, name), (static, original) in zip(owners, before, strict=True):
        patched = getattr(owner, name)
        assert inspect.getattr_static(owner, name) is not static
        assert inspect.signature(patched) == inspect.signature(original)
        assert (patched.__name__, patched.__doc__) == (original.__name__, original.__doc__)
    autotrack.autolog(disable=True)
    assert [inspect.getattr_static(owner, name) for owner, name in owners] == [static for static, _ in before]
