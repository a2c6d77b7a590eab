"""The content of the HParams page: the params of a run or of a trial, and how it ended.

The messages are those of `tensorboard/plugins/hparams/plugin_data.proto`. There is never a description of the
experiment: the first one would decide the columns for all runs, while without any TensorBoard shows all columns.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Value
from tensorboard.compat.proto.summary_pb2 import Summary as TensorBoardSummary  # type: ignore[import-untyped]  # it comes without types
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo  # type: ignore[import-untyped]  # it comes without types

from autotrack.journal.params import varies_by_itself
from autotrack.journal.summary import Summary
from autotrack.sinks.tensorboard.encoding import float_tensor, metadata

MOST_PARAMS = 100
"""How many columns there are to choose from. The more there are, the more the page has to load."""

_STATUS = {
    "running": 3,
    "finished": 1,
    "failed": 2,
    "interrupted": 2,
    "killed": 2,
    "pruned": 1,
}  # of `api.proto`: Status

_FIRST = re.compile(r"^(user|argparse|cli|model\.hparams)$|\.changed$|hparams")
_LAST = re.compile(r"^(callbacks|seed|keras)$|^data\.|^trainer$|^rank\d+\.")


@dataclass(frozen=True)
class Session:
    """One row of the page: its params by name, when it `started`, its `status`, and when it `ended`, if it has.

    Rows of one `group` are shown as one.
    """

    params: Mapping[str, Any]
    group: str
    started: float
    status: str = "running"
    ended: float | None = None

    def start(self) -> TensorBoardSummary.Value:
        """Return the value that starts the session."""
        info = SessionStartInfo(group_name=self.group, start_time_secs=self.started)
        for name, value in self.params.items():
            info.hparams[name].CopyFrom(as_value(value))
        return _value("session_start_info", HParamsPluginData(version=0, session_start_info=info))

    def end(self) -> TensorBoardSummary.Value:
        """Return the value that tells how the session ended, or that it goes on."""
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
    """Return the most important params of a run, at most a hundred. Those that people set come before the model's.

    What varies by itself is left out, because the page ticks the columns that differ, and so are the results of a
    search: trials do not have them, and would have no lines in the parallel coordinates.
    """
    rank: dict[str, int] = {}
    for source, values in summary.params_by_source.items():
        source_rank = 0 if _FIRST.search(source) else 2 if _LAST.search(source) else 1
        given = summary.params_given.get(source)
        for name in values:
            own = source_rank if given is None else 0 if name in given else 1
            rank[name] = min(own, rank.get(name, own))
    results = _results(summary)
    given = [
        name for name, value in summary.params.items() if name not in results and not varies_by_itself(name, value)
    ]
    names = sorted(given, key=lambda name: rank.get(name, 2))  # otherwise in the order in which they were logged
    return {name: summary.params[name] for name in names[:MOST_PARAMS]}


def group_of(summary: Summary) -> str:
    """Return what the row of a run is called: its name, and a few digits, for several runs may have the same name.

    The page shows about sixteen characters.

    >>> group_of(Summary(name="brave-otter", id="5f0c92a1b7"))
    'brave-otter fe82'
    """
    text = json.dumps([summary.id, summary.experiment, summary.params], sort_keys=True, default=str)
    return f"{summary.name} {hashlib.sha256(text.encode(errors='replace')).hexdigest()[:4]}"


def _results(summary: Summary) -> set[str]:
    """Return the names of the params that are results of a search."""
    best = {source: set(values) for source, values in summary.params_by_source.items() if source.endswith(".best")}
    given = {name for source, values in summary.params_by_source.items() if source not in best for name in values}
    results = {name for names in best.values() for name in names} - given
    return results | {f"{source}.{name}" for source, names in best.items() for name in names}


def as_value(value: Any) -> Value:
    """Return a param in a form that the page takes: a bool, a number, or text for everything else.

    None becomes text. If it were left out, its column would be missing when all runs have None, and the parallel
    coordinates would drop the run. They drop runs with "NaN" as well, which therefore becomes "nan".
    """
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, (int, float)):
        with suppress(OverflowError):  # an integer of hundreds of digits is shown as text
            return Value(number_value=float(value))
    if isinstance(value, str):
        return Value(string_value="nan" if value == "NaN" else value)
    return Value(string_value="None" if value is None else json.dumps(value))


def _value(tag: str, content: HParamsPluginData) -> TensorBoardSummary.Value:
    about = metadata("hparams", content.SerializeToString(deterministic=True))
    about.data_class = 2  # DATA_CLASS_TENSOR, which the Rust reader requires
    return TensorBoardSummary.Value(tag=f"_hparams_/{tag}", metadata=about, tensor=float_tensor([0]))
