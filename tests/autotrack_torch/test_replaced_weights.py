"""The weights of a checkpoint are put into a pickled module as bytes: neither file is executed."""

import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from autotrack.errors import ModelLoadError
from autotrack.integrations import KeptModel
from autotrack_torch.replaced_weights import replace_weights


class Planted:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("executed",)


def net(**attributes: object) -> Any:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            picture: Any = torch.nn.Conv2d(2, 3, 2)
            self.picture = picture.to(memory_format=torch.channels_last)
            self.norm = torch.nn.BatchNorm1d(3)
            self.first = self.last = torch.nn.Linear(4, 3)
            self.brief = torch.nn.Parameter(torch.randn(2, 3).to(torch.bfloat16))
            self.register_buffer("passing", torch.randn(3), persistent=False)
            self.register_buffer("single", torch.randn(()))

    model = Net()
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def put(model: Any, saved: Any, folder: Path, *, name: str = "best.pt", save: Callable[..., Any] = torch.save) -> Path:
    torch.save(model, folder / "model.pth", pickle_module=cloudpickle)
    save(saved, folder / name)
    replace_weights(KeptModel(folder / name, folder / name), folder / "model.pth", folder / "made.pth")
    return folder / "made.pth"


@pytest.mark.parametrize("kind", ["state", "nested", "wrapped", "whole", "safetensors"])
def test_the_module_has_the_weights_of_the_checkpoint(tmp_path: Path, kind: str) -> None:
    model, best = net(), net()
    state: dict[str, torch.Tensor] = best.state_dict()
    alone = {name: one.contiguous() for name, one in state.items() if not name.startswith(("last.", "picture."))}
    if kind == "safetensors":  # which has one name for a layer that has two, and no other order of the bytes
        best.picture = model.picture = torch.nn.Identity()
        made = put(model, alone, tmp_path, name="best.safetensors", save=save_file)
        state = best.state_dict()
    else:
        saved = {
            "state": state,
            "nested": {"epoch": 3, "model": state, "optimizer": torch.optim.Adam(best.parameters()).state_dict()},
            "wrapped": {f"module.{name}": one for name, one in state.items()},
            "whole": best,
        }[kind]
        save = torch.save if kind != "whole" else lambda one, path: torch.save(one, path, pickle_module=cloudpickle)
        made = put(model, saved, tmp_path, save=save)
    loaded = torch.load(made, weights_only=False)
    assert all(torch.equal(one, loaded.state_dict()[name]) for name, one in state.items())
    assert torch.equal(loaded.passing, model.passing)
    assert loaded.first is loaded.last
    assert type(torch.load(made, weights_only=False, mmap=True)).__name__ == "Net"


def test_nothing_in_either_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    best = net()
    put(net(planted=Planted()), {"state": best.state_dict(), "planted": Planted()}, tmp_path)
    assert not Path("executed").exists()
    loaded = torch.load("made.pth", weights_only=False)
    assert Path("executed").exists()
    assert torch.equal(loaded.brief, best.brief)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: torch.zeros(2), "other shapes or types"),
        (lambda one: one.double(), "other shapes or types"),
        (lambda one: one[..., None], "other shapes or types"),
        (lambda one: one.to_sparse(), "other weights"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, change: Callable[[Any], Any], reason: str) -> None:
    saved = {name: change(one) for name, one in net().state_dict().items()}
    with pytest.raises(ModelLoadError, match=reason):
        put(net(), saved, tmp_path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    put(net(), net().state_dict(), folder)
    return folder


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(["model.pth", "best.pt"]), place=st.floats(0, 1), byte=st.binary(min_size=1, max_size=9))
def test_damage_is_an_error_that_says_so(files: Path, name: str, place: float, byte: bytes) -> None:
    paths = {one: files / one for one in ("model.pth", "best.pt")}
    with zipfile.ZipFile(paths[name]) as archive:
        parts = {one: archive.read(one) for one in archive.namelist()}
    pickled = next(one for one in parts if one.endswith("data.pkl"))
    at = int(place * len(parts[pickled]))
    parts[pickled] = parts[pickled][:at] + byte + parts[pickled][at + len(byte) :]
    paths[name] = files / f"damaged-{name}"
    with zipfile.ZipFile(paths[name], "w") as archive:
        for one, content in parts.items():
            archive.writestr(one, content)
    with suppress(ModelLoadError):
        replace_weights(KeptModel(paths["best.pt"], paths["best.pt"]), paths["model.pth"], files / "out.pth")
