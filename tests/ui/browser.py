"""Someone who uses Dagster's UI with a mouse, in headless Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

SCREENSHOTS = Path(__file__).resolve().parents[2] / "var" / "screenshots"
SIZE = (1400, 900)
PATIENCE_S = 60
"""A page of a busy machine may take long; a run has its own patience."""
ARGUMENTS = (
    "--no-sandbox",  # as root Chromium has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Find the machine's own browser."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True, slots=True)
class Person:
    """What a person does with a page, and sees on it."""

    page: Page

    def click(self, text: str) -> None:
        """Click on the first words that are exactly these."""
        self.page.get_by_text(text, exact=True).locator("visible=true").first.click()

    def turns_to(self, tab: str) -> None:
        """Choose a tab."""
        self.page.get_by_role("tab", name=tab, exact=True).click()

    def sees(self, *texts: str, within_s: float = PATIENCE_S) -> None:
        """Wait until each of the texts is to be seen."""
        for text in texts:
            expect(self.page.get_by_text(text).first).to_be_visible(timeout=within_s * 1000)

    def sees_one_of(self, *texts: str, within_s: float) -> str:
        """Wait until one of the texts is to be seen, and return it."""
        either = self.page.get_by_text(texts[0], exact=True)
        for text in texts[1:]:
            either = either.or_(self.page.get_by_text(text, exact=True))
        expect(either.first).to_be_visible(timeout=within_s * 1000)
        return either.first.inner_text()

    def row(self, name: str) -> Locator:
        """Find the row of a table that begins with this name."""
        cell = self.page.get_by_role("cell", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=cell).first

    def keeps(self, name: str) -> Path:
        """Keep a picture of the page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path


@contextmanager
def browsing(address: str, profile: Path) -> Iterator[Person]:
    """Open the browser with a profile of its own; every page is of `address`."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium(),
            args=ARGUMENTS,
            viewport={"width": SIZE[0], "height": SIZE[1]},
            base_url=address,
            timezone_id="UTC",
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        context.set_default_navigation_timeout(PATIENCE_S * 1000)
        try:
            yield Person(context.pages[0] if context.pages else context.new_page())
        finally:
            context.close()
