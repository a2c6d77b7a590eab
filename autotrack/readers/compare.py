"""What has changed since earlier runs: the last one, and the best one."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autotrack.format import short
from autotrack.journal.judging import judged_by, watched
from autotrack.journal.standing import Comparison, Rivals
from autotrack.journal.summary import Summary
from autotrack.readers.differences import as_markdown, differences, in_short
from autotrack.readers.earlier_runs import EarlierRuns, Outline, best_of
from autotrack.readers.recorded_run import summarise

_MOST_METRICS = 6


@dataclass(frozen=True)
class ChangesSince:
    """How a run differs from earlier ones: in one `line`, and as Markdown `text`. `rivals` have their best values.

    `by_metric` has the line for each metric by which the best run may be meant.
    """

    line: str
    text: str
    rivals: Rivals
    by_metric: dict[str, str]

    @property
    def said(self) -> Comparison:
        """What the terminal hears of it."""
        return Comparison(self.line, self.rivals, self.by_metric)


def changes_of(
    folder: Path, earlier_runs: EarlierRuns | None = None, now: Summary | None = None
) -> ChangesSince | None:
    """Compare the run in `folder` with the last and the best one of its kind before it; None for the first one.

    Pass the same `earlier_runs` to compare many runs: it remembers what it has read. `now` is the summary of the run,
    if it is known.
    """
    now = now or summarise(folder)
    earlier_runs = earlier_runs or EarlierRuns()
    earlier = earlier_runs.before(folder, now)
    if not earlier:
        return None
    labels = _labels(earlier, now)
    found = [_since(one, now, earlier_runs, labels) for one in _titles(earlier, _wanted(now))]
    by_metric = {metric: line for metric, line, _ in reversed(found) if metric}
    return ChangesSince(found[0][1], found[0][2], _rivals(earlier, labels), dict(reversed(by_metric.items())))


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


def _since(
    compared_with: tuple[str, dict[Outline, str]], now: Summary, earlier_runs: EarlierRuns, labels: dict[Outline, str]
) -> tuple[str, str, str]:
    """Return the metric, the line and the Markdown text of one comparison."""
    metric, titles = compared_with
    compared = [(labels[run], title, differences(now, earlier_runs.summary_of(run))) for run, title in titles.items()]
    lines = [f"since {name} ({title}): {in_short(changes)}" for name, title, changes in compared]
    sections = [f"**Since {name}** ({title})\n\n{as_markdown(changes)}" for name, title, changes in compared]
    return metric, "; ".join(lines), "\n\n".join(sections)


def _rivals(earlier: Iterable[Outline], labels: dict[Outline, str]) -> Rivals:
    rivals: Rivals = {}
    for run in earlier:
        for metric, value in run.bests.items():
            rivals.setdefault(metric, []).append((labels[run], value))
    return rivals
