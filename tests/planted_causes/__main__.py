"""`python -m tests.planted_causes [FOLDER]` records all planted changes, and says how many were explained."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.planted_causes.fresh import FRESH, OF_EVERY_KIND, WITH_ANOTHER_SEED
from tests.planted_causes.pairs import PAIRS
from tests.planted_causes.recording import Answer, Laboratory, Planted

_PARTS = {
    "changes that the explanations were made for": PAIRS,
    "changes that were invented afterwards": FRESH,
    "changes that the frameworks lacked of some kinds": OF_EVERY_KIND,
    "changes beside which the seed is another one": WITH_ANOTHER_SEED,
}


def answers(planted: Sequence[Planted], top: Path) -> Iterator[Answer]:
    """Ask about each change. Projects that several changes start from are recorded first."""
    laboratory = Laboratory(top)
    with ThreadPoolExecutor(2) as pool:
        bases = {(one.framework, one.has_git, one.name if one.both else "", one.repeats): one for one in planted}
        for one in bases.values():
            laboratory.base(one)
        yield from pool.map(laboratory.ask, planted)


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(arguments[0]) if arguments else Path(folder)
        told = list(answers([one for planted in _PARTS.values() for one in planted], top))
    for title, planted in _PARTS.items():
        print(title)
        show(told[: len(planted)])
        del told[: len(planted)]
    return 0


def show(told: Sequence[Answer]) -> None:
    """Print what was said of each change, with the next causes where the first one is wrong."""
    for answer in told:
        first = answer.causes[0]
        values = " → ".join(f"{value:.6g}" for value in answer.values if value is not None)
        print(
            f"{answer.place or '-':>2}  {answer.planted.framework}: {answer.planted.name} ({answer.metric} {values})"
        )
        print(f"      {first.cause} [{first.kind}, {first.confidence}]: {first.evidence}")
        if answer.place != 1:
            for cause in answer.causes[1:5]:
                print(f"      {cause.cause} [{cause.kind}, {cause.confidence}]: {cause.evidence}")
    found = sum(answer.place == 1 for answer in told)
    print(f"{found} of {len(told)} first")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
