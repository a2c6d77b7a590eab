"""`autotrack report` writes runs into one file that opens in any browser."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from autotrack.cli.named_run import named_run
from autotrack.cli.options import StoreOption, WhereOption
from autotrack.cli.printing import say, say_text
from autotrack.cli.progress import with_progress
from autotrack.cli.unreadable import say_unreadable
from autotrack.errors import QueryError
from autotrack.format import human_bytes
from autotrack.readers import catalog
from autotrack.readers.runs import Runs
from autotrack.report.file import Report, title_of
from autotrack.report.markdown import markdown

_SUFFIXES = (".html", ".htm", ".md")


def report(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]…", help="Folders, ids or names; by default, all runs.")
    ] = None,
    where: WhereOption = None,
    last: Annotated[int | None, typer.Option("--last", "-n", min=1, help="Only the newest N.")] = None,
    store: StoreOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write, .html or .md; by default, report.html.")
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Write Markdown, for a pull request or the summary of a CI job.")
    ] = False,
    title: Annotated[str | None, typer.Option("--title", help="The title; by default, the experiment.")] = None,
    in_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the web browser.")] = False,
) -> None:
    """Write runs into one file: tables, curves, comparisons and everything that was recorded of each run.

    The file needs no server and no network, so it can be mailed, attached to a pull request, and kept. It has the
    params, texts, output and uncommitted changes of the runs, but no data, models or other files.
    """
    _check(output, as_markdown=as_markdown)
    place, looked_at = catalog.existing_store(store), catalog.Catalog()
    every = looked_at.runs(place)
    say_unreadable(place)
    chosen = Runs([named_run(name, store, looked_at) for name in names], whole=every) if names else every
    chosen = chosen.where(where) if where else chosen
    chosen = chosen.last(last) if last else chosen
    if not chosen:
        raise QueryError("there are no runs" + (" for which that holds" if where else ""))
    if as_markdown or (output is not None and output.suffix.lower() == ".md"):
        _write_markdown(chosen, title, output)
        return
    page = Report(
        chosen, chosen.names, title=title, whole=every, watch=lambda runs: with_progress(runs, "reading runs")
    )
    path = page.write(output or Path("report.html"))
    count = f"{len(chosen)} run{'' if len(chosen) == 1 else 's'}"
    say(f"{count} in {path} ({human_bytes(path.stat().st_size)})")
    if in_browser:
        webbrowser.open(path.absolute().as_uri())


def _check(output: Path | None, *, as_markdown: bool) -> None:
    if output is None:
        return
    if not as_markdown and output.suffix.lower() not in _SUFFIXES:
        raise QueryError(f"{str(output)!r} ends in {output.suffix!r}; expected .html, or .md for Markdown")
    if not output.parent.is_dir():
        raise QueryError(f"there is no folder {str(output.parent)!r} to write {output.name} into; make it first")


def _write_markdown(runs: Runs, title: str | None, output: Path | None) -> None:
    """Write into a file, or print."""
    text = markdown(runs, runs.names, title=title or title_of(runs))
    if output is None:
        say_text(text.rstrip())
    else:
        output.write_text(text, encoding="utf-8")
        say(f"{len(runs)} run{'' if len(runs) == 1 else 's'} in {output}")
