"""What has changed since earlier runs, the last one and the best one: the same ranked causes that `compare` has."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from autotrack.format import short
from autotrack.journal.judging import judged_by, watched
from autotrack.journal.standing import Comparison, Noise, Rivals
from autotrack.journal.summary import Summary
from autotrack.readers.code.changes import code_changes
from autotrack.readers.compare.causes import has_changed, in_short, likely_causes
from autotrack.readers.compare.configuration import configuration_of
from autotrack.readers.compare.differences import as_markdown, differences
from autotrack.readers.compare.earlier_runs import EarlierRuns, Outline, best_of
from autotrack.readers.compare.repeats import spread_among
from autotrack.readers.recorded_run import summarise

_MOST_METRICS = 6


@dataclass(frozen=True)
class ChangesSince:
    """How a run differs from earlier ones: in one `line`, and as Markdown `text`. `rivals` have their best values.

    `by_metric` has the line for each metric by which the best run may be meant, and `at_start` the line for the start:
    the runs since which something has changed that may matter.
    """

    line: str
    text: str
    rivals: Rivals
    by_metric: dict[str, str]
    is_of_latest: bool = False
    noise: Noise = field(default_factory=dict)
    at_start: str = ""

    @property
    def said(self) -> Comparison:
        """What the terminal hears of it."""
        return Comparison(
            self.line,
            self.rivals,
            self.by_metric,
            is_of_latest=self.is_of_latest,
            noise=self.noise,
            at_start=self.at_start,
        )


def changes_of(
    folder: Path,
    earlier_runs: EarlierRuns | None = None,
    now: Summary | None = None,
    *,
    reads_code: bool = False,
) -> ChangesSince | None:
    """Compare the run in `folder` with the last and the best one of its kind before it; None for the first one.

    Pass the same `earlier_runs` to compare many runs: it remembers what it has read. `now` is the summary of the run,
    if it is known. `reads_code` restores the code of the runs, to tell a comment that was changed from what matters;
    it asks git a few times, which is too much for one short run of many.
    """
    now = now or summarise(folder)
    earlier_runs = earlier_runs or EarlierRuns()
    earlier = earlier_runs.before(folder, now)
    if not earlier:
        return None
    labels = _labels(earlier, now)
    beside = _Beside(folder, now, earlier_runs, reads_code=reads_code)
    titles = list(_titles(earlier, _wanted(now)))
    found = [_since(one, beside, labels) for one in titles]
    by_metric = {one.metric: one.line for one in reversed(found) if one.metric}
    return ChangesSince(
        found[0].line,
        found[0].text,
        _rivals(earlier, labels),
        dict(reversed(by_metric.items())),
        earlier_runs.has_older(folder),
        dict(_noise(earlier, now, {run for _, compared in titles for run in compared})),
        f"run {now.name}: {found[0].changed}" if found[0].changed else "",
    )


class _Changes(NamedTuple):
    """What has changed since one run: in a line, as Markdown, and whether any of it may matter."""

    causes: str
    text: str
    has_changed: bool


class _Since(NamedTuple):
    """What has changed since the last run and the best one by a metric. `changed` leaves out what is as it was."""

    metric: str
    line: str
    text: str
    changed: str


class _Beside:
    """Compares a run with earlier ones, each once."""

    def __init__(self, folder: Path, now: Summary, earlier_runs: EarlierRuns, *, reads_code: bool) -> None:
        self._folder, self._now = folder, now
        self._earlier_runs = earlier_runs
        self._reads_code = reads_code
        self._said: dict[Path, _Changes] = {}

    def changes(self, run: Outline) -> _Changes:
        """Return what has changed since a run."""
        if run.folder not in self._said:
            before = self._earlier_runs.summary_of(run)
            found = differences(self._now, before)
            code = None
            if self._reads_code and "code" in found:  # else, git is not asked
                code = code_changes((run.folder, self._folder), (before, self._now))
            causes = likely_causes(self._now, before, code=code)
            self._said[run.folder] = _Changes(in_short(causes), as_markdown(found), has_changed(causes))
        return self._said[run.folder]


def _wanted(now: Summary) -> str | None:
    """Return the metric that the run is to be judged by, as far as it is known: one that is recorded early is not."""
    return next(iter(watched(now)), None) if now.status == "running" else judged_by(now)


def _titles(earlier: list[Outline], wanted: str | None) -> Iterator[tuple[str, dict[Outline, str]]]:
    """Yield the runs to compare with, and what they are: the last one, and the best one by a metric.

    The metric that the run is judged by so far is first. What it is judged by in the end is known to who prints it.
    """
    last = earlier[0]
    others = list(last.directions)[: 1 if wanted else _MOST_METRICS]  # for short fits, one more is enough
    for metric in dict.fromkeys([wanted, *others]):
        titles, best = {last: "last run"}, best_of(earlier, metric)
        if best is not None:
            name, run = best
            title = f"best {name} {short(run.bests[name])}"
            titles[run] = f"{titles[run]} and {title}" if run is last else title
        yield best[0] if best else "", titles


def _labels(earlier: Iterable[Outline], now: Summary) -> dict[Outline, str]:
    """Return what each run is called: by its name, or, if that is the name of another one as well, by its folder."""
    count = Counter([now.name, *(run.name for run in earlier)])
    return {run: run.name if count[run.name] == 1 else run.folder.name for run in earlier}


def _since(compared_with: tuple[str, dict[Outline, str]], beside: _Beside, labels: dict[Outline, str]) -> _Since:
    """Return what one comparison comes to."""
    metric, titles = compared_with
    compared = [(labels[run], title, beside.changes(run)) for run, title in titles.items()]
    lines = [f"since {name} ({title}): {changes.causes}" for name, title, changes in compared]
    changed = [line for line, (*_, changes) in zip(lines, compared, strict=True) if changes.has_changed]
    sections = [f"**Since {name}** ({title})\n\n{changes.text}" for name, title, changes in compared]
    return _Since(metric, "; ".join(lines), "\n\n".join(sections), "; ".join(changed))


def _noise(
    earlier: Iterable[Outline], now: Summary, compared: Iterable[Outline]
) -> Iterator[tuple[str, tuple[str, float]]]:
    """Yield, by metric, what seeds make of it where earlier runs repeat this one or one that it is compared with."""
    wanted = {configuration_of(now), *(run.card["configuration"] for run in compared)}
    cards = [run.card for run in earlier if run.card["configuration"] in wanted]
    for metric in {name for card in cards for name in card["best"]}:
        if (spread := spread_among(metric, wanted, cards)) is not None:
            yield metric, (str(spread), spread.reach)


def _rivals(earlier: Iterable[Outline], labels: dict[Outline, str]) -> Rivals:
    """Return the best values of runs by metric; where runs differ on which way it gets better, the latest tells."""
    rivals: Rivals = {}
    directions: dict[str, str | None] = {}
    for run in earlier:
        for metric, value in run.bests.items():
            if directions.setdefault(metric, run.directions[metric]) == run.directions[metric]:
                rivals.setdefault(metric, []).append((labels[run], value))
    return rivals
