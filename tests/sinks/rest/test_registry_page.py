"""MLflow's page in a real browser, on PostgreSQL with object storage: versions, aliases, and what is said of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import autotrack
from autotrack.models import aliases
from autotrack.models.promotion import promote
from autotrack.models.registry import Registry
from tests.sinks.rest.test_registry import train, versions
from tests.support.browser import keep_picture, open_page
from tests.support.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "digits in a browser"


@pytest.fixture
def page() -> Iterator[Page]:
    expect.set_options(timeout=30_000)
    with open_page(height=1600) as opened:
        yield opened
    expect.set_options(timeout=None)


def test_the_page_shows_versions_with_aliases_and_where_they_come_from(
    page: Page, store: Path, team_server: Server
) -> None:
    for C in (0.001, 10.0):  # noqa: N806
        train(store, NAME, C=C)
    registry = Registry(store)
    promote(registry, NAME, "best accuracy_score, if better than @champion")
    aliases.describe(registry, NAME, description="handwritten digits")
    aliases.describe(registry, NAME, 2, description="the better one", tags={"why": "paper"})
    assert all(one.is_done for one in autotrack.sync(store, team_server.url))
    page.goto(f"{team_server.url}/#/models/{NAME.replace(' ', '%20')}")
    expect(page.get_by_text("handwritten digits")).to_be_visible()
    for version in ("Version 1", "Version 2"):
        expect(page.get_by_text(version, exact=True)).to_be_visible()
    expect(page.get_by_text("champion").first).to_be_visible()
    keep_picture(page, "mlflow-registered-model")
    *_, better = versions(team_server, NAME)
    page.goto(f"{team_server.url}/#/models/{NAME.replace(' ', '%20')}/versions/{better['version']}")
    expect(page.get_by_text("the better one")).to_be_visible()
    expect(page.get_by_text("paper").first).to_be_visible()
    expect(page.get_by_text("accuracy_score").first).to_be_visible()
    keep_picture(page, "mlflow-version")
