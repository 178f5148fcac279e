"""Renders the pictures of README and docs: starts the demo in a folder that is thrown away, plays the tour in a headless
Chromium, and writes docs/pictures/*.png. `make screenshots`; look at what changed before you commit it.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--hide-scrollbars")
LARGEST = 200_000
"""Bytes of one picture."""
SLOW = 40_000
"""Milliseconds; for what goes through the bot."""


@contextlib.contextmanager
def demo() -> Iterator[str]:
    """A demo on a free port; gives its page's address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bot", "demo", "--port", "0", "--dir", f"{folder}/demo"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                if "Ready: " in line:
                    yield line.split("Ready: ")[1].strip()
                    break
            else:
                raise SystemExit("the demo did not start")
        finally:
            process.terminate()
            process.communicate(timeout=15)


class Album:
    """A browser, and the page that the tour is played on."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.browser = browser
        self.page = self.open(1280, 800)

    def open(self, width: int, height: int, path: str = "") -> Page:
        """The page in a window of its own."""
        page = self.browser.new_page(viewport={"width": width, "height": height}, locale="en-GB")
        page.emulate_media(reduced_motion="reduce")
        page.goto(self.address + path)
        if not path:
            expect(page.locator("body[data-ready=yes]")).to_be_attached()
        return page

    def step(self, number: int) -> None:
        """The button of the tour, and its tick."""
        self.page.locator(".tour .step button").click()
        if number == 2:
            self.page.keyboard.press("Enter")
        if number != 4:
            expect(self.page.locator(".tour li.ticked")).to_have_count(number, timeout=SLOW)

    def write(self, tab: str, words: str) -> None:
        """Write on a customer's phone."""
        self.page.get_by_role("tab", name=tab).click()
        self.page.locator(".phone-write textarea").fill(words)
        self.page.keyboard.press("Enter")

    def answer(self, who: str, words: str) -> None:
        """Open a customer's thread and answer there."""
        card = self.page.locator(".pane.channel .message", has_text=who).first
        card.locator(".replies").click(timeout=SLOW)
        area = self.page.locator(".pane.thread textarea")
        area.fill(f"! {words}")
        area.press("Enter")

    def keep(self, name: str, page: Page | None = None, element: str = "") -> None:
        """Write a picture, once nothing moves."""
        of = page or self.page
        of.mouse.move(0, 0)
        of.evaluate("document.activeElement?.blur()")
        of.wait_for_function("() => !document.querySelector('.toast')", timeout=SLOW)
        path = PICTURES / f"{name}.png"
        if element:
            of.locator(element).screenshot(path=path, animations="disabled")
        else:
            of.screenshot(path=path, animations="disabled")
        size = path.stat().st_size
        print(f"  {path.name}: {size / 1000:.0f} kB", flush=True)
        if size > LARGEST:
            raise SystemExit(f"{path} has {size} bytes, and {LARGEST} are the most")


def take(album: Album) -> None:
    """The tour, and a picture where there is something to see."""
    page = album.page
    for number in (1, 2, 3):
        album.step(number)
    album.step(4)
    page.wait_for_timeout(500)
    page.keyboard.type("Is the blue cup dishwasher safe?")
    page.keyboard.press("Enter")
    expect(page.locator(".tour li.ticked")).to_have_count(4, timeout=SLOW)
    album.answer("Visitor", "It is, and so is the teapot. Just not the lid with the cork.")
    page.wait_for_timeout(3000)
    album.write("Telegram", "And does it come with a saucer?")
    album.answer("Telegram", "With two of them, Dana.")
    page.get_by_role("tab", name="Shop").click()
    album.keep("page")
    album.keep("thread", element=".pane.thread")


def main() -> None:
    """Render all."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    executable = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if executable is None:
        raise SystemExit("no chromium on the PATH (Debian: apt-get install chromium)")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        take(Album(browser, address))
        browser.close()


if __name__ == "__main__":
    main()
