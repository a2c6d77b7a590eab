"""Medians, intervals, Markdown tables, and the line that says where they come from."""

import os
import platform
import random
import statistics
from collections.abc import Iterable, Sequence
from importlib import metadata

median = statistics.median

_DISTRIBUTIONS = "autotrack-ml msgspec torch lightning tensorboard mlflow wandb trackio dvclive".split()


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest of those values that at least this share of all is below.

    >>> percentile(range(1000), 0.99)
    990
    """
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the middle half."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def interval(values: Sequence[float], *, resamplings: int = 4000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median; the same for the same values."""
    dice = random.Random(0)
    medians = [median(dice.choices(values, k=len(values))) for _ in range(resamplings)]
    return percentile(medians, 0.025), percentile(medians, 0.975)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, aligned for reading as text too; the first column to the left, the others to the right.

    >>> print(table(["a", "b"], [["x", "1.0"]]))
    | a |   b |
    |:--|----:|
    | x | 1.0 |
    """
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    rule = [":" + "-" * (widths[0] + 1), *("-" * (width + 1) + ":" for width in widths[1:])]
    lines = [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in [header, *rows]]
    for line in lines:
        line[0] = line[0].strip().ljust(widths[0])
    shown = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([shown[0], f"|{'|'.join(rule)}|", *shown[1:]])


def goal(what: str, found: str, *, met: bool) -> str:
    """Return a line that says what was hoped for and what was found."""
    return f"- {what}: {found}, {'met' if met else '**missed**'}."


def left_out(names: Sequence[str]) -> str:
    """Return a word on the peers that are not installed here."""
    return f"Not installed here, and left out: {', '.join(names)}." if names else ""


def machine() -> str:
    """Return one line of facts: cores, Python, versions, and how busy the machine was."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS if _is_installed(name))
    load = f"; load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{cores} cores, {python}, {platform.system()} {platform.machine()}; {versions}{load}."


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
