"""Run scikit-learn's gallery with autotrack and without, and print a table: `python -m tests.gallery [--only TEXT]`.

The scripts come with the source of scikit-learn, from the package index.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.gallery.comparison import Comparison, compare
from tests.gallery.examples import scripts, unpacked

MOST_LINES = 20
MEDIAN_RATIO = 1.1
LARGEST_RATIO = 1.5


def main(arguments: Sequence[str]) -> int:
    """Compare the scripts that were asked for, all by default; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("--only", default="", help="scripts whose path has this in it")
    parser.add_argument("--scripts", type=int, default=10_000, help="at most so many scripts, evenly chosen")
    parser.add_argument(
        "--rounds", type=int, default=2, help="how often a script that seems slow is executed each way"
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "autotrack-gallery",
                        help="where the source of scikit-learn is kept")  # fmt: skip
    options = parser.parse_args(arguments)
    chosen = [path for path in scripts(unpacked(options.cache)) if options.only in str(path)]
    chosen = chosen[:: max(1, -(-len(chosen) // options.scripts))]
    print("| script | s | wall | CPU | runs | lines | scores found | problems |\n|---|--:|--:|--:|--:|--:|--:|---|")
    found = []
    for path in chosen:
        with tempfile.TemporaryDirectory(prefix="autotrack-gallery-", ignore_cleanup_errors=True) as folder:
            found.append(compare(path, Path(folder), rounds=options.rounds))
        print(row(found[-1]), flush=True)
    print(f"\n{verdict(found)}")
    too_slow = statistics.median(comparison.ratio for comparison in found) > MEDIAN_RATIO if found else True
    return 1 if too_slow or any(problems_of(comparison) for comparison in found) else 0


def problems_of(comparison: Comparison) -> list[str]:
    """Return all that is wrong with a comparison, its ratio and its lines included."""
    problems = list(comparison.problems)
    if comparison.lines > MOST_LINES:
        problems.append(f"{comparison.lines} lines on the terminal")
    if comparison.ratio > LARGEST_RATIO:
        problems.append(f"{comparison.ratio:.2f} times as long")
    return problems


def row(comparison: Comparison) -> str:
    """Return the row of a comparison in the table."""
    problems = "; ".join(problems_of(comparison)).replace("|", "\\|").replace("\n", " ")
    scores = f"{comparison.scores_found} of {comparison.scores_printed}" if comparison.scores_printed else ""
    return (
        f"| {comparison.script} | {comparison.seconds:.1f} | {comparison.ratio:.2f} "
        f"| {comparison.cpu_ratio:.2f} | {comparison.runs} | {comparison.lines} | {scores} | {problems} |"
    )


def verdict(found: Sequence[Comparison]) -> str:
    """Return what the comparisons say together."""
    if not found:
        return "no scripts"
    ratios = [comparison.ratio for comparison in found]
    bad = sum(1 for comparison in found if problems_of(comparison))
    printed, kept = (sum(getattr(one, name) for one in found) for name in ("scores_printed", "scores_found"))
    runs, lines = sum(one.runs for one in found), max(one.lines for one in found)
    cpu = [one.cpu_ratio for one in found]
    return "; ".join([
        f"{len(found)} scripts, {bad} with a problem",
        f"wall time {statistics.median(ratios):.2f} times in the median, {max(ratios):.2f} at worst",
        f"CPU time {statistics.median(cpu):.2f} and {max(cpu):.2f}",
        f"{runs} runs, at most {lines} lines in a script",
        f"{kept} of {printed} printed scores are in the runs",
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
