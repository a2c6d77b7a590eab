"""What explains a metric across ten or more runs: params, and what else differs between them, such as the code."""

from collections.abc import Mapping, Sequence
from typing import Any

from autotrack.journal.params import is_seed
from autotrack.journal.summary import Summary
from autotrack.readers.code.usage import Usage
from autotrack.readers.compare.cause import Cause
from autotrack.readers.compare.consequences import Setters
from autotrack.readers.compare.importance import Importance, importance
from autotrack.readers.compare.param_weights import follows, weight_of_param

_KINDS = {"the code": "code", "the data": "data", "the machine": "hardware"}
_THIN_CONFIDENCE = 0.19
_MOST_TOGETHER = 3


def besides_params(summaries: Sequence[Summary]) -> dict[str, list[Any]]:
    """Return what differs between runs besides their params, with a value for each run."""
    facts = {
        "the code": [_code(summary) for summary in summaries],
        "the data": [_data(summary) for summary in summaries],
        "the machine": [summary.host or None for summary in summaries],
    }
    return {name: values for name, values in facts.items() if len({value for value in values if value}) > 1}


def across_runs(
    facts: Mapping[str, Sequence[Any]], metric: Sequence[float], name: str, setters: Setters
) -> list[Cause]:
    """Return how well each fact explains the metric called `name`, the best first; none for fewer than ten runs.

    Of params that explain it equally well, what a person has set comes before what follows from it.
    """
    known = dict(sorted(facts.items(), key=lambda item: (item[0] not in _KINDS, -weight_of_param(item[0]))))
    found = importance(known, metric)
    found.sort(
        key=lambda one: (
            one.is_thin,
            -round(one.share, 2),
            follows(one.param),
            -setters.of(one.param),
            -weight_of_param(one.param),
        )
    )
    causes = [_cause(one, name) for one in found]
    if len(metric) >= 10 and (not found or found[0].is_thin):
        evidence = "nothing that was recorded explains it better than chance does" if found else "nothing differs"
        unknown = Cause(
            f"nothing tells {name} of these {len(metric)} runs", "unknown", f"{evidence}; thin evidence", 0.5
        )
        return [unknown, *causes]
    return causes


def _cause(one: Importance, metric: str) -> Cause:
    evidence = f"explains {one.share:.0%} of the variance of {metric} over {one.runs} runs with {one.values} values"
    if one.is_thin:
        evidence = f"thin evidence: {evidence}, as chance does in {one.chance:.0%} of cases"
    if one.together:
        more = " and others" if len(one.together) > _MOST_TOGETHER else ""
        evidence += f"; changes along with {', '.join(one.together[:_MOST_TOGETHER])}{more}, so these runs cannot tell"
    kind = "seed" if is_seed(one.param) else _KINDS.get(one.param, "params")
    sure = (1 - one.chance) * (1 + one.share) / 2  # that it matters at all, the more so the more it explains
    return Cause(one.param, kind, evidence, round(min(one.share, _THIN_CONFIDENCE) if one.is_thin else sure, 3))


def _code(summary: Summary) -> str | None:
    usage = Usage(summary)
    if usage.is_known:
        return repr(sorted({**usage.modules, **usage.files}.items()))
    git = summary.environment.get("git", {})
    code = [git.get(name) for name in ("commit", "patch_sha256", "untracked_code_sha256")]
    files = summary.environment.get("source", {}).get("files", {})
    return repr([code, sorted(files.items())]) if git or files else None


def _data(summary: Summary) -> str | None:
    data = sorted([data.role, data.name or "", data.fingerprint or ""] for data in summary.datasets)
    return repr(data) if data else None
