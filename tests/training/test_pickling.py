"""What a script defines is pickled with what it needs to be loaded elsewhere."""

import sys
import xml.dom.minidom
from typing import Any

import cloudpickle
import numpy as np
import pytest

from autotrack.training.pickling import imported_submodules


def addresses_submodules(document: str) -> Any:
    return np.linalg.norm(np.ones(3)), xml.dom.minidom.parseString(document)


def addresses_nothing() -> int:
    return 1


@pytest.mark.parametrize("function", [addresses_submodules, addresses_nothing])
def test_the_submodules_that_a_function_needs_are_those_that_cloudpickle_finds(function: Any) -> None:
    arguments = function.__code__, [np, xml, sys, "no module"]
    expected = cloudpickle.cloudpickle._find_imported_submodules(*arguments)
    assert {one.__name__ for one in imported_submodules(*arguments)} == {one.__name__ for one in expected}
