"""`autotrack show` shows one run: how it ended and ranks, what was set or is different, what came of it."""

import re
from typing import Annotated

import msgspec
import typer

from autotrack import settings
from autotrack.cli import show_facts
from autotrack.cli.named_run import named_run
from autotrack.cli.options import JsonOption, StoreOption
from autotrack.cli.plots import plot_lines
from autotrack.cli.printing import say, say_json, say_lines, say_table, say_text, say_title, say_wrapped, styled, width
from autotrack.cli.show_metrics import metrics_table
from autotrack.cli.tables import shortened
from autotrack.cli.trials import trials_table
from autotrack.escapes import printable
from autotrack.format import short
from autotrack.journal.summary import Summary
from autotrack.readers.catalog import Catalog
from autotrack.readers.lists.groups import direction_words
from autotrack.readers.lists.telling_params import telling_params
from autotrack.readers.surroundings import Surroundings
from autotrack.readers.verdict import best_value, how_it_ended, stop_reason

_LONGEST_VALUE = 200
_MOST_FILES = 10
_MOST_PLOTS = 6
_MOST_DIFFERENT = 20
_COLORS = {"finished": "green", "failed": "red", "killed": "red", "interrupted": "yellow", "running": "cyan"}


def show(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="A folder, an id, a name, or `latest`.")] = "latest",
    store: StoreOption = None,
    every: Annotated[
        bool, typer.Option("--all", "-a", help="Also what nobody has set, all metrics, the machine and its load.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a run: how it ended and why, how it ranks among the runs of its experiment, and what came of it.

    Of its params, those are shown that somebody has set, that differ from their defaults, or that differ from the run
    before it and from the best one. `--all` shows the others as well, and `--json` everything that is known.
    """
    looked_at = Catalog()
    recorded = named_run(run, store, looked_at)
    if as_json:
        # Field by field, because encoding the struct would leave out fields with default values.
        fields = {name: msgspec.to_builtins(getattr(recorded.summary, name)) for name in Summary.__struct_fields__}
        fields["stop_reason"] = stop_reason(recorded.summary) or None
        fields["reproducibility"] = recorded.reproducibility.as_dict()
        say_json({"folder": str(recorded.folder.absolute()), **fields, "owed": show_facts.owed(recorded)})
        return
    summary = recorded.summary
    around = Surroundings(recorded, store, looked_at)
    _print_verdict(summary, around)
    for name, value in show_facts.facts_of(recorded, looked_at, in_full=every).items():
        say_wrapped(f"{name:<12} ", value)
    _print_table(*metrics_table(recorded, in_full=every, wanted=settings.resolve().metric))
    if trials := trials_table(summary):
        _print_table(*trials)
    _print_plots(summary, in_full=every)
    _print_params(summary, around, in_full=every)
    files = show_facts.artifacts(summary)
    kept = files if every else files[:_MOST_FILES]
    more = f", {len(kept)} of {len(files)} (--all has the others)" if len(kept) < len(files) else ""
    _print_table(f"checkpoints and files{more}", ["path", "kind", "size", "saved for"], kept)
    _print_table("data", ["role", "what", "rows", "covered", "shared rows"], show_facts.datasets(summary))
    if every:
        rows = show_facts.missing_to_repeat(recorded)
        _print_table("missing to repeat it", show_facts.MISSING_COLUMNS, rows)
        _print_table("files that were read", ["file", "size", "checksum"], show_facts.files_read(summary))
        _print_table("system load", ["name", "mean", "max"], show_facts.system_load(summary))
    _print_table("notices", ["about", "message"], [[notice.about, notice.message] for notice in summary.notices])
    _print_table("owed to servers", ["server", "what it has not taken"], show_facts.owed_rows(recorded))
    for title, text in (("changes", _plain(summary.texts.get("changes", ""))), ("traceback", summary.traceback)):
        if text:
            say_title(title)
            say_text(text.rstrip())


def _print_verdict(summary: Summary, around: Surroundings) -> None:
    """Print in two lines how a run ended, and what it came to among the others."""
    ended = printable(how_it_ended(summary))
    color = _COLORS.get(summary.status)
    name = shortened(printable(summary.name), width() // 2)
    say_wrapped(f"{styled(name, 'bold')}  ", ended, style=color, indent=2)
    rank = around.rank
    if rank is None:
        say("")
        return
    metric = summary.metrics[rank.metric]
    best = metric.best or metric.last
    where = f" in epoch {best.epoch}" if best.epoch is not None else f" at step {best.step}" if best.step else ""
    parts = [f"{rank.metric} {best_value(around.run, rank.metric)}{where if metric.count > 1 else ''}"]
    if rank.count > 1:
        parts.append(rank.in_words)
    if rank.best is not None:
        word = "best" if rank.place > 1 else "next"
        parts.append(f"{word} is {rank.best.name} with {best_value(rank.best, rank.metric)}")
    say_wrapped("  ", f"{', '.join(parts)} ({direction_words(rank.direction)})")
    say("")


def _print_params(summary: Summary, around: Surroundings, *, in_full: bool) -> None:
    telling, others, defaults = telling_params(summary, [run for _, run in around.compared])
    shown = telling if in_full else telling[:_MOST_DIFFERENT]
    columns = ["name", "value", "default", *(label for label, _ in around.compared), "source"]
    rows = [
        [
            param.row.name,
            _value(param.row.value),
            param.row.default,
            *("" if value is None else _value(value) for value in param.others),
            ", ".join(param.row.sources if in_full else param.row.sources[:1]),
        ]
        for param in shown
    ]
    hidden = len(others) + len(defaults) + len(telling) - len(shown)
    _print_table("params that were set, or that differ" if not in_full else "params", columns, rows)
    if in_full:
        for title, params in (("other params", others), ("params left at their default", defaults)):
            listed = [[row.name, _value(row.value), ", ".join(row.sources)] for row in params]
            _print_table(title, ["name", "value", "source"], listed)
    elif hidden:
        if not rows:
            say_title("params")
        say_lines([styled(f"{hidden} {'more' if rows else 'params'} that nobody set: --all shows them", "dim")])


def _print_plots(summary: Summary, *, in_full: bool) -> None:
    plots = summary.plots if in_full else summary.plots[:_MOST_PLOTS]
    if plots:
        is_cut = len(plots) < len(summary.plots)
        say_title(f"plots, {len(plots)} of {len(summary.plots)} (--all has the others)" if is_cut else "plots")
    for plot in plots:
        say_lines(plot_lines(plot, width()))


def _print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    if rows:
        say_title(title)
        say_table(*_without_empty(columns, rows))


def _without_empty(columns: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return a table without the columns in which there is nothing."""
    filled = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    return [columns[place] for place in filled], [[row[place] for place in filled] for row in rows]


def _value(value: object) -> str:
    text = short(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _plain(changes: str) -> str:
    """Return what has changed, which is recorded as Markdown for TensorBoard, as it is written for a terminal."""
    paragraphs = re.sub(r"^\*\*(.+?)\*\* \((.+)\)$", r"\1 (\2):", changes, flags=re.MULTILINE).split("\n\n")
    return "\n".join(
        paragraph if paragraph.endswith(":") else re.sub(r"^- ", "  ", paragraph, flags=re.MULTILINE)
        for paragraph in paragraphs
    )
