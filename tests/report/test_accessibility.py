"""Nothing in the page keeps people from using it, as far as axe-core can tell: see `tests/accessibility.py`."""

from pathlib import Path

import pytest

from tests.accessibility import NARROW, WIDE, findings, recorded

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_no_view_has_a_serious_finding(tmp_path: Path, width: int, scheme: str) -> None:
    address, views = recorded(tmp_path)
    assert [one.text for one in findings(address, views, width=width, scheme=scheme) if one.is_bad] == []
