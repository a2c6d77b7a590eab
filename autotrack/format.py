"""Formats numbers, durations, paths, metrics and texts of others for people."""

from collections.abc import Collection
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path

from autotrack.journal.standing import Standing
from autotrack.journal.summary import MetricSummary


def describe(metric: MetricSummary) -> str:
    """Return a metric's last and best value, as in `0.0912  best 0.0874 in epoch 6`."""
    text = short(metric.last.value)
    if metric.best is None or metric.count < 2:
        return text
    where = ""
    if metric.best.epoch is not None:
        where = f" in epoch {metric.best.epoch}"
    elif metric.best.step is not None:
        where = f" at step {metric.best.step}"
    return f"{text}  best {short(metric.best.value)}{where}"


def verdict(standing: Standing) -> str:
    """Return how a run ranks, as in `val_acc 0.9917, 2nd of 5 (best: fleet-lemur 0.9944)`."""
    best = "best" if standing.rank > 1 else "best before"
    rank = ranked(standing.rank, standing.count, is_shared=standing.is_shared, is_of_latest=standing.is_of_latest)
    value, other = short(standing.value), f"{standing.best_name} {short(standing.best_value)}"
    noise = f", which is no more than seeds make: {standing.noise}" if standing.noise else ""
    return f"{standing.metric} {value}, {rank} ({best}: {other}{noise})"


def ranked(rank: int, count: int, *, is_shared: bool = False, is_of_latest: bool = False) -> str:
    """Return a rank in words, as it is told everywhere.

    >>> ranked(2, 5), ranked(1, 3, is_shared=True), ranked(2, 201, is_of_latest=True)
    ('2nd of 5', 'shared 1st of 3', '2nd of the latest 201')
    """
    return f"{'shared ' if is_shared else ''}{ordinal(rank)} of {'the latest ' if is_of_latest else ''}{count}"


def ordinal(count: int) -> str:
    """Return the word for a place in an order.

    >>> ordinal(1), ordinal(22), ordinal(113)
    ('1st', '22nd', '113th')
    """
    ending = {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{'th' if count % 100 in (11, 12, 13) else ending}"


def some(names: Collection[str], most: int, *, between: str = ", ") -> str:
    """Return the first names, and how many more there are.

    >>> some(["a", "b", "c", "d"], 2), some(["a"], 2)
    ('a, b and 2 more', 'a')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(islice(names, most)) + more


def short(value: object) -> str:
    """Return a value in few characters. Floats get four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def first_line(text: str) -> str:
    r"""Return the first line of a text that is not empty, with a mark if there are more.

    >>> first_line("ValueError: \nall fits failed.\nSee above"), first_line("ValueError: no")
    ('ValueError: all fits failed. …', 'ValueError: no')
    """
    first, _, rest = text.strip().partition("\n")
    if first.endswith(": ") and rest.strip():  # what begins with a line break has nothing but its type there
        next_line, _, rest = rest.strip().partition("\n")
        first += next_line
    return f"{first.rstrip()} …" if rest.strip() else first.rstrip()


def human_bytes(size: float) -> str:
    """Return an amount of bytes for people.

    >>> human_bytes(0), human_bytes(812), human_bytes(48_200), human_bytes(2e6), human_bytes(3.25e9)
    ('0 B', '812 B', '48.2 kB', '2.0 MB', '3.2 GB')
    """
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:.0f} B"


def human_seconds(seconds: float) -> str:
    """Return a duration for people.

    >>> human_seconds(3.21), human_seconds(75), human_seconds(7260)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(seconds: float, zone: tzinfo | None = None) -> str:
    """Write a time in seconds since 1970 as date and time, in a zone or that of this machine.

    What no calendar has, as a clock that was never set may write it, stays a number.

    >>> from datetime import UTC
    >>> moment(1795702072.5, UTC), moment(1e300, UTC)
    ('2026-11-26 14:07:52', '1e+300 s')
    """
    try:
        return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"


def recent_moment(seconds: float, now: datetime | None = None) -> str:
    """Write a time as people say it on the same day and the next, otherwise as date and time, to the minute.

    >>> recent_moment(datetime(2026, 11, 26, 14, 7).timestamp(), datetime(2026, 11, 27, 9, 0))
    'yesterday 14:07'
    """
    now = now or datetime.now()
    try:
        at = datetime.fromtimestamp(seconds)
    except (ValueError, OverflowError, OSError):
        return moment(seconds)
    days = (now.date() - at.date()).days
    day = {0: "today", 1: "yesterday"}.get(days, at.strftime("%Y-%m-%d"))
    return f"{day} {at:%H:%M}"


def shown(folder: Path) -> str:
    """Return a path, relative to the working directory if it is inside it."""
    try:
        return str(folder.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(folder)
