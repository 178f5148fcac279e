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

from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
)
LARGEST = 200_000
"""Bytes of one picture."""
SCALE = 1.0
"""Pixels of the picture for one of the page's."""
SLOW = 40_000
"""Milliseconds; for what goes through the bot."""


def tell(words: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(words)
    sys.stdout.flush()


@contextlib.contextmanager
def demo() -> Iterator[str]:
    """A demo on a free port; gives its page's address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bot", "demo", "--port", "0", "--dir", f"{folder}/demo"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                tell(line)
                if "Ready: " in line:
                    yield line.split("Ready: ")[1].strip()
                    break
            else:
                raise SystemExit("the demo did not start")
        finally:
            process.terminate()
            process.communicate(timeout=15)


class Album:
    """A browser, and the page that the tour is played on. All its windows are one person's."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.context = browser.new_context(locale="en-GB", reduced_motion="reduce", device_scale_factor=SCALE)
        self.page = self.open(1280, 800)

    def open(self, width: int, height: int, path: str = "") -> Page:
        """The page in a window of its own."""
        page = self.context.new_page()
        page.set_default_timeout(SLOW)
        page.set_viewport_size({"width": width, "height": height})
        page.goto(self.address + path)
        if not path:
            expect(page.locator("body[data-ready=yes]")).to_be_attached()
        return page

    def step(self, number: int) -> None:
        """The button of the tour, and its tick."""
        self.page.locator(".tour .step button").click()
        if number == 2:
            self.page.keyboard.press("Enter")
        if number == 4:
            self.page.frame_locator("iframe").locator("support-chat.open").wait_for(state="attached")
            self.page.keyboard.type("Is the blue cup dishwasher safe?")
            self.page.keyboard.press("Enter")
        expect(self.page.locator(".tour li.ticked")).to_have_count(number, timeout=SLOW)

    def thread(self, words: str) -> None:
        """Open the thread whose card says this."""
        card = self.page.locator(".pane.channel .message", has_text=words).filter(
            has=self.page.locator(".replies")
        )
        card.first.locator(".replies").click()

    def answer(self, words: str, sign: str = "✅") -> None:
        """Write in the open thread, and wait for the sign below it."""
        area = self.page.locator(".pane.thread textarea")
        area.fill(words)
        area.press("Enter")
        said = self.page.locator(".pane.thread .message", has_text=words)
        expect(said.last).to_contain_text(sign, timeout=SLOW)

    def keep(self, name: str, page: Page | None = None, element: str = "") -> None:
        """Write a picture, once nothing moves."""
        of = page or self.page
        of.mouse.move(0, 0)
        of.evaluate("document.activeElement?.blur()")
        expect(of.locator(".toast")).to_have_count(0, timeout=SLOW)
        path = PICTURES / f"{name}.png"
        if element:
            of.locator(element).screenshot(path=path, animations="disabled")
        else:
            of.screenshot(path=path, animations="disabled")
        size = path.stat().st_size
        tell(f"  {path.name}: {size / 1000:.0f} kB\n")
        if size > LARGEST:
            raise SystemExit(f"{path} has {size} bytes, and {LARGEST} are the most")


def mails(album: Album) -> None:
    """The first three steps, and Dana's answer: a thread."""
    for number in (1, 2, 3):
        album.step(number)
    request = album.page.request
    newest = request.get(f"{album.address}mail/customer1").json()["mails"][0]
    letter = {"to": newest["reply_to"] or newest["from"], "subject": newest["subject"]}
    letter |= {"in_reply_to": newest["message_id"], "references": newest["message_id"]}
    letter["text"] = "Thank you, Kim! Thursday is fine. Could it be left with the neighbours, if I am out?"
    request.post(f"{album.address}mail/customer1", data=letter)
    expect(album.page.locator(".pane.thread")).to_contain_text("left with the neighbours", timeout=SLOW)
    album.answer("I'll call the driver.", "I'll call")
    album.answer("! Of course. I have told the driver.")
    album.page.set_viewport_size({"width": 1280, "height": 1240})
    album.keep("thread", element=".pane.thread")
    album.page.set_viewport_size({"width": 1280, "height": 800})


def chat(album: Album) -> None:
    """The shop's page, and the whole demo beside it."""
    page = album.page
    album.step(4)
    album.thread("Is the blue cup dishwasher safe?")
    album.answer("! It is, and so is the teapot. Only its cork lid is not.")
    page.locator(".pane.channel .message.private").hover()
    page.get_by_role("button", name="Dismiss").first.click()
    page.wait_for_timeout(1500)  # the chat lies in a closed shadow root: nothing to look for
    album.keep("page")
    shop = album.open(1000, 700, "shop/")
    shop.locator("support-chat").evaluate("chat => chat.open()")
    shop.wait_for_timeout(1500)
    album.keep("widget", shop)
    cup = shop.locator(".things img").first.screenshot()
    shop.close()
    phones(album, cup)


def phones(album: Album, picture: bytes) -> None:
    """A messenger with a picture, and the form for replies."""
    page = album.page
    page.get_by_role("tab", name="Telegram").click()
    file = FilePayload(name="cup.png", mimeType="image/png", buffer=picture)
    page.locator(".phone-write input[type=file]").set_input_files(file)
    page.locator(".phone-write textarea").fill("Do you have this one in green, too?")
    page.keyboard.press("Enter")
    album.thread("in green, too?")
    album.answer("! From next week on. Shall I put one aside for you?")
    expect(page.locator(".chat")).to_contain_text("put one aside", timeout=SLOW)
    page.locator(".phone-write textarea").fill("Yes, please!")
    page.keyboard.press("Enter")
    expect(page.locator(".pane.thread")).to_contain_text("Yes, please!", timeout=SLOW)
    album.keep("telegram", element=".devices")
    page.locator(".pane.thread [data-action='reply.open']").first.click()
    form = page.locator("dialog.modal[open]")
    form.locator("textarea").first.fill("It is yours: C 1043, ready on Monday.")
    album.keep("reply", element="dialog.modal[open]")
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()
    page.get_by_role("tab", name="Break").click()
    page.set_viewport_size({"width": 1280, "height": 900})
    album.keep("breaks", element=".devices")


def narrow(album: Album) -> None:
    """A phone."""
    album.page.close()
    page = album.page = album.open(390, 844)
    page.locator(".sides").get_by_role("button", name="Slack").click()
    album.thread("left with the neighbours")
    page.get_by_role("button", name="Close the tour").click()
    album.keep("phone")


def main() -> None:
    """Render all."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    executable = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if executable is None:
        raise SystemExit("no chromium on the PATH (Debian: apt-get install chromium)")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        album = Album(browser, address)
        for part in (mails, chat, narrow):
            part(album)
        browser.close()


if __name__ == "__main__":
    main()
