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
from autotrack_torch.files.replaced_weights import replace_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
]


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
        (lambda one: one.half(), "other shapes or types"),  # of `brief`, which has another range
        (lambda one: one.to_sparse(), "other weights"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, change: Callable[[Any], Any], reason: str) -> None:
    saved = {name: change(one) for name, one in net().state_dict().items()}
    with pytest.raises(ModelLoadError, match=reason):
        put(net(), saved, tmp_path)


@pytest.mark.parametrize(("saved", "kept"), [("float16", "float32"), ("bfloat16", "float32"), ("float32", "float64")])
def test_weights_that_were_saved_in_less_precision_are_those_of_the_module_as_they_are(
    tmp_path: Path, saved: str, kept: str
) -> None:
    model, state = torch.nn.Linear(3, 2).to(getattr(torch, kept)), torch.nn.Linear(3, 2).state_dict()
    brief = {name: one.to(getattr(torch, saved)) for name, one in state.items()}
    loaded = torch.load(put(model, brief, tmp_path), weights_only=False).state_dict()
    assert {name: one.dtype for name, one in loaded.items()} == dict.fromkeys(state, getattr(torch, kept))
    assert all(torch.equal(loaded[name], one.to(getattr(torch, kept))) for name, one in brief.items())


def test_weights_of_young_types_are_replaced(tmp_path: Path) -> None:
    def with_buffer(numbers: torch.Tensor) -> torch.nn.Module:
        module = torch.nn.Module()
        module.register_buffer("small", numbers)
        return module

    for dtype in (torch.float8_e4m3fn, torch.uint16):
        best, model = with_buffer(torch.arange(6.0).to(dtype)), with_buffer(torch.zeros(6).to(dtype))
        loaded = torch.load(put(model, best.state_dict(), tmp_path), weights_only=False)
        assert torch.equal(loaded.small.float(), torch.arange(6.0))


class Scripted(torch.nn.Module):
    """Has layers within layers, a layer with two names, buffers, and an attribute that is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
        self.first = self.last = torch.nn.Linear(3, 3)
        self.factor = torch.tensor(2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return something that depends on all of them."""
        made: torch.Tensor = self.last(self.first(self.inner(x)) * self.factor)
        return made


def saved_scripted(module: Any, path: Path) -> None:
    save: Any = torch.jit.save
    save(module, path)


def scripted(module: Any) -> Any:
    script: Any = torch.jit.script
    return script(module)


def put_scripted(model: Any, save: Callable[[Path], object], folder: Path) -> Any:
    saved_scripted(model, folder / "model.pth")
    save(folder / "best.pt")
    replace_weights(KeptModel(folder / "best.pt", folder / "best.pt"), folder / "model.pth", folder / "made.pth")
    load: Any = torch.jit.load
    return load(folder / "made.pth").eval()


@pytest.mark.parametrize("kind", ["state", "scripted", "nested"])
def test_a_scripted_module_has_the_weights_of_the_checkpoint(tmp_path: Path, kind: str) -> None:
    model, best = scripted(Scripted()), scripted(Scripted())
    best(torch.randn(5, 4))  # the averages of the normalization are weights as well
    saves: dict[str, Callable[[Path], object]] = {
        "state": lambda path: torch.save(best.state_dict(), path),
        "nested": lambda path: torch.save({"epoch": 3, "model": best.state_dict()}, path),
        "scripted": lambda path: saved_scripted(best, path),
    }
    made, data = put_scripted(model, saves[kind], tmp_path), torch.randn(6, 4)
    assert torch.equal(made(data), best.eval()(data))
    assert not torch.equal(made(data), model.eval()(data))


def test_a_module_has_the_weights_of_what_was_scripted_of_it_and_the_other_way_round(tmp_path: Path) -> None:
    model, best, data = Scripted(), Scripted().eval(), torch.randn(6, 4)
    loaded = torch.load(put(model, scripted(best), tmp_path, save=saved_scripted), weights_only=False).eval()
    assert torch.equal(loaded(data), best(data))
    made = put_scripted(scripted(Scripted()), lambda path: torch.save(best, path, pickle_module=cloudpickle), tmp_path)
    assert torch.equal(made(data), best(data))


def test_weights_of_another_scripted_module_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="other weights"):
        put_scripted(
            scripted(Scripted()), lambda path: saved_scripted(scripted(torch.nn.Linear(4, 3)), path), tmp_path
        )
    with pytest.raises(ModelLoadError, match="other shapes or types"):
        put_scripted(
            scripted(torch.nn.Linear(4, 2)),
            lambda path: saved_scripted(scripted(torch.nn.Linear(4, 3)), path),
            tmp_path,
        )


class OfRange(torch.nn.Module):
    """Stands for a quantized module: PyTorch packs such weights into objects that only it can read."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.register_buffer("small", torch.quantize_per_tensor(torch.ones(3), scale, 0, torch.qint8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the input, scaled."""
        return x * self.small.dequantize()  # type: ignore[operator]


def test_of_quantized_modules_only_what_is_whole_is_taken(tmp_path: Path) -> None:
    best = scripted(OfRange(0.3))
    made = put_scripted(scripted(OfRange(0.7)), lambda path: saved_scripted(best, path), tmp_path)
    assert torch.equal(made(torch.ones(3)), best(torch.ones(3)))
    with pytest.raises(ModelLoadError, match="unusual kind"):
        put(OfRange(0.7), best.state_dict(), tmp_path)
    with pytest.raises(ModelLoadError, match="unusual kind"):
        put_scripted(scripted(OfRange(0.7)), lambda path: torch.save(best.state_dict(), path), tmp_path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    put(net(), net().state_dict(), folder)
    return folder


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(["model.pth", "best.pt"]), place=st.floats(0, 1), byte=st.binary(min_size=1, max_size=9))
def test_damage_raises_nothing_but_the_error_that_says_so(files: Path, name: str, place: float, byte: bytes) -> None:
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
