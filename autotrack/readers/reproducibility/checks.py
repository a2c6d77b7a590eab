"""The checks of what would be missing to repeat a run: each yields that, and the points that it takes of a hundred."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import msgspec

from autotrack.errors import AutotrackError
from autotrack.format import some
from autotrack.journal.params import is_seed, varies_by_itself
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import Summary
from autotrack.readers.code.recorded_code import recorded_code
from autotrack.readers.code.usage import Usage
from autotrack.readers.reproducibility.missing import Missing
from autotrack.redaction import REDACTED
from autotrack.version import DISTRIBUTION

Found = Iterator[tuple[int, Missing]]

PACKAGES = "environment/packages.json"
_MOST_BYTES = 2**26
_CODE = (".py", ".ipynb", ".sh", ".yaml", ".yml", ".toml", ".json", ".cfg", ".ini")
_MOST_NAMED = 3

_NOTHING_IS_DRAWN = {
    "solver": ("lbfgs", "newton-cg", "newton-cholesky", "auto", "svd", "cholesky", "lsqr", "sparse_cg"),
    "selection": ("cyclic",),
    "probability": (False,),
    "shuffle": (False,),
}
"""Params of scikit-learn, with the values by which an estimator has a `random_state` and draws nothing."""


class _Distribution(msgspec.Struct, frozen=True):
    name: str
    version: str = ""
    folder: str | None = None
    direct_url: dict[str, Any] | None = None
    checkout: dict[str, Any] | None = None


class _Packages(msgspec.Struct, frozen=True):
    distributions: list[_Distribution] = []


class Recorded:
    """What was recorded of a run, as far as the checks ask for it."""

    def __init__(self, folder: Path, summary: Summary) -> None:
        self.folder, self.summary = folder, summary
        self.usage = Usage(summary)
        self.process = _facts(summary, "process")
        self.hardware = _facts(summary, "hardware")

    @cached_property
    def distributions(self) -> Sequence[_Distribution]:
        """The packages that training has imported, or all that were installed, where that is not known."""
        names = {own_name(name): name for name in self.summary.environment_files}
        if PACKAGES not in names:
            return ()
        with suppress(OSError, AutotrackError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            content = read_bytes(self.folder, names[PACKAGES], limit_bytes=_MOST_BYTES)
            every = msgspec.json.decode(content, type=_Packages).distributions
            used = {_key(name) for name in self.usage.packages}
            return [one for one in every if _key(one.name) != DISTRIBUTION and (not used or _key(one.name) in used)]
        return ()

    @property
    def draws(self) -> list[str]:
        """What random numbers were drawn with."""
        if self.usage.draws is not None:
            return self.usage.draws
        return [name.replace("scikit-learn", "sklearn") for name in self.summary.frameworks]


def code(recorded: Recorded) -> Found:
    """Yield what was not kept of the code."""
    kept = recorded_code(recorded.summary)
    if not kept.is_kept:
        yield from ((60, missing) for missing in kept.missing())
        return
    used = {*recorded.usage.modules, *recorded.usage.files, *recorded.usage.reads}
    by_reason: dict[tuple[bool, str, str], list[str]] = {}
    for one in kept.missing():
        is_used = one.what in used or (one.what.endswith(_CODE) and not recorded.usage.is_known)
        is_file = one.what in kept.left_out
        by_reason.setdefault((is_used or not is_file, one.why, one.fix), []).append(one.what)
    for (counts, why, fix), names in by_reason.items():
        note = "" if counts else "; nothing tells that the training used it"
        yield 10 if counts else 3, Missing(_some(names), f"{why}{note}", fix, kind="code")


def command(recorded: Recorded) -> Found:
    """Yield what is not known of how the run was started."""
    process = recorded.process
    line = str(process.get("launched_by") or process.get("command") or " ".join(recorded.summary.argv))
    if REDACTED in line:
        fix = "give the script its secrets in environment variables"
        yield 10, Missing("the command line", "it had a secret, which is not kept", fix, kind="arguments")
    if process.get("interactive") and "notebook" not in recorded.summary.environment:
        why = "the run was recorded at a prompt, and what was typed there is not kept"
        yield 20, Missing("the command", why, "put it into a script", kind="arguments")


def data(recorded: Recorded) -> Found:
    """Yield data of which it cannot be told whether it is still the same, and files that lie elsewhere."""
    summary = recorded.summary
    unknown = [_named(one.role, one.name) for one in summary.datasets if not one.fingerprint]
    if unknown:
        why = "its values could not be read, so that nobody can tell whether they are the same"
        fix = "log the files: run.log_dataset('train', path)"
        yield min(8 * len(unknown), 16), Missing(f"a fingerprint of {_some(unknown)}", why, fix, kind="data")
    outside = [name for name in _read_files(recorded) if PurePath(name).is_absolute()]
    if outside:
        why = f"outside of {recorded.usage.root}, and known by {'its' if len(outside) == 1 else 'their'} path only"
        fix = "keep it below the project, or take it along"
        yield min(3 * len(outside), 6), Missing(_some(outside), why, fix, kind="data")


def packages(recorded: Recorded) -> Found:
    """Yield packages that cannot be installed again from what is known of them."""
    if not _facts(recorded.summary, "packages"):
        fix = "leave AUTOTRACK_ENVIRONMENT on"
        yield 15, Missing("the packages", "they were not captured", fix, kind="packages")
        return
    found = [finding for one in recorded.distributions if (finding := _package(one, recorded)) is not None]
    yield from found[:_MOST_NAMED]


def _package(one: _Distribution, recorded: Recorded) -> tuple[int, Missing] | None:
    direct = one.direct_url or {}
    url = str(direct.get("url", ""))
    if one.folder is not None:
        if PurePath(one.folder).is_relative_to(recorded.usage.root):
            return None  # it is a part of the code of the run
        commit = (one.checkout or {}).get("commit")
        where = f"it was imported in place from {one.folder}"
        if commit:
            why = f"{where}, at commit {str(commit)[:10]}; whether anything was uncommitted there is not known"
            return 3, Missing(one.name, why, "install it from its commit: pip install git+…@commit", kind="packages")
        return 8, Missing(one.name, where, "commit its code, and install it from there", kind="packages")
    if url.startswith("file:") and "conda" not in url:
        what = "a folder" if direct.get("dir_info") is not None else "a file"
        fix = "put it on an index, or into a repository: pip install git+…@commit"
        return 8, Missing(one.name, f"it was installed from {what} of this machine: {url}", fix, kind="packages")
    return None


def seeds(recorded: Recorded) -> Found:
    """Yield what draws random numbers that nobody has seeded."""
    summary, draws = recorded.summary, recorded.draws
    given = [
        name
        for name, value in summary.params.items()
        if is_seed(name) and value.__class__ is int and not varies_by_itself(name, value)
    ]
    torch_seed = recorded.process.get("torch_seed")
    is_torch_seeded = torch_seed is not None and not varies_by_itself("torch_seed", torch_seed)
    # A call of `start_run` may stand before the seeding, which was not done then when the run started.
    may_follow = summary.started_by == "user" and _seeds_torch(recorded.usage.seeds)
    if "torch" in draws and torch_seed is not None and not is_torch_seeded and not may_follow:
        fix = "torch.manual_seed(0), seed_everything(0) of Lightning, or keras.utils.set_random_seed(0)"
        yield 15, Missing("a seed for torch", "torch was not seeded when the run started", fix, kind="seed")
    elif draws and not (given or recorded.usage.seeds or is_torch_seeded):
        fix = "seed what draws random numbers, such as random.seed(0), numpy.random.seed(0), torch.manual_seed(0)"
        if _draws_nothing(summary.params) and draws == ["sklearn"]:
            return
        yield 15, Missing("a seed", f"nothing seeds what may be drawn by {', '.join(draws)}", fix, kind="seed")
    elif "sklearn" in draws and not _draws_nothing(summary.params) and not _is_numpy_seeded(recorded.usage.seeds):
        unset = [name for name, value in summary.params.items() if name.endswith("random_state") and value is None]
        if unset:
            why = "scikit-learn draws from the generator of numpy, which nothing seeds"
            yield 8, Missing(f"a value for {unset[0]}", why, "random_state=0", kind="seed")


def _draws_nothing(params: Mapping[str, Any]) -> bool:
    """Whether the params of an estimator tell that it draws nothing although it could be given a random state."""
    if not any(name.endswith("random_state") for name in params):
        return True
    for name, value in params.items():
        last = name.rpartition("__")[2].rpartition(".")[2]
        if value in _NOTHING_IS_DRAWN.get(last, ()):
            return True
    return False


def _seeds_torch(calls: Iterable[str]) -> bool:
    """Whether any of the calls seeds torch."""
    ends = ("manual_seed", "manual_seed_all", "set_random_seed", "seed_everything", "set_seed", "seed_all")
    return any(call.endswith(ends) for call in calls)


def _is_numpy_seeded(calls: Iterable[str]) -> bool:
    """Whether any of the calls seeds the global generator of numpy; most helpers of frameworks do as well."""
    return any(call.endswith(("seed", "seed_everything", "set_seed", "seed_all")) for call in calls)


def algorithms(recorded: Recorded) -> Found:
    """Yield what was allowed to compute in another order the next time; on a processor, torch computes as before."""
    process = recorded.process
    if not _uses_gpu(recorded):
        return
    if process.get("torch_deterministic_algorithms") is False:
        fix = "torch.use_deterministic_algorithms(True), or deterministic=True of Lightning's Trainer"
        why = "torch was free to choose algorithms on the GPU that add up in any order"
        yield 10, Missing("deterministic algorithms", why, fix, kind="seed")
    if process.get("torch_cudnn_benchmark"):
        why = "cuDNN chooses the algorithms that are quickest at the moment"
        yield 5, Missing("one choice of algorithms", why, "torch.backends.cudnn.benchmark = False", kind="seed")


def machine(recorded: Recorded) -> Found:
    """Yield graphics cards: on another kind of them, the last bits differ."""
    if not _uses_gpu(recorded):
        return
    cards = recorded.hardware.get("gpus")
    names = sorted({str(card.get("name") or "GPU") for card in cards if isinstance(card, dict)}) if cards else ["GPU"]
    why = "results differ in their last bits on another kind of card, or with another driver"
    yield 5, Missing(f"the same {_some(names)}", why, "repeat it on the same kind of card", kind="hardware")


def _uses_gpu(recorded: Recorded) -> bool:
    """Whether a graphics card was used; torch tells, or else the load of the cards."""
    if recorded.process.get("torch_cuda_devices"):
        return True
    cards, load = recorded.hardware.get("gpus"), recorded.summary.system
    busy = [one.max for name, one in load.items() if name.startswith("gpu") and name.endswith("process_memory_bytes")]
    return bool(cards) and any(busy)


CHECKS: Sequence[Callable[[Recorded], Found]] = (code, command, data, packages, seeds, algorithms, machine)


def _read_files(recorded: Recorded) -> list[str]:
    """Return the files that the training has read, by their paths from the project, or else absolute ones."""
    prefix = str(recorded.process.get("prefix") or os.sep + "none")
    names = [*recorded.usage.files, *recorded.usage.reads]
    folders = tuple(f"{name}/" for name in recorded.usage.reads if recorded.usage.is_listing(name))
    names = [name for name in names if not name.startswith(folders)]
    for one in recorded.summary.datasets:
        if one.source and one.kind in ("file", "folder"):
            path = PurePath(os.path.normpath(PurePath(recorded.summary.cwd or os.sep) / one.source))
            root = recorded.usage.root
            names.append(str(path.relative_to(root)) if path.is_relative_to(root) else str(path))
    return [name for name in dict.fromkeys(names) if not PurePath(name).is_relative_to(prefix)]


def _facts(summary: Summary, kind: str) -> Mapping[str, Any]:
    facts = summary.environment.get(kind)
    return facts if isinstance(facts, dict) else {}


def _named(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _some(names: Sequence[str]) -> str:
    return some(names, _MOST_NAMED)
