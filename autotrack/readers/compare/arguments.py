"""What differs between the command lines of two runs."""

import re
from collections.abc import Iterator, Sequence

from autotrack.journal.params import is_place

_OPTION = re.compile(r"--?[A-Za-z]")
LAUNCHERS = ("ipykernel_launcher.py", "colab_kernel_launcher.py")
"""Their arguments are files of the notebook server, new ones each time."""


def changed_arguments(now: Sequence[str], before: Sequence[str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield what differs, option by option: its name, its value before and its value now; None where it is absent.

    A run without a command line was recorded by somebody else.

    >>> list(changed_arguments(["s.py", "a.csv", "--lr", ".3", "--fast"], ["s.py", "a.csv", "--lr=.1"]))
    [('--lr', '.1', '.3'), ('--fast', None, '')]
    """
    if not now or not before or now[0].endswith(LAUNCHERS) or before[0].endswith(LAUNCHERS):
        return
    new, old = _by_option(now), _by_option(before)
    for name in new:
        if name in old and new[name] != old[name] and not is_place(name.lstrip("-").replace("-", "_")):
            yield name, old[name], new[name]
    yield from ((name, None, new[name]) for name in new if name not in old)
    yield from ((name, old[name], None) for name in old if name not in new)


def _by_option(argv: Sequence[str]) -> dict[str, str]:
    """Return the values of the options and of `name=value`; what stands by itself has the name "".

    A word behind an option is its value. It may be none, as in `--fast a.csv`, which only two command lines side by
    side would tell; so only the first word is taken.
    """
    found: dict[str, list[str]] = {}
    option = ""
    for word in argv[1:]:
        name, sign, value = word.partition("=")
        if _OPTION.match(word) or (sign and not option):
            found.setdefault(name, []).extend([value] if sign else [])
            option = "" if sign else name
        else:
            found.setdefault(option, []).append(word)
            option = ""
    return {name: " ".join(words) for name, words in found.items()}
