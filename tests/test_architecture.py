"""The house of DESIGN.md: arrows point one way, and importing does nothing."""

import ast
import json
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import autotrack
import autotrack.integrations

CORE = Path(autotrack.__file__).parent
HOUSE = CORE.parent
FRAMEWORKS = {"torch", "lightning", "pytorch_lightning", "keras", "tensorflow", "sklearn", "numpy"}
ALLOWED_INSIDE_FUNCTIONS = {("autotrack.training.media", "numpy")}  # pixels that are no numpy array yet become one

ORDER = [
    {"__main__"},
    {"cli"},
    {"reproduce", "report"},
    {"testing"},
    {"integrations"},
    {"training"},
    {"sidecar"},
    {"models"},
    {"readers"},
    {"sinks"},
    {"redaction", "protocol", "output_channel", "format", "plots", "model_format"},
    {"drawing_process"},
    {"journal", "settings"},
    {"destinations", "launch", "printed_patterns", "promotion_rule", "pyproject", "repeating"},
    {"model_names"},
    {"amounts", "entry_points", "errors", "interactive", "interpreter", "silence", "version"},
    {"escapes"},
]
"""The rooms of the core from top to bottom: a module imports from its own room and from those below, at any depth."""

METHODS = {"autotrack.readers.runs imports autotrack.report.file"}
"""Methods of runs, such as `runs.report()`, that rooms above theirs carry out: these arrows alone point up."""


