"""One browser for all tests of the page, and what it complains of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from playwright.sync_api import ConsoleMessage, Frame, FrameLocator, Page, expect

from tests.support.browser import open_page


@dataclass
class Watched:
    """A page of the browser, with all that it has complained of and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        is_ours = "Three.js" not in message.text  # which TensorBoard itself says
        is_icon = message.location["url"].endswith(
            "/favicon.ico"
        )  # the browser asks for one, and TensorBoard has none
        if message.type in ("error", "warning") and is_ours and not is_icon:
            self.complaints.append(message.text)

    def open_tab(self, address: str, place: str = "") -> FrameLocator:
        """Open the tab in TensorBoard, at a place as in the address of a file; return what is in it."""
        self.page.goto("about:blank")
        self.page.goto(f"{address}#autotrack&p.autotrack.at={quote(place, safe='')}")
        return self.page.frame_locator("iframe")

    def frame(self) -> Frame:
        """Return the frame of the tab."""
        return next(frame for frame in self.page.frames if "plugin_entry" in frame.url)

    def asked_only(self, address: str) -> bool:
        """Whether nothing was asked of anybody but the server with this address."""
        return all(url.startswith((address, "about:", "data:", "blob:")) for url in self.requests)


@pytest.fixture(scope="module")  # an event loop runs as long as it is open, in which other tests could start none
def _browser_page() -> Iterator[Watched]:
    expect.set_options(timeout=60_000)  # as long as whatever else is waited for
    with open_page(width=1400, height=900) as page:
        yield Watched(page)


@pytest.fixture
def watched(_browser_page: Watched) -> Iterator[Watched]:
    """The page; it must complain of nothing, and ask nobody for anything but what its address names."""
    _browser_page.complaints.clear()
    _browser_page.requests.clear()
    yield _browser_page
    assert _browser_page.complaints == []
    _browser_page.page.goto("about:blank")


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page
