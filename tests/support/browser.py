"""A real browser without a window, and TensorBoard in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
SCREENSHOTS = "SCREENSHOTS"
"""Names a folder in which pictures of the pages are kept; without it none are taken."""

_WITHIN_MILLISECONDS = 60_000
_DRAWN_AFTER_MILLISECONDS = 2_000


def executable() -> str:
    """Return the browser of this machine; where there is none, the test is skipped."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)}")
    return found


@contextmanager
def open_page(*, width: int = 1400, height: int = 900) -> Iterator[Page]:
    """Open a page in a browser of its own, which knows no proxy; whatever is waited for gets a minute."""
    flags = ["--no-proxy-server", "--disable-gpu", "--disable-dev-shm-usage"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # its sandbox refuses to be root's
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=flags)
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(_WITHIN_MILLISECONDS)
            yield page
        finally:
            browser.close()


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture of what is seen, if somebody wants to look at it."""
    folder = os.environ.get(SCREENSHOTS)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(_DRAWN_AFTER_MILLISECONDS)  # nothing in the page tells when the curves are drawn
        page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")