@cache
def sources() -> dict[str, Path]:
    """Every module of the core and of the integrations, by its name."""
    folders = [CORE, *sorted((HOUSE / "integrations").glob("autotrack_*"))]
    if len(folders) == 1:  # installed, not a checkout
        pytest.skip("the integrations are not beside the core")
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def names_imported(node: ast.AST, package: str) -> Iterator[tuple[str, str | None]]:
    """The module of an import statement, and the name that is taken from it."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
        module = ".".join(part for part in (base, node.module) if part)
        yield from ((module, alias.name) for alias in node.names)


def imports(module: str, *, at_load_only: bool = False) -> list[tuple[str, str | None]]:
    """What a module imports: also inside functions and for type checkers, except when `at_load_only`."""
    path = sources()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def walk(node: ast.AST) -> Iterator[tuple[str, str | None]]:
        yield from names_imported(node, package)
        children: list[ast.AST] = list(ast.iter_child_nodes(node))
        if at_load_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            children = list(node.orelse)
        elif at_load_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            children = []
        for child in children:
            yield from walk(child)

    return list(walk(parsed(path)))


def modules_imported(module: str, *, at_load_only: bool = False) -> set[str]:
    """Which modules are imported; `from a import b` is of `a.b` where that is a module."""
    known = sources()
    return {
        f"{base}.{name}" if name and f"{base}.{name}" in known else base
        for base, name in imports(module, at_load_only=at_load_only)
    }


def part_of(module: str) -> str:
    return module.removeprefix("autotrack.").partition(".")[0]


def in_core(module: str) -> bool:
    return module.partition(".")[0] == "autotrack"


def test_no_import_goes_round_in_a_circle() -> None:
    """Nor one inside a function or for type checkers; only the root package names what is below it, lazily."""
    modules = set(sources()) - {"autotrack"}
    graph = {name: modules_imported(name) & modules for name in modules}
    assert set(TopologicalSorter(graph).static_order()) == modules  # a CycleError would name the circle


def test_the_core_imports_no_framework_and_no_integration_at_any_depth() -> None:
    integrations = {name.partition(".")[0] for name in sources() if not in_core(name)}
    found = {
        (module, other.partition(".")[0])
        for module in filter(in_core, sources())
        for other in modules_imported(module)
        if other.partition(".")[0] in FRAMEWORKS | integrations
    }
    assert found <= ALLOWED_INSIDE_FUNCTIONS
    at_once = {
        other.partition(".")[0]
        for module in filter(in_core, sources())
        for other in modules_imported(module, at_load_only=True)
    }
    assert not at_once & FRAMEWORKS


def test_integrations_import_one_module_of_the_core_and_nothing_of_each_other() -> None:
    for module in sources():
        own = module.partition(".")[0]
        for base, name in [] if in_core(module) else imports(module):
            top = base.partition(".")[0]
            assert not top.startswith("autotrack_") or top == own, f"{module} imports {base}"
            if top == "autotrack":
                assert (base, name) == ("autotrack", None) or base == "autotrack.integrations", f"{module}: {base}"
                assert name is None or name in autotrack.integrations.__all__, f"{module} imports {name} from {base}"


def test_the_face_of_the_core_is_small() -> None:
    assert len(autotrack.integrations.__all__) < 25
    for name in autotrack.integrations.__all__:
        assert name == "Hook" or getattr(autotrack.integrations, name).__doc__, name


def test_integrations_reach_for_no_private_attribute_of_a_module_of_the_core() -> None:
    for module, path in sources().items():
        taken = {(name or base).split(".")[-1] for base, name in imports(module)
                 if base.startswith("autotrack")}  # fmt: skip
        for node in [] if in_core(module) else ast.walk(parsed(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in taken:
                assert not node.attr.startswith("_"), f"{module} uses {ast.unparse(node)}"


def floor_of(module: str) -> int:
    return next(floor for floor, rooms in enumerate(ORDER) if part_of(module) in rooms)


def test_every_module_of_the_core_is_in_a_room() -> None:
    parts = {part_of(name) for name in sources() if in_core(name)} - {"autotrack"}
    assert parts <= set().union(*ORDER)


def test_imports_point_down_also_inside_functions_and_for_types() -> None:
    upward = {
        f"{module} imports {other}"
        for module in filter(in_core, sources())
        for other in modules_imported(module)
        if in_core(other) and "autotrack" not in (module, other)
        if floor_of(other) < floor_of(module)
        or (floor_of(other) == floor_of(module) and part_of(other) != part_of(module))
    }
    assert upward == METHODS, "\n".join(sorted(upward ^ METHODS))


def test_a_file_can_be_read_in_one_sitting() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in sources().items()}
    assert not {name: count for name, count in lines.items() if count >= 350}


def test_every_kind_of_record_is_in_the_vocabulary() -> None:
    kinds = {"Record"} | {
        node.name for node in parsed(sources()["autotrack.journal.records"]).body if isinstance(node, ast.ClassDef)
    }
    for module, path in sources().items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef) and module != "autotrack.journal.records":
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                assert not bases & kinds, f"{module}.{node.name} is a record outside the vocabulary"


def test_importing_does_nothing(run_script: Callable[..., str]) -> None:
    """No thread, exit handler, open file, finder or signal, and no setting of Python: of every module on its own."""
    modules = [name for name in sources() if in_core(name) or name.endswith(".integration")]
    said = run_script(
        f"""
        import atexit, importlib, json, os, signal, sys, threading, warnings
        import concurrent.futures.thread, git, logging, msgspec, psutil, requests, typer  # what these do is theirs
        import matplotlib.figure, tensorboard.compat.proto.event_pb2

        def state():
            return {{
                "threads": threading.active_count(),
                "exit handlers": atexit._ncallbacks(),
                "open files": len(os.listdir("/dev/fd")),
                "finders": [str(finder) for finder in sys.meta_path],
                "environment": dict(os.environ),
                "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
                "settings": [sys.path, warnings.filters, sys.excepthook, threading.excepthook, sys.stdout, sys.stderr],
            }}

        done, before = [], state()
        before["settings"] = [one.copy() if isinstance(one, list) else one for one in before["settings"]]
        for name in {modules!r}:
            importlib.import_module(name)
            done += [f"{{name}} changes {{key}}" for key, value in state().items() if value != before[key]]
        print(json.dumps(done))
        """
    )
    assert json.loads(said) == []
