"""A call back when a module is imported, and the module does not notice."""

import importlib
import importlib.resources
import importlib.util
import inspect
import linecache
import pkgutil
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autotrack.training.hooks.on_import import forget, when_imported

WATCHED = ("framework", "framework.parts", "framework.parts.deep", "framework.broken", "framework.missing")

FILES = {
    "framework/__init__.py": '"""A framework."""\n\nVALUE = 1\n\n\ndef train():\n    return VALUE\n',
    "framework/parts/__init__.py": "from framework import VALUE\n\nPART = VALUE + 1\n",
    "framework/parts/deep.py": "DEEP = 3\n",
    "framework/broken.py": "raise RuntimeError('the module is broken')\n",
    "framework/data.txt": "some data",
}


@pytest.fixture
def framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real package, not imported yet."""
    for name, content in FILES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(tmp_path / "site")
    linecache.clearcache()
    finders = list(sys.meta_path)
    yield tmp_path / "site" / "framework"
    for name in WATCHED:
        forget(name)
        sys.modules.pop(name, None)
    assert sys.meta_path == finders


def noting(seen: list[str]) -> Callable[[types.ModuleType], None]:
    return lambda module: seen.append(module.__name__)


def test_a_module_that_is_imported_later_calls_back_once_it_is(framework: Path) -> None:
    seen: list[tuple[str, int]] = []
    when_imported("framework", lambda module: seen.append((module.__name__, module.VALUE)))
    assert seen == []
    module = importlib.import_module("framework")
    assert seen == [("framework", 1)], "it is complete when it calls back"
    importlib.import_module("framework")
    assert len(seen) == 1
    assert module.train() == 1


def test_a_module_that_is_imported_already_calls_back_at_once(framework: Path) -> None:
    module = importlib.import_module("framework")
    finders = list(sys.meta_path)
    seen: list[types.ModuleType] = []
    when_imported("framework", seen.append)
    assert seen == [module]
    assert sys.meta_path == finders


def test_a_submodule_calls_back_and_its_parent_does_not(framework: Path) -> None:
    seen: list[str] = []
    when_imported("framework.parts.deep", noting(seen))
    importlib.import_module("framework.parts")
    assert seen == []
    importlib.import_module("framework.parts.deep")
    assert seen == ["framework.parts.deep"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import framework.parts", ["framework", "framework.parts"]),
        ("from framework import parts", ["framework", "framework.parts"]),
        ("from framework.parts import PART", ["framework", "framework.parts"]),
        ("from framework.parts.deep import DEEP as found", ["framework", "framework.parts", "framework.parts.deep"]),
        ("import framework", ["framework"]),
    ],
)
def test_every_way_of_importing_calls_back(framework: Path, statement: str, expected: list[str]) -> None:
    seen: list[str] = []
    for name in ("framework", "framework.parts", "framework.parts.deep"):
        when_imported(name, noting(seen))
    exec(statement, {})
    assert seen == expected


def test_a_module_is_the_same_with_us_and_without(framework: Path) -> None:
    def description(name: str) -> dict[str, object]:
        module = importlib.import_module(name)
        spec = module.__spec__
        assert spec is not None
        return {
            "loader": (type(module.__loader__), module.__loader__ is spec.loader, vars(module.__loader__)),
            "spec": (spec.name, spec.origin, spec.cached, spec.parent, spec.has_location),
            "search": list(spec.submodule_search_locations or []),
            "file": (module.__file__, module.__package__, getattr(module, "__path__", None)),
            "names": sorted(vars(module)),
        }

    without = {name: description(name) for name in WATCHED[:3]}
    for name in WATCHED[:3]:
        del sys.modules[name]
        when_imported(name, lambda module: None)
    assert {name: description(name) for name in WATCHED[:3]} == without


def test_source_and_resources_of_a_watched_module_are_found(framework: Path) -> None:
    when_imported("framework", lambda module: None)
    module = importlib.import_module("framework")
    assert inspect.getsource(module) == FILES["framework/__init__.py"]
    assert inspect.getsource(module.train).startswith("def train():")
    assert (importlib.resources.files("framework") / "data.txt").read_text() == "some data"
    assert pkgutil.get_data("framework", "data.txt") == b"some data"
    assert sorted(found.name for found in pkgutil.iter_modules(module.__path__)) == ["broken", "parts"]
    assert importlib.util.find_spec("framework") is module.__spec__


def test_asking_whether_a_watched_module_exists_does_not_import_it(framework: Path) -> None:
    seen: list[str] = []
    when_imported("framework", noting(seen))
    spec = importlib.util.find_spec("framework")
    assert spec is not None
    assert spec.origin == str(framework / "__init__.py")
    assert spec.loader is not None
    assert spec.loader.get_source("framework") == FILES["framework/__init__.py"]  # type: ignore[attr-defined]
    assert (seen, "framework" in sys.modules) == ([], False)
    importlib.import_module("framework")
    assert seen == ["framework"]


def test_a_module_loaded_by_hand_calls_back_too(framework: Path) -> None:
    seen: list[str] = []
    when_imported("framework", noting(seen))
    spec = importlib.util.find_spec("framework")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (seen, module.VALUE) == (["framework"], 1)


def test_a_reloaded_module_calls_back_again(framework: Path) -> None:
    seen: list[str] = []
    when_imported("framework", noting(seen))
    module = importlib.import_module("framework")
    assert importlib.reload(module) is module
    assert seen == ["framework", "framework"]
    assert type(module.__loader__).__name__ == "SourceFileLoader"


def test_an_exception_in_the_module_is_the_user_s_and_nothing_calls_back(framework: Path) -> None:
    seen: list[str] = []
    when_imported("framework.broken", noting(seen))
    with pytest.raises(RuntimeError, match="the module is broken") as caught:
        importlib.import_module("framework.broken")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert (seen, "framework.broken" in sys.modules) == ([], False)
    (framework / "broken.py").write_text("MENDED = True\n")
    importlib.invalidate_caches()
    importlib.import_module("framework.broken")
    assert seen == ["framework.broken"]


def test_a_module_that_does_not_exist_is_missing_as_ever(framework: Path) -> None:
    when_imported("framework.missing", lambda module: None)
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'framework\.missing'"):
        importlib.import_module("framework.missing")
    assert importlib.util.find_spec("framework.missing") is None


def test_after_forget_nothing_calls_back_and_nothing_is_left_in_the_import_system(framework: Path) -> None:
    finders = list(sys.meta_path)
    seen: list[str] = []
    for name in ("framework", "framework.parts"):
        when_imported(name, noting(seen))
    assert len(sys.meta_path) == len(finders) + 1
    forget("framework")
    assert len(sys.meta_path) == len(finders) + 1, "there is still one to wait for"
    forget("framework.parts")
    assert sys.meta_path == finders
    importlib.import_module("framework.parts")
    assert seen == []
    forget("framework")
    forget("never watched")


def test_a_callback_may_forget_the_module(framework: Path) -> None:
    finders = list(sys.meta_path)
    when_imported("framework", lambda module: forget(module.__name__))
    importlib.import_module("framework")
    assert sys.meta_path == finders


def test_imports_in_several_threads_call_back_once(framework: Path) -> None:
    seen: list[str] = []
    when_imported("framework.parts", noting(seen))
    threads = [threading.Thread(target=importlib.import_module, args=("framework.parts",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["framework.parts"]


def test_a_finder_of_somebody_else_is_asked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Editable installs and zip files have finders and loaders of their own."""

    class Loader:
        def create_module(self, spec: object) -> None:
            return None

        def exec_module(self, module: types.ModuleType) -> None:
            module.__dict__["VALUE"] = 7

    loader = Loader()

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            return importlib.util.spec_from_loader(name, loader) if name == "framework" else None  # type: ignore[arg-type]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    seen: list[str] = []
    when_imported("framework", noting(seen))
    try:
        module = importlib.import_module("framework")
        assert (seen, module.VALUE) == (["framework"], 7)
        assert module.__loader__ is loader  # type: ignore[comparison-overlap]
    finally:
        forget("framework")
        sys.modules.pop("framework", None)
