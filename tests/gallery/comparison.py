"""One script with autotrack and without: what it prints, how it ends, how long it takes, and what is in its runs."""

import math
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import psutil

import autotrack

_FIRST_LINE = {True: "import autotrack; autotrack.autolog(); ", False: "import warnings, os; os.getpid(); "}
"""What comes before the first line of the script, so that all lines keep their numbers."""

_ENVIRONMENT = {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_NOT_PASSED_ON = ("AUTOTRACK_", "PYTHONDONTWRITEBYTECODE")
"""Where no bytecode is written, autotrack is compiled anew for every script, unlike what is installed."""

_LONGEST_SECONDS = 300
_SCORE = re.compile(r"score|accuracy|precision|recall|f1|auc|error|r2|r\^2|loss", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{2,}(?![\w.])")
_TIME = re.compile(r"\b\d+(\.\d+)?(e-?\d+)? ?(s|sec|secs|seconds?|ms|milliseconds?|min|minutes?)\b")
_NO_FAULTS = {"model", "sklearn params", "sklearn importances", "sklearn estimator.html", "sklearn curves"}
"""What a notice may be about that tells of the user's objects, and not of a fault of autotrack."""


@dataclass(frozen=True)
class Execution:
    """One execution of a script."""

    exit_code: int
    output: list[str]
    errors: list[str]
    lines_of_autotrack: int
    seconds: float
    cpu_seconds: float


@dataclass
class Comparison:
    """How a script went with autotrack, compared to how it goes without.

    `ratio` is of wall time, which other work on the machine disturbs; `cpu_ratio` is of the computing time of the
    script's own process and its workers.
    """

    script: str
    seconds: float
    ratio: float
    cpu_ratio: float
    runs: int
    lines: int
    scores_printed: int
    scores_found: int
    problems: list[str] = field(default_factory=list)


def compare(script: Path, folder: Path, *, rounds: int = 2) -> Comparison:
    """Execute a script without autotrack and with it, each in a folder of its own below this one.

    A script that seems slow is executed in so many `rounds`, and the shortest times are compared: the machine may have
    been busy with something else.
    """
    without, with_autotrack = _execute(script, folder / "off", False), _execute(script, folder / "on", True)
    off_seconds, on_seconds = [without.seconds], [with_autotrack.seconds]
    while len(on_seconds) < rounds and min(on_seconds) > 1.1 * min(off_seconds):
        off_seconds.append(_execute(script, folder / "off", False).seconds)
        on_seconds.append(_execute(script, folder / "on", True).seconds)
    ratio = min(on_seconds) / min(off_seconds)
    varying = set[int]()
    if without.output != with_autotrack.output or without.errors != with_autotrack.errors:
        once_more = _execute(script, folder / "off", False)
        varying = _differing(without.output, once_more.output)
        without_errors = set(without.errors) | set(once_more.errors)
    else:
        without_errors = set(without.errors)
    runs = list(autotrack.runs(folder / "on" / "runs")) if (folder / "on" / "runs").exists() else []
    printed = list(_printed_scores(with_autotrack.output))
    recorded = [value for run in runs for value in _values(run)]
    return Comparison(
        script=f"{script.parent.name}/{script.name}",
        seconds=without.seconds,
        ratio=ratio,
        cpu_ratio=with_autotrack.cpu_seconds / max(without.cpu_seconds, 0.01),
        runs=len(runs),
        lines=with_autotrack.lines_of_autotrack,
        scores_printed=len(printed),
        scores_found=sum(_is_among(number, recorded) for number in printed),
        problems=[*_problems(without, with_autotrack, varying, without_errors), *_faults(runs)],
    )


def _execute(script: Path, folder: Path, with_autotrack: bool) -> Execution:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copied = folder / script.name
    copied.write_text(_FIRST_LINE[with_autotrack] + script.read_text(encoding="utf-8"), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    environment |= {**_ENVIRONMENT, "AUTOTRACK_TO": str(folder / "runs")}
    began, cpu_before = perf_counter(), _cpu_seconds_of_children()
    try:
        done = subprocess.run(
            [sys.executable, copied.name],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Execution(-1, [], [f"it took more than {_LONGEST_SECONDS} s"], 0, _LONGEST_SECONDS, _LONGEST_SECONDS)
    seconds, cpu_seconds = perf_counter() - began, _cpu_seconds_of_children() - cpu_before
    _wait_for_sidecars(folder)
    errors, lines = _without_lines_of_autotrack(done.stderr.splitlines())
    output, errors = _steady(done.stdout.splitlines(), folder), _steady(errors, folder)
    return Execution(done.returncode, output, errors, lines, seconds, cpu_seconds)


def _steady(lines: list[str], folder: Path) -> list[str]:
    """Return lines without what differs from one execution to the next: the folder, and times."""
    return [_TIME.sub("<time>", line.replace(str(folder), "")) for line in lines]


def _cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_for_sidecars(folder: Path, seconds: float = 30) -> None:
    """Wait until nothing of the script works in its folder any more, so that the next one has the machine."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(_works_in(process, folder) for process in psutil.process_iter()):
        time.sleep(0.2)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in " ".join(process.cmdline()) or folder in (
            Path(process.cwd()),
            *Path(process.cwd()).parents,
        )
    except psutil.Error:
        return False


def _without_lines_of_autotrack(lines: list[str]) -> tuple[list[str], int]:
    """Return the lines of the script, and how many were autotrack's: they begin so, or are indented below one."""
    others, count, is_ours = [], 0, False
    for line in lines:
        is_ours = line.startswith("autotrack: ") or (is_ours and line.startswith("  "))
        count += is_ours
        if not is_ours:
            others.append(line)
    return others, count


def _problems(off: Execution, on: Execution, varying: set[int], errors_without: set[str]) -> Iterator[str]:
    if off.exit_code != on.exit_code:
        yield f"exit code {on.exit_code} instead of {off.exit_code}: {' '.join(on.errors[-1:])}"
    if different := _differing(off.output, on.output) - varying:
        number = min(different)
        lines = [execution.output[number : number + 1] for execution in (on, off)]
        yield f"line {number + 1} of the output: {lines[0]} instead of {lines[1]}"
    if new := [line for line in on.errors if line not in errors_without and not _has_varying_numbers(line)]:
        yield f"on stderr: {new[0]}"


def _has_varying_numbers(line: str) -> bool:
    """Whether this is a line about time, such as `[Parallel(n_jobs=1)]: Done 4 tasks, elapsed 0.1s`."""
    return "elapsed" in line or "time" in line.lower()


def _differing(first: list[str], second: list[str]) -> set[int]:
    common = min(len(first), len(second))
    return {number for number in range(common) if first[number] != second[number]} | set(
        range(common, max(len(first), len(second)))
    )


def _faults(runs: list[autotrack.RecordedRun]) -> Iterator[str]:
    faults = {(notice.about, notice.message) for run in runs for notice in run.notices}
    for about, message in sorted(faults):
        if about.partition(",")[0] not in _NO_FAULTS:
            yield f"notice: {about}: {message}"


def _printed_scores(output: list[str]) -> Iterator[str]:
    for line in output:
        if _SCORE.search(line):
            yield from _NUMBER.findall(line)


def _values(run: autotrack.RecordedRun) -> Iterator[float]:
    for name in run.metrics:
        yield from (point.value for point in run.history(name) if isinstance(point.value, (int, float)))
    for trial in run.trials:
        yield from (value for value in trial.values.values() if isinstance(value, (int, float)))


def _is_among(printed: str, values: list[float]) -> bool:
    """Whether a recorded value, a loss among them with its sign turned, is printed like this; or as a percentage."""
    digits = len(printed.partition(".")[2])
    return any(
        math.isfinite(value) and f"{shown:.{digits}f}" == printed
        for value in values
        for shown in (value, -value, 100 * value)
    )
