"""What differs between two runs, each with how likely it is to change a metric before anything else is known of it.

A training goes from its code, packages, params and seeds to data and results. So what follows from something else that
differs, such as the rows of a training set that is split with another seed, counts less than what it follows from.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from autotrack.format import short
from autotrack.journal.params import is_seed
from autotrack.journal.summary import Summary
from autotrack.readers.code.changes import CodeChanges
from autotrack.readers.code.usage import DIGESTS, Usage
from autotrack.readers.compare.cause import CONSEQUENCE, UNUSED, WEIGHTS, Cause
from autotrack.readers.compare.code_causes import causes_in_code
from autotrack.readers.compare.consequences import Setter, Setters, behind_what_they_follow
from autotrack.readers.compare.difference import Difference
from autotrack.readers.compare.differences import OTHER_VALUES, differences_of
from autotrack.readers.compare.param_weights import follows, weight_of_param
from autotrack.readers.compare.system_differences import PACKAGES, computes
from autotrack.readers.compare.unlike import MODEL, script_of, unlike
from autotrack.redaction.names import REDACTED

_LONGEST_VALUE = 40
_LISTED, _NAMED = 0.3, 0.6
_UNLIKE, _OTHER_TRAINING = 0.95, 0.45
UNSET_SEEDS = "other seeds, which nobody set"
_SEEN_BY = {
    "train": "training saw other values",
    "validate": "it was measured on other data",
    "test": "it was measured on other data",
}
CREDENTIAL = "a credential, which changes no result"
_SHAPES_DATA = re.compile(
    r"(test|train|val|validation)_?(size|split|fraction|ratio)|n_?samples|subset|fold|split|limit_\w*batches|classes|"
    r"resolution|image_size|max_len|stratify",
    re.IGNORECASE,
)
_FRAMEWORK = re.compile(
    r"^(torch|lightning|pytorch-lightning|keras|tensorflow|jax|jaxlib|scikit-learn|numpy|scipy|xgboost|lightgbm|"
    r"catboost|transformers|Python)\b",
    re.IGNORECASE,
)
_OWN = re.compile(r"^autotrack(-ml)?\b")
_CONFIG = frozenset(".yaml .yml .json .toml .ini .cfg .conf .xml .properties".split())
_THREADS = re.compile(r"(^|_)(NUM_)?THREADS$")
_ELSEWHERE = re.compile(
    r"^(PYTHONPATH|PYTHONWARNINGS|LANG|LC_|TZ$|VIRTUAL_ENV|CONDA_|HF_|TRANSFORMERS_|CUDA_HOME|LD_LIBRARY_PATH|MPLBACKEND|"
    r"MASTER_|SLURM_|TF_CPP_MIN_LOG_LEVEL|RANK$|LOCAL_|WORLD_SIZE|NODE_RANK|GROUP_RANK|.*(_DIR|_HOME|_CACHE|_PORT)$)"
)
_SETTINGS = ("torch_default_dtype", "torch_deterministic_algorithms", "torch_cudnn_deterministic", "keras_backend",
             "torch_cudnn_benchmark", "torch_float32_matmul_precision")  # fmt: skip


def candidates(
    now: Summary, before: Summary, code: CodeChanges | None = None, system: Sequence[Difference] = ()
) -> list[Cause]:
    """Return what may explain a difference between two runs, in no order."""
    changes = differences_of(now, before)
    uses = Usage(now), Usage(before)
    setters = Setters([now, before])
    params = [(change, _of_param(kind, change, setters))
              for kind in ("params", "arguments") for change in changes.get(kind, [])]  # fmt: skip
    others = [
        *_seeds(now, before, changes.get("params", [])),
        *causes_in_code(code, uses, changes.get("code", [])),
        *_named_files(code, uses),
        *_packages(changes.get("packages", []), uses),
        *_environment(now, before, uses),
        *(Cause(str(one), "hardware", "another machine", WEIGHTS["hardware"]) for one in changes.get("hardware", [])),
        *_system(changes.get("system", []), system),
    ]
    is_code_equal = "code" not in changes and all(use.is_known for use in uses) and bool(script_of(now.entry_point))
    found = [*behind_what_they_follow(params, others, setters, is_code_equal=is_code_equal), *others]
    found += _data(changes.get("data", []), found, is_all=not _has_equal_data(now, before))
    return _of_unlike(found, changes, unlike(now, before))


def _of_unlike(found: list[Cause], changes: Mapping[str, list[Difference]], unlike: list[Difference]) -> list[Cause]:
    """Return the causes, those of different trainings led by that: nothing else is then the reason by itself."""
    if not unlike:
        return found
    first = Cause(
        "; ".join(map(str, unlike)), "training", "different trainings: no single param is the reason", _UNLIKE
    )
    found = [cause for cause in found if not (cause.kind == "params" and cause.name in ("model", "estimator"))]
    if [one.name for one in unlike] != [MODEL]:  # said once, and not again beside each
        return [first, *(replace(cause, confidence=min(cause.confidence, _OTHER_TRAINING)) for cause in found)]
    alone = {one.name for one in changes.get("params", []) if one.before is None or one.now is None}
    return [first, *(cause.less(CONSEQUENCE, "one model has it") if cause.name in alone else cause
                     for cause in found)]  # fmt: skip


def seeds(summary: Summary) -> dict[str, Any]:
    """Return the params that are seeds, also those that nobody has set."""
    return {name: value for name, value in summary.params.items() if is_seed(name) and value is not None}


def _seeds(now: Summary, before: Summary, params: list[Difference]) -> Iterator[Cause]:
    new, old = seeds(now), seeds(before)
    known = new.keys() & old.keys() if now.status == "running" else {*new, *old}  # others may still be recorded
    if any(new.get(name) != old.get(name) for name in known) and not any(is_seed(param.name) for param in params):
        yield Cause(UNSET_SEEDS, "seed", "random numbers differ", WEIGHTS["seed"])


def _of_param(kind: str, change: Difference, setters: Setters) -> Cause:
    name, phrase = change.name.lstrip("-"), str(change)
    if REDACTED in (change.before, change.now):
        return Cause(phrase, kind, CREDENTIAL, UNUSED, name)
    if is_seed(name.replace("-", "_")):
        return Cause(phrase, "seed", "random numbers differ", WEIGHTS["seed"], name)
    weight, evidence = WEIGHTS[kind], "changed"
    if follows(name) and setters.of(change.name) != Setter.GIVEN:
        return Cause(phrase, kind, "follows from what else differs", CONSEQUENCE, name)
    if weight_of_param(name) < 0:
        return Cause(phrase, kind, "seldom changes a result", 0.08, name)
    if weight_of_param(name) > 0:
        weight, evidence = weight + 0.12, "known to matter"
    if setters.of(change.name) == Setter.GIVEN:
        weight, evidence = weight + 0.05, f"{evidence}, given by hand"
    return Cause(phrase, kind, evidence, round(min(weight + _bonus(change), 0.95), 3), name)


def _bonus(change: Difference) -> float:
    """Return a little for a number that has changed by much: of two params, that one is likelier."""
    try:
        values = abs(float(change.before)), abs(float(change.now))
    except (TypeError, ValueError, OverflowError):
        return 0.0
    if not all(0 < value < math.inf for value in values):
        return 0.0
    return min(abs(math.log10(values[0] / values[1])), 2.0) / 100


def _named_files(code: CodeChanges | None, uses: tuple[Usage, Usage]) -> Iterator[Cause]:
    """Yield the files that the code or the command line names and that have other contents."""
    changed = {change.name: change for change in code.files} if code else {}
    new, old = (use.files for use in uses)
    for name in [name for name in new if old.get(name, new[name]) != new[name]]:
        is_config = PurePath(name).suffix.lower() in _CONFIG
        gist = f": {changed[name].gist}" if is_config and name in changed else ""
        kind = "config" if is_config else "data"
        yield Cause(f"{name} changed", kind, f"a file that the code names has other content{gist}", WEIGHTS[kind])
    yield from _read_files(*uses)


def _read_files(new: Usage, old: Usage) -> Iterator[Cause]:
    """Yield the other data that has been read; a folder only if no file in it is known to differ."""
    told: list[str] = []
    for name in sorted(new.reads.keys() & old.reads.keys() - new.files.keys(), key=new.is_listing):
        contents = [[use.reads[name].get(kind) for kind in DIGESTS] for use in (new, old)]
        if contents[0] == contents[1] or (new.is_listing(name) and any(one.startswith(f"{name}/") for one in told)):
            continue
        told.append(name)
        if new.is_listing(name):  # perhaps it is only written to
            which = "that the code names" if new.reads[name].get("named") else "in which files were opened"
            yield Cause(f"{name} changed", "data", f"a folder {which} has other files", _LISTED)
        else:
            evidence, weight = "training has read other content", WEIGHTS["data"]
            if new.reads[name].get("named"):
                evidence, weight = "data that the code names has other content", _NAMED
            elif new.reads[name].get("opened"):
                evidence, weight = "a file that was opened while it trained has other content", _NAMED
            yield Cause(f"{name} changed", "data", evidence, weight)


def _packages(changes: list[Difference], uses: tuple[Usage, Usage]) -> Iterator[Cause]:
    for change in changes:
        name, phrase = change.name, str(change)
        is_framework = _FRAMEWORK.match(name) is not None
        if _OWN.match(name):
            yield Cause(phrase, "packages", "it records and does not train", UNUSED)
        elif not any(use.packages for use in uses) or name == "Python":
            weight = WEIGHTS["packages"] + 0.05 if is_framework else 0.2
            yield Cause(
                phrase, "packages", "a framework" if is_framework else "a package that may not be used", weight
            )
        elif any(name in use.packages for use in uses):
            evidence = "a framework that training imported" if is_framework else "a package that training imported"
            yield Cause(phrase, "packages", evidence, WEIGHTS["packages"] + (0.05 if is_framework else 0.0))
        else:
            yield Cause(phrase, "packages", "a package that training did not import", UNUSED)


def _system(changes: Sequence[Difference], packages: Sequence[Difference]) -> Iterator[Cause]:
    """Yield what differs of the system of a machine; of its `packages`, known by name, those that compute."""
    for one in [*changes, *packages]:
        if computes(one):
            yield Cause(str(one), "system", "a library or driver that computes", WEIGHTS["system"])
        elif one in changes and not (one.name == PACKAGES and packages):
            yield Cause(str(one), "system", "it seldom changes a result", UNUSED)


def _environment(now: Summary, before: Summary, uses: tuple[Usage, Usage]) -> Iterator[Cause]:
    """Yield environment variables and settings of libraries that differ."""
    read = [use.variables for use in uses]
    for name in sorted({*read[0], *read[1]}):
        if read[0].get(name) == read[1].get(name):
            continue
        if REDACTED in (read[0].get(name), read[1].get(name)):
            yield Cause(_change(name, *read), "environment", CREDENTIAL, UNUSED)
        else:
            yield Cause(_change(name, *read), "environment", "a variable that the code reads", WEIGHTS["environment"])
    known = [run.environment.get("hardware", {}).get("environment_variables") for run in (now, before)]
    variables = [values if isinstance(values, dict) else None for values in known]
    facts = [run.environment.get("process", {}) for run in (now, before)]
    threads = [one.get("torch_threads") for one in facts]
    if None not in threads and threads[0] != threads[1]:
        yield Cause(f"threads {threads[1]} → {threads[0]}", "hardware", "sums are added up in another order", 0.3)
    for name in _SETTINGS:
        if facts[0].get(name, "") != facts[1].get(name, "") and name in facts[0] and name in facts[1]:
            yield Cause(_change(name, *facts), "environment", "a setting of the library", WEIGHTS["environment"] - 0.1)
    if variables[0] is None or variables[1] is None:
        return
    for name in sorted({*variables[0], *variables[1]} - {*read[0], *read[1]}):
        if variables[0].get(name) != variables[1].get(name):
            yield _of_variable(name, _change(name, variables[0], variables[1]))


def _of_variable(name: str, phrase: str) -> Cause:
    if REDACTED in phrase.split():
        return Cause(phrase, "environment", CREDENTIAL, UNUSED)
    if _THREADS.search(name):
        return Cause(phrase, "hardware", "with other threads, sums are added up in another order", 0.32)
    if name == "PYTHONHASHSEED":
        return Cause(phrase, "environment", "sets of texts have another order", 0.45)
    if _ELSEWHERE.match(name):
        return Cause(phrase, "environment", "a variable that seldom changes a result", UNUSED)
    return Cause(phrase, "environment", "a variable that libraries read", 0.35)


def _change(name: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    old, new = (_cut(short(values[name])) if name in values else "unset" for values in (before, now))
    return f"{name} {old} → {new}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _has_equal_data(now: Summary, before: Summary) -> bool:
    """Return whether some data have the same values in both runs: a split with another seed changes every part."""
    fingerprints = [{data.fingerprint for data in run.datasets if data.fingerprint} for run in (now, before)]
    return not fingerprints[0].isdisjoint(fingerprints[1])


def _data(changes: list[Difference], others: list[Cause], *, is_all: bool) -> Iterator[Cause]:
    """Yield the data that differ, which count less if something else that differs explains that."""
    explained = next(_makers_of_data(others), None)
    for change in changes:
        evidence = _SEEN_BY.get(change.name.partition(" ")[0], "other data")
        cause = Cause(str(change), "data", evidence, WEIGHTS["data"])
        is_split = is_all and change.change == OTHER_VALUES
        if explained is None or (explained.kind == "seed" and not is_split):
            yield cause
        else:
            yield cause.less(explained.confidence - 0.02, f"which may come from {explained.cause}")


def _makers_of_data(others: list[Cause]) -> Iterator[Cause]:
    """Yield what else differs that makes data, the likeliest first."""
    yield from (cause for cause in others if cause.kind == "data")
    yield from (cause for cause in others if cause.kind in ("params", "arguments") and _SHAPES_DATA.search(cause.name))
    for kind in ("code", "config", "environment", "packages", "seed"):
        yield from (cause for cause in others if cause.kind == kind and cause.confidence > CONSEQUENCE)
