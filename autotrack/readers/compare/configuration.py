"""What makes runs alike: their kind, which says whether they are ranked together, and their configuration.

Both are short texts, so that the index keeps them, and nobody has to read whole summaries to find repeats of a run.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from autotrack.journal.params import is_place, is_seed, varies_by_itself
from autotrack.journal.summary import Summary
from autotrack.readers.code.usage import Usage

_BYTES = 9


def kind_of(summary: Summary) -> str:
    """Return what runs have in common that are compared and ranked: on the terminal, in lists and in reports.

    That is their experiment, whether they are inside another run, as those of a search are, their frameworks, and
    their estimator or model. Runs of whole scripts also have to be of the same script.
    """
    script = Path(summary.entry_point or "").name if summary.started_by == "script" else None
    subject = (summary.tags.get("estimator"), *(_named(summary, name) for name in ("model", "estimator")), script)
    return _digest(
        [
            summary.experiment,
            summary.parent is not None,
            sorted(summary.frameworks),
            [str(part or "") for part in subject],
        ]
    )


def configuration_of(summary: Summary) -> str:
    """Return what makes runs repeats of each other: all that was recorded of params, code, data and frameworks.

    Seeds are not part of it, and neither are folders that are written to. Of code and packages, only what the training
    has used counts, if that was recorded. The values of data are not part of it, because they may be split by a seed.
    """
    data = sorted([data.role, data.name or "", str(data.rows), str(data.shape)] for data in summary.datasets)
    params = params_that_tell(summary.params)
    return _digest([summary.experiment, params, *_code_of(summary), data, summary.frameworks])


def data_of(summary: Summary) -> str:
    """Return what stands for the values of all data of a run; nothing for a run without data."""
    data = sorted([data.role, data.name or "", data.fingerprint or ""] for data in summary.datasets)
    return _digest(data) if data else ""


def params_that_tell(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params without seeds and folders that are written to, which repeats may differ in."""
    return {
        name: value
        for name, value in params.items()
        if not (is_seed(name) or is_place(name) or varies_by_itself(name, value))
    }


def model_of(summary: Summary) -> str:
    """Return what a run has trained: the class of its estimator or model; nothing where that is not known."""
    return str(summary.tags.get("estimator") or _named(summary, "model") or _named(summary, "estimator") or "")


def _named(summary: Summary, name: str) -> Any:
    """Return a param that names the model or estimator. An argument of the script is one, too, but may be changed."""
    if not summary.params_given:
        return summary.params.get(name)
    by_source = summary.params_by_source.items()
    others = [values[name] for source, values in by_source if name in values and source not in summary.params_given]
    return others[0] if others else None


def _code_of(summary: Summary) -> list[Any]:
    if "modules" in summary.environment.get("used", {}):
        usage = Usage(summary)
        versions = summary.environment.get("packages", {}).get("versions")
        known = versions if isinstance(versions, dict) else {}
        packages = {name: known.get(name) for name in usage.packages}
        return [usage.modules, usage.files, usage.variables, packages]
    git = summary.environment.get("git", {})
    code = [git.get(name) for name in ("commit", "patch_sha256", "untracked_code_sha256")]
    return [code, summary.environment.get("source", {}).get("files"), summary.entry_point]


def _digest(value: Any) -> str:
    try:
        content = msgspec.json.encode(value, order="deterministic")
    except (
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ):  # in a store of somebody else, anything may be there
        content = repr(value).encode(errors="replace")
    return hashlib.blake2b(content, digest_size=_BYTES).hexdigest()
