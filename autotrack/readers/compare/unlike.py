"""Whether two runs are of one training at all: of the same script, the same frameworks and the same model.

Of those that are not, nearly every param differs, and none of them is the reason.
"""

from collections.abc import Sequence
from pathlib import Path

from autotrack.journal.summary import Summary
from autotrack.readers.compare.arguments import LAUNCHERS
from autotrack.readers.compare.configuration import model_of
from autotrack.readers.compare.difference import Difference

SCRIPT, FRAMEWORK, MODEL = "script", "framework", "model"


def unlike(now: Summary, before: Summary) -> list[Difference]:
    """Return in what two runs are different trainings: `script`, `framework`, `model`; nothing if they are of one."""
    found = []
    new, old = script_of(now.entry_point), script_of(before.entry_point)
    if new and old and new != old:
        found.append(Difference(SCRIPT, f"{old} → {new}", old, new))
    libraries, others = set(now.frameworks), set(before.frameworks)
    if not (libraries <= others or others <= libraries):  # scikit-learn beside PyTorch may be there for its data alone
        old, new = (", ".join(sorted(names)) for names in (others, libraries))
        found.append(Difference(FRAMEWORK, f"{old} → {new}", old, new))
    new, old = _class(model_of(now)), _class(model_of(before))
    if new and old and new != old:
        found.append(Difference(MODEL, f"{old} → {new}", old, new))
    return found


def in_words(summaries: Sequence[Summary]) -> str:
    """Say in what runs are different trainings, as in `different scripts (a.py, b.py)`; nothing if they are of one."""
    told: dict[str, dict[str, None]] = {}
    for other in summaries[1:]:
        for one in unlike(other, summaries[0]):
            told.setdefault(one.name, {}).update({one.before: None, one.now: None})
    parts = [f"{name}s ({' and '.join(values) if len(values) < 3 else '; '.join(values)})"
             for name, values in told.items()]  # fmt: skip
    return f"different {' and '.join(filter(None, [', '.join(parts[:-1]), parts[-1]]))}" if parts else ""


def script_of(entry_point: str | None) -> str:
    """Return the file name of the script that was run; nothing for cells of a notebook."""
    name = Path(entry_point or "").name
    return "" if name in LAUNCHERS else name


def _class(named: str) -> str:
    """Return a class without its module, which depends on how a script was started; nothing for other texts."""
    return named.rpartition(".")[2] if "." in named and " " not in named else ""
