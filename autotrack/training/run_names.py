"""Names of runs that people can say, remember and type, and the folders that are called after them."""

import random
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from autotrack.errors import SettingsError

_ADJECTIVES = (
    "agile amber ample azure bold brave breezy bright brisk calm candid clever cosy crisp daring deft eager "
    "early earnest fair fleet fond fresh gentle glad golden grand hardy hazel honest humble jolly keen kind "
    "lively loyal lucid lucky mellow merry mild misty neat nimble noble patient placid plucky polite proud "
    "quick quiet rapid ready robust rosy sage serene sharp silent silver sleek smart snug solid spry steady "
    "sunny swift tidy tranquil trusty upbeat vivid warm wise witty young zesty"
).split()
_ANIMALS = (
    "albatross badger beaver bison bobcat caribou cheetah condor cormorant coyote crane cricket curlew deer "
    "dolphin eagle egret elk falcon ferret finch fox gazelle gecko gibbon heron hornbill ibex ibis jackal "
    "jaguar kestrel kingfisher kiwi koala lark lemur leopard lynx magpie manatee marmot marten merlin mole "
    "moose narwhal newt ocelot octopus oriole osprey otter owl panda panther pelican penguin petrel plover "
    "puffin quail raven robin salmon seal sparrow starling stork swallow swan tapir tern thrush tiger turtle "
    "walrus weasel whale wolf wombat wren yak zebra"
).split()

_generator = random.SystemRandom()  # not the global one: a seeded training must draw the same numbers as ever


def run_name() -> str:
    """Return a name such as `brave-otter`, drawn by the operating system and not by a seeded generator."""
    return f"{_generator.choice(_ADJECTIVES)}-{_generator.choice(_ANIMALS)}"


def folder_name(name: str, started: float) -> str:
    """Return the name of a run's folder: its start (UTC) and its name, such as `20261121-075211-brave-otter`."""
    stamp = datetime.fromtimestamp(started, UTC).strftime("%Y%m%d-%H%M%S")
    safe = "".join(character if character.isalnum() or character in "-_.=+" else "-" for character in name)
    short = safe.encode()[:80].decode(errors="ignore")  # file systems count bytes
    return f"{stamp}-{short.strip('.-') or 'run'}"


def make_folder(experiment: Path, name: str | None, started: float) -> Path:
    """Make the folder of a run that starts now, under a name that no other run of the experiment has.

    Raises `SettingsError` when it cannot be made.
    """
    try:
        for attempt in count(1):
            own = folder_name(name or run_name(), started)
            folder = experiment / (own if not name or attempt == 1 else f"{own}-{attempt}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                if not folder.exists():  # a file stands where the folder of the experiment should be
                    raise
                continue
            return folder
    except OSError as error:
        raise SettingsError(
            f"no run can be kept in {experiment}: {error.strerror}. Choose another folder with AUTOTRACK_TO, "
            "to= in the script, or --to after autotrack run",
            setting="to",
            value=str(experiment),
        ) from None
    raise AssertionError("unreachable: count() never ends")
