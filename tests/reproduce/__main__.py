"""`python -m tests.reproduce` repeats the run of each planted project, and says what came out and how long it took."""

import sys
import tempfile
from pathlib import Path
from time import perf_counter

from tests.reproduce.planted import Planted
from tests.reproduce.planted_more import ALL


def tried(planted: Planted) -> tuple[bool, str]:
    """Return whether the right verdict came out, and a line about it."""
    with tempfile.TemporaryDirectory() as top:
        try:
            began = perf_counter()
            root = planted.record(Path(top))
            recorded = perf_counter()
            done = planted.repeat(root)
        except Exception as error:  # noqa: BLE001  the others are tried all the same
            return False, f"{type(error).__name__}: {error}"
        seconds = f"{(recorded - began) / planted.runs:.1f} s recorded, {perf_counter() - recorded:.1f} s repeated"
        cause = next((cause["kind"] for cause in done["causes"]), None)
        is_right = (done["verdict"], cause) == (planted.verdict, planted.cause)
        wanted = "" if is_right else f"; expected {planted.verdict} because of {planted.cause}, found {cause}"
        return is_right, f"{done['verdict']}: {done['reason']} ({seconds}){wanted}"


def main() -> int:
    """Try those whose name has one of the words on the command line, or all."""
    chosen = [one for one in ALL if not sys.argv[1:] or any(word in one.name for word in sys.argv[1:])]
    wrong = 0
    for planted in chosen:
        is_right, line = tried(planted)
        wrong += not is_right
        sys.stdout.write(f"{'right' if is_right else 'WRONG'}  {planted.name}\n       {line}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - wrong} of {len(chosen)} as they should be\n")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
