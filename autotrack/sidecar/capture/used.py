"""Captures what of the code, the packages, the files and the environment a training makes use of.

A repository has files that a training never reads, an interpreter has packages that it never imports. To explain why
one run is better than another, it has to be known which of them count.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from time import monotonic, time

from autotrack.journal.outputs import is_output
from autotrack.journal.records import AnyRecord, Environment
from autotrack.redaction import is_secret_name
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.keeping import is_secret_file, modified
from autotrack.sidecar.capture.training_process import training_pid, variables_at_start

_SECONDS = 5.0
_MOST_MODULES, _MOST_FILES = 500, 100
_LARGEST_SOURCE, _LARGEST_FILE = 10**6, 5 * 10**7
_TEXT = re.compile(r"""["']([^"'\\\n*?{}<>|]{1,200}\.\w{1,10})["']""")
_VARIABLE = re.compile(r"""\b(?:environ(?:\.get\(|\[)|getenv\()\s*["'](\w{1,100})["']""")
_SEEDING = re.compile(  # a call with an argument, and not the definition of such a function
    r"(?<!def )\b((?:np\.|numpy\.)?random\.(?:seed|default_rng|RandomState|Random|PRNGKey|key|Generator|set_seed)"
    r"|default_rng|RandomState|Random|PRNGKey|Rngs|SeedSequence|PCG64|manual_seed(?:_all)?|set_random_seed"
    r"|seed_everything|set_seed|seed_all)\(\s*[^)\s]"
)
_COMMENT = re.compile(r"#[^\n]*")
_DRAWING = {
    "random": re.compile(r"^\s*(?:import random\b|import [\w, ]+, random\b|from random import)", re.MULTILINE),
    "numpy.random": re.compile(
        r"\b(?:np|numpy)\.random\b|from numpy(?:\.random)? import [^\n]*\b(?:random|default_rng)\b"
    ),
}
_MODELS = ("jax", "keras", "sklearn", "tensorflow", "torch")
"""What training draws numbers with, whatever the script says of that."""

_PLAIN = re.compile(r"[-+]?\d{1,12}(\.\d{1,12})?(e[-+]?\d{1,3})?|[A-Za-z][a-z_-]{0,19}|", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"[-_.]+")
_CODE = (".py", ".pyc", ".pyi", ".ipynb")


def capture(subject: Subject) -> list[AnyRecord]:
    """Capture, all from what was imported at the start of the run: source files, packages, and what the code names.

    The values: `modules` has the checksums of the source files below the folder of the entry script, `files` those of
    the files that the code or the command line names; `packages` are the distributions, `variables` the environment
    variables that the code reads, `draws` what random numbers are drawn with, and `seeds` the calls that seed it.
    """
    until = monotonic() + _SECONDS
    contents = dict(_contents(_source_paths(subject)))
    sources = [content.decode(errors="replace") for content in contents.values()]
    names = dict.fromkeys([*subject.started.argv[1:], *_named(sources)])
    variables = {name for text in sources for name in _VARIABLE.findall(text)}
    files = dict(_files(names, subject, until=until))  # first: on a busy machine, packages take all the time there is
    values = {
        "modules": {str(path): hashlib.sha256(content).hexdigest() for path, content in contents.items()},
        "packages": imported_distributions(subject.packages, until=until),
        "files": files,
        "variables": read_variables(variables, variables_at_start(training_pid(subject.started))),
        "draws": [*(name for name in _MODELS if name in subject.packages), *_drawing(sources)],
        "seeds": seeding_calls(sources),
    }
    said = {name: value for name, value in values.items() if value or (name == "draws" and sources)}
    clean, _ = subject.redactor.redact(said)
    return [Environment(time=time(), kind="used", values=clean)] if clean else []


def seeding_calls(sources: Iterable[str]) -> list[str]:
    """Return the calls in some code that seed random numbers.

    >>> seeding_calls(["random.seed(1); torch.manual_seed(seed)  # set_seed(2)", "def seed_all(n):", "Random()"])
    ['manual_seed', 'random.seed']
    """
    return sorted({call for text in sources for call in _SEEDING.findall(_COMMENT.sub("", text))})


def sources_of(subject: Subject) -> list[str]:
    """Return the source of the entry script and of the modules that were imported from below its folder."""
    return [content.decode(errors="replace") for _, content in _contents(_source_paths(subject))]


def _source_paths(subject: Subject) -> list[Path]:
    entry = [Path(subject.started.entry_point)] if subject.started.entry_point else []
    return list(dict.fromkeys([*entry, *subject.modules]))[:_MOST_MODULES]


def read_variables(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of these environment variables, without those whose names tell of secrets.

    Only numbers and single words are kept. Anything else may hold what must not be known, so it is told apart by a few
    digits of its checksum, which are too few to find out what it was.
    """
    known = (name for name in sorted(names) if name in environ and not is_secret_name(name))
    return {name: value if is_plain(value := environ[name]) else _mark(value) for name in known}


def paths_in_variables(sources: Iterable[str], subject: Subject) -> list[str]:
    """Return the absolute paths in the environment variables that some code reads, without where caches lie."""
    environ = variables_at_start(training_pid(subject.started))
    names = {name for text in sources for name in _VARIABLE.findall(text) if not name.endswith(("HOME", "CACHE"))}
    return [environ[name] for name in sorted(names) if environ.get(name, "").startswith(os.sep)]


def is_plain(value: str) -> bool:
    """Whether the value of a variable is kept as it is: a number or a single word."""
    return _PLAIN.fullmatch(value) is not None


def _mark(value: str) -> str:
    return f"#{hashlib.sha256(value.encode(errors='surrogateescape')).hexdigest()[:6]}"


def imported_distributions(modules: Collection[str], *, until: float) -> list[str]:
    """Return the names of the distributions that these importable names come from.

    Most are called like what is imported from them; of the others, the list of their files tells it.
    """
    missing, found, others = set(modules), [], []
    for distribution in metadata.distributions():
        with suppress(KeyError, OSError, UnicodeDecodeError):
            name = distribution.metadata["Name"]
            own = _NAME.sub("_", name)
            alike = {module for module in missing if module.lower() == own.lower()}
            if alike:
                found.append(name)
            else:
                others.append((name, distribution))
            missing -= alike
    for name, distribution in others:
        if not missing or monotonic() > until:
            break
        with suppress(OSError, UnicodeDecodeError):
            tops = _tops(distribution.read_text("RECORD") or distribution.read_text("top_level.txt") or "")
            if not missing.isdisjoint(tops):
                found.append(name)
    return sorted(set(found))


def _tops(text: str) -> set[str]:
    """Return the first parts of the paths of a list of files, without what only says which file it is."""
    firsts = {re.split(r"[/,]", line, maxsplit=1)[0] for line in text.splitlines()}
    return {first.removesuffix(".py").partition(".")[0] for first in firsts if not first.endswith("-info")}


def _contents(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    for path in paths:
        with suppress(OSError):
            if path.stat().st_size <= _LARGEST_SOURCE:
                yield path, path.read_bytes()


def _drawing(sources: Iterable[str]) -> list[str]:
    """Return the generators of random numbers that the code names."""
    texts = list(sources)
    return [name for name, pattern in _DRAWING.items() if any(map(pattern.search, texts))]


def _named(sources: Iterable[str]) -> Iterator[str]:
    for text in sources:
        yield from _TEXT.findall(text)


def _files(names: Iterable[str], subject: Subject, *, until: float) -> Iterator[tuple[str, str]]:
    """Yield the paths of the named files, and their checksums. What was written after the start may be a result."""
    count = 0
    for name in names:
        path = _found(name, [Path(subject.started.cwd), subject.script_folder])
        if path is None or path.suffix in _CODE or is_output(name) or is_secret_file(name):
            continue
        if count == _MOST_FILES or monotonic() > until:
            return
        if modified(path) <= subject.started.time and (checksum := _checksum(path)):
            count += 1
            yield os.path.normpath(path), checksum


def _found(name: str, folders: Sequence[Path]) -> Path | None:
    with suppress(OSError, ValueError):
        return next((folder / name for folder in folders if (folder / name).is_file()), None)
    return None


def _checksum(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError:
        return None
    return hashlib.sha256(content).hexdigest() if len(content) <= _LARGEST_FILE else None
