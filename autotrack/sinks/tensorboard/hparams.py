"""What the HParams page shows: the params of a run or of a trial, and how it ended.

The messages are those of `tensorboard/plugins/hparams/plugin_data.proto`. No experiment is ever described: the first
description found would choose the columns for all runs, and without any TensorBoard shows the union of them.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from google.protobuf.struct_pb2 import Value
from tensorboard.compat.proto.summary_pb2 import Summary as TensorBoardSummary  # type: ignore[import-untyped]  # it comes without types
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo  # type: ignore[import-untyped]  # it comes without types

from autotrack.journal.summary import Summary
from autotrack.sinks.tensorboard.encoding import float_tensor, metadata

MOST_PARAMS = 100
"""So many columns can be chosen from; what the page loads grows with them."""

_STATUS = {"running": 3, "finished": 1, "failed": 2, "interrupted": 2, "killed": 2}  # of `api.proto`: Status

_DIFFERS_IN_REPEATS = re.compile(
    r"(^|[._/])((\w+_)?seed|seed_everything|random_state|rng|dirpath|save_dir|log_?dir|output_dir|run_name)$"
)
_FIRST = re.compile(r"^(user|argparse|cli|model\.hparams)$|\.changed$|hparams")
_LAST = re.compile(r"^(callbacks|seed|keras)$|^data\.|^trainer$|^rank\d+\.")


@dataclass(frozen=True)
class Session:
    """One row of the page: its params by name, when it `started`, and, unless it goes on, its `status` and end.

    Rows of one `group` are shown as one.
    """

    params: Mapping[str, Any]
    group: str
    started: float
    status: str = "running"
    ended: float | None = None

    def start(self) -> TensorBoardSummary.Value:
        """Return what says that it began."""
        info = SessionStartInfo(group_name=self.group, start_time_secs=self.started)
        for name, value in self.params.items():
            info.hparams[name].CopyFrom(as_value(value))
        return _value("session_start_info", HParamsPluginData(version=0, session_start_info=info))

    def end(self) -> TensorBoardSummary.Value:
        """Return what says how it ended, or that it goes on."""
        info = SessionEndInfo(end_time_secs=self.ended or 0.0, status=_STATUS.get(self.status, 0))
        return _value("session_end_info", HParamsPluginData(version=0, session_end_info=info))


def session_of(summary: Summary) -> Session:
    """Return the session of a run, as far as it is known."""
    return Session(
        params=most_telling(summary),
        group=group_of(summary),
        started=summary.started,
        status=summary.status,
        ended=summary.ended,
    )


def most_telling(summary: Summary) -> dict[str, Any]:
    """Return the params of a run, at most a hundred: those first that people set, then those of the model.

    Not those that a search has found out: they are results, and in the parallel coordinates the trials, which do not
    have them, would have no lines.
    """
    rank: dict[str, int] = {}
    for source, values in summary.params_by_source.items():
        own = 0 if _FIRST.search(source) else 2 if _LAST.search(source) else 1
        for name in values:
            rank[name] = min(own, rank.get(name, own))
    results = _results(summary)
    given = [name for name in summary.params if name not in results]
    names = sorted(given, key=lambda name: rank.get(name, 2))  # else in the order they were logged in
    return {name: summary.params[name] for name in names[:MOST_PARAMS]}


def group_of(summary: Summary) -> str:
    """Return what repeats of a run have in common: its params but for seeds and places, and its script.

    The page cuts it after some sixteen characters: what tells groups apart comes first.

    >>> group_of(Summary(entry_point="/home/me/fit.py", params={"lr": 0.1, "seed": 1}))
    '8a0258 fit.py'
    """
    results = _results(summary)
    kept = {
        name: value
        for name, value in summary.params.items()
        if name not in results and not _DIFFERS_IN_REPEATS.search(name)
    }
    text = json.dumps([summary.experiment, summary.entry_point, kept], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:6]
    return f"{digest} {PurePath(summary.entry_point or summary.experiment).name}"


def _results(summary: Summary) -> set[str]:
    """The names of the params that a search has found out."""
    found = {source: set(values) for source, values in summary.params_by_source.items() if source.endswith(".best")}
    given = {name for source, values in summary.params_by_source.items() if source not in found for name in values}
    own = {name for names in found.values() for name in names} - given
    return own | {f"{source}.{name}" for source, names in found.items() for name in names}


def as_value(value: Any) -> Value:
    """Return a param as the page takes it: a bool, a number, or text for all others, None among them.

    A param that is None is shown as such: left out, its column would be missing where all runs have None, and the
    parallel coordinates would drop the run. They drop one with "NaN" as well, which is `nan` therefore.
    """
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, (int, float)):
        return Value(number_value=float(value))
    if isinstance(value, str):
        return Value(string_value="nan" if value == "NaN" else value)
    return Value(string_value="None" if value is None else json.dumps(value))


def _value(tag: str, content: HParamsPluginData) -> TensorBoardSummary.Value:
    about = metadata("hparams", content.SerializeToString(deterministic=True))
    about.data_class = 2  # DATA_CLASS_TENSOR; the Rust reader asks for it
    return TensorBoardSummary.Value(tag=f"_hparams_/{tag}", metadata=about, tensor=float_tensor([0]))
