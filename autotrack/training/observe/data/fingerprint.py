"""Fingerprints of data: which blocks of it are read at a bounded cost, and how they become one short digest.

What is read depends only on the shape of the data, never on the speed of the machine. If time runs out there is no
fingerprint, rather than one that differs from the fingerprint of the same data on another day.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from time import perf_counter

SECONDS = 0.05
"""How long a description of one data set may take."""
BUDGET_BYTES = 4 * 2**20
"""How many bytes of one data set are read, or as much else as takes the same time."""
LARGEST_UNIT_BYTES = 64 * 2**10
"""Rows above this size are read in smaller pieces."""
MOST_PARTS = 200
"""How many columns or parts of one data set are described."""

_BLOCK = 128 * 2**10  # read at once where everything is read: fits the cache; in between, the deadline is checked
_PIECE = 16 * 2**10  # read at once where only samples are


class OutOfTime(Exception):  # noqa: N818 - nobody made an error: it ends the reading of one data set
    """The time for one data set is over."""


class Deadline:
    """The end of the time that one data set may take."""

    def __init__(self, seconds: float) -> None:
        self._end = perf_counter() + seconds

    def check(self) -> None:
        """Raise `OutOfTime` when the time is over."""
        if perf_counter() > self._end:
            raise OutOfTime


@dataclass(frozen=True)
class Identity:
    """What distinguishes data of which little or nothing was read, such as the names and sizes of files."""

    digest: bytes
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One array, column, list, file or folder of a data set: its description, and how it is read.

    It is read in units, mostly rows. `read` returns the bytes of the units from a start to a stop, the same for the
    same values whatever their layout in memory, or None when it does not understand them. `unit_cost` is the bytes of
    one unit, or more where reading one takes as long as reading so many bytes. With `by_row`, the units are rows, and
    the bytes of each have the same length. Where only samples are read, they come in at most `most_pieces`.
    If `whole` is false, there is more data behind this part than can be told, such as the files that paths name.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None = None
    size_bytes: int | None = None
    units: int = 0
    unit_cost: float = 1.0
    read: Callable[[int, int], bytes | None] | None = None
    identify: Callable[[Deadline], Identity | None] | None = None
    by_row: bool = False
    most_pieces: int = 256
    whole: bool = True

    @property
    def cost(self) -> float:
        """What reading all of it costs."""
        return self.units * self.unit_cost

    @property
    def header(self) -> bytes:
        """Its description, as bytes that are part of the fingerprint."""
        return ascii((self.name, self.dtype, self.shape)).encode()


@dataclass(frozen=True)
class Fingerprint:
    """The digest of a data set in hexadecimal digits, the share of its bytes that was read, and its size."""

    digest: str | None
    covered: float
    size_bytes: int | None


def fingerprint(
    parts: Sequence[Part], deadline: Deadline, on_block: Callable[[int, int, bytes], None] = lambda *_: None
) -> Fingerprint:
    """Read what the budget allows of the parts of a data set and digest it.

    `on_block` is told the number of the part, how many units were read, and their bytes. Raises `OutOfTime`.
    """
    hasher = blake2b(digest_size=16)
    covered, identities = list[float](), list[Identity]()
    for number, (part, allowance) in enumerate(zip(parts, allowances(parts), strict=True)):
        deadline.check()
        hasher.update(part.header)
        covered.append(_digest(part, allowance, deadline, hasher.update, partial(on_block, number)))
        if identity := _identify(part, deadline):
            hasher.update(identity.digest)
            identities.append(identity)
    is_empty = bool(parts) and all(share == 1.0 for share in covered)
    something = any(share and part.units for part, share in zip(parts, covered, strict=True))
    return Fingerprint(
        digest=hasher.hexdigest() if something or identities or is_empty else None,
        covered=_share(parts, covered),
        size_bytes=size_bytes(parts, identities),
    )


def is_read_completely(parts: Sequence[Part]) -> list[bool]:
    """Return for each part whether the budget allows reading all of it."""
    return [part.cost <= allowance for part, allowance in zip(parts, allowances(parts), strict=True)]


def allowances(parts: Sequence[Part]) -> list[float]:
    """Divide the budget: small parts get what they need, the others get equal shares of the rest."""
    allowed, left = [0.0] * len(parts), float(BUDGET_BYTES)
    by_cost = sorted(range(len(parts)), key=lambda number: parts[number].cost)
    for behind, number in enumerate(by_cost):
        allowed[number] = min(parts[number].cost, left / (len(parts) - behind))
        left -= allowed[number]
    return allowed


def blocks(part: Part, allowance: float) -> Iterator[tuple[int, int]]:
    """Yield the units to read, as starts and stops: all, or evenly spread ones including the first and the last."""
    if part.cost <= allowance:
        step = max(1, int(_BLOCK / part.unit_cost))
        yield from ((start, min(start + step, part.units)) for start in range(0, part.units, step))
        return
    affordable = int(allowance / part.unit_cost)
    if affordable < 2:
        return
    pieces = max(2, min(part.most_pieces, affordable, int(allowance / _PIECE)))
    length = affordable // pieces
    for piece in range(pieces):
        start = piece * (part.units - length) // (pieces - 1)
        yield start, start + length


def read(part: Part, start: int, stop: int) -> bytes | None:
    """Return the bytes of some units of a part; None if they cannot be read, which may be for any reason."""
    try:
        return part.read(start, stop) if part.read else None
    except OutOfTime:
        raise
    except Exception:  # noqa: BLE001  other people's data may raise anything, and the other parts are read all the same
        return None


def _identify(part: Part, deadline: Deadline) -> Identity | None:
    try:
        return part.identify(deadline) if part.identify else None
    except OutOfTime:
        raise
    except Exception:  # noqa: BLE001  as in `read`
        return None


def _digest(
    part: Part,
    allowance: float,
    deadline: Deadline,
    update: Callable[[bytes], None],
    on_block: Callable[[int, bytes], None],
) -> float:
    """Digest one part; return the share of its units that was read."""
    if part.read is None:
        return 0.0
    units = 0
    for start, stop in blocks(part, allowance):
        deadline.check()
        content = read(part, start, stop)
        update(b"%d:%d:%d;" % (start, stop, -1 if content is None else len(content)))
        if content is not None:
            update(content)
            on_block(stop - start, content)
            units += stop - start
    return units / part.units if part.units else 1.0


def _share(parts: Sequence[Part], covered: Sequence[float]) -> float:
    if not all(part.whole for part in parts):
        return 0.0  # nobody knows how much there is
    if all(share == 1.0 for share in covered):
        return 1.0 if parts else 0.0
    sizes = [8 * part.units if part.size_bytes is None else part.size_bytes for part in parts]
    return sum(size * share for size, share in zip(sizes, covered, strict=True)) / max(1, sum(sizes))


def size_bytes(parts: Sequence[Part], identities: Sequence[Identity] = ()) -> int | None:
    """Return the size of a data set, or None if the size of a part is unknown."""
    sizes = [part.size_bytes for part in parts if part.size_bytes is not None and part.whole]
    sizes += [identity.size_bytes for identity in identities if identity.size_bytes is not None]
    return sum(sizes) if len(sizes) == len(parts) and parts else None
