"""Arguments that are read without pydantic come out as typer reads them, and so does every mistake."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from autotrack.cli.plain_arguments import PlainCommand


def _said(arguments: list[str], **options: Any) -> tuple[int, str]:
    app = typer.Typer()

    @app.command(**options)
    def show(
        place: Path,
        names: Annotated[list[str] | None, typer.Argument()] = None,
        last: Annotated[int | None, typer.Option(min=1)] = None,
        share: Annotated[float, typer.Option(max=1.0)] = 0.5,
        weights: Annotated[Literal["last", "best"], typer.Option()] = "last",
        tags: Annotated[list[int] | None, typer.Option("--tag")] = None,
        number: Annotated[int, typer.Option()] = 7,
        existing: Annotated[Path | None, typer.Option(exists=True)] = None,
        every: Annotated[bool, typer.Option("--all/--few")] = False,
    ) -> None:
        typer.echo(repr((place, names, last, share, weights, tags, number, existing, every)))

    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "runs",
        "runs a b --last 3 --weights best --all",
        "runs --last 0",
        "runs --last -1",
        "runs --last three",
        "runs --last 3.0",
        "runs --last ٣",
        "runs --share 0.25",
        "runs --share 2",
        "runs --weights first",
        "runs --weights BEST",
        "runs --tag 1 --tag 2",
        "runs --tag 1 --tag two",
        "runs --number 1_000",
        "runs --number +3",
        "runs --existing /",
        "runs --existing /there/is/none",
        "runs --few --there-is-none",
        "--help",
    ],
)
def test_arguments_are_read_as_typer_reads_them(arguments: str) -> None:
    words = arguments.split()
    assert _said(words, cls=PlainCommand) == _said(words)
