"""The colours of curves, and the shades from worse to better: told apart by everybody, colour-blind or not."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from autotrack import report

_PAGE = Path(report.__file__).parent / "page"
_GROUNDS = {"light": "#ffffff", "dark": "#1b1f23"}
_LEAST_DISTANCE = 15
"""In CIELAB, in which 2.3 can just be seen."""
_LEAST_CONTRAST = 3
"""WCAG 1.4.11."""

_SEEN_WITH = {
    "all three": np.eye(3),
    # Machado, Oliveira and Fernandes (2009), with nothing left of one of them; Chromium simulates the same.
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
_TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def _linear(colour: str) -> np.ndarray:
    return _linear_of(np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]))


def _linear_of(levels: np.ndarray) -> np.ndarray:
    parts = levels / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    x, y, z = np.cbrt(np.clip(_TO_XYZ @ np.clip(linear, 0, 1) / [0.95047, 1, 1.08883], 0.0089, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _contrast(one: str, other: str) -> float:
    low, high = sorted(float(_TO_XYZ[1] @ _linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _assert_told_apart(colours: list[np.ndarray]) -> None:
    for kind, seen in _SEEN_WITH.items():
        for one, other in itertools.combinations(range(len(colours)), 2):
            distance = np.linalg.norm(_lab(seen @ colours[one]) - _lab(seen @ colours[other]))
            assert distance >= _LEAST_DISTANCE, (kind, one, other)


@pytest.mark.parametrize("theme", list(_GROUNDS))
def test_curves_are_told_apart_by_the_colour_blind(theme: str) -> None:
    (listed,) = re.findall(rf"^const {theme} = \[(.*)\];$", (_PAGE / "theme.js").read_text(), re.MULTILINE)
    colours = re.findall(r"#\w{6}", listed)
    assert len(colours) == 8
    _assert_told_apart([_linear(colour) for colour in colours])
    assert min(_contrast(colour, _GROUNDS[theme]) for colour in colours) >= _LEAST_CONTRAST


@pytest.mark.parametrize("theme", list(_GROUNDS))
def test_quarters_of_the_way_from_worse_to_better_are_told_apart(theme: str) -> None:
    (listed,) = re.findall(rf"^const {theme} = (.*);$", (_PAGE / "shades.js").read_text(), re.MULTILINE)
    worse, middle, better = np.array(json.loads(listed))
    shades = [worse, (worse + middle) / 2, middle, (middle + better) / 2, better]
    _assert_told_apart([_linear_of(shade) for shade in shades])
