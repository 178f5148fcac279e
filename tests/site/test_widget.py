"""The widget in a real browser, on a page with a strict Content-Security-Policy."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from bot.adapters.site.door import WIDGET, slim
from bot.messages import AddressGiven, Attachment, Level, Receipt, Span, SpanKind, Text
from tests.site.browser import Shop, axe_source, browser, chromium, shop
from tests.site.rig import Core

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = """<img src=x onerror="alert(1)"><script>alert(2)</script>&lt;b&gt; \u202egnp.exe <svg/onload=alert(3)> {{7*7}}"""
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DESKTOP = {"width": 1280, "height": 800}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "reduced_motion": "reduce",
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


async def write(page: Page, words: str) -> None:
    """Opens the chat where it is closed, and sends."""
    if await page.locator("support-chat.open").count() == 0:
        await page.locator(".launch").click()
    await page.locator("textarea").fill(words)
    await page.locator("textarea").press("Enter")


async def pick(page: Page, name: str, data: bytes, kind: str = "") -> None:
    """Attaches a file by the picker."""
    file: FilePayload = {"name": name, "mimeType": kind, "buffer": data}
    await page.set_input_files("input[type=file]", file)


def bubbles(page: Page) -> Locator:
    return page.locator(".b")


async def visitor(made: Shop, count: int = 1) -> str:
    """The visitor of the newest message, when so many have arrived."""
    async with asyncio.timeout(10), made.rig.core.heard:
        await made.rig.core.heard.wait_for(lambda: len(made.rig.core.messages()) >= count)
    return made.rig.core.messages()[-1].sender.address


async def test_the_file_is_small_and_stands_alone() -> None:
    source = WIDGET.read_text(encoding="utf-8")
    assert len(gzip.compress(slim(source).encode(), 9)) <= 15_000
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "import(",
        ".cookie",
        'createElement("style',
    ):
        assert word not in source, word
    outside = set(re.findall(r"https?://[^\s\"'`)]+", source.partition("*/")[2]))
    assert outside == {"http://www.w3.org/2000/svg"}


async def test_what_is_served_says_the_same() -> None:
    source = WIDGET.read_text(encoding="utf-8")
    served = slim(source)
    strings = re.compile(r'"[^"\n]*"')
    assert strings.findall(served) == strings.findall(source)
    assert " // " not in served
    assert "\n// " not in served
    assert served.splitlines()[0] == source.splitlines()[0]


async def test_the_texts_are_complete_in_every_language() -> None:
    source = WIDGET.read_text(encoding="utf-8")
    tables = source.partition("const TEXTS = {")[2].partition("\n};")[0]
    english, german = (re.findall(r'(\w+): "', part) for part in tables.split("\n  de: {"))
    assert english == german
    holes = [sorted(re.findall(r"\{\w+\}", part)) for part in tables.split("\n  de: {")]
    assert holes[0] == holes[1]


async def test_a_visitor_writes_and_is_answered(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Where is my parcel?")
        await expect(page.locator(".state")).to_contain_text("Sent")
        who = await visitor(made)
        text = Text(
            "It ships today, see here.",
            (Span(3, 8, SpanKind.BOLD), Span(20, 24, SpanKind.LINK, "https://a.example/x")),
        )
        await made.rig.reply(who, text)
        await expect(bubbles(page)).to_have_text(["Where is my parcel?", "It ships today, see here."])
        await expect(page.locator(".b strong")).to_have_text("ships")
        await expect(page.locator(".b a")).to_have_attribute("href", "https://a.example/x")
        await expect(page.locator(".state")).to_contain_text("Seen")
        (receipt,) = await made.rig.core.until(Receipt)
        assert receipt.level is Level.SEEN
        await made.rig.adapter.typing(who, who)
        await expect(page.locator(".dots")).to_be_visible()


async def test_unread_until_it_is_looked_at(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Hello")
        who = await visitor(made)
        await page.keyboard.press("Escape")
        await expect(page.locator(".launch")).to_be_focused()
        await made.rig.reply(who, "one")
        await made.rig.reply(who, "two")
        await expect(page.locator(".badge")).to_have_text("2")
        await expect(page.locator(".launch")).to_have_attribute("aria-label", "Open chat, 2 unread")
        assert made.rig.core.of(Receipt) == []
        await page.reload()
        await expect(page.locator(".badge")).to_have_text("2")
        await page.locator(".launch").click()
        await expect(page.locator(".badge")).to_be_hidden()
        receipts = await made.rig.core.until(Receipt)
        assert len({key for receipt in receipts for key in receipt.remote_ids}) == 2


async def test_reload_keeps_the_conversation_and_the_draft(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Hello")
        await made.rig.reply(await visitor(made), "Hi")
        await expect(bubbles(page)).to_have_count(2)
        await page.locator("textarea").fill("half a sen")
        await page.reload()
        await expect(bubbles(page)).to_have_text(["Hello", "Hi"])
        await expect(page.locator("textarea")).to_have_value("half a sen")
        await write(page, "tence")
        await visitor(made, 2)
        assert len({m.sender.address for m in made.rig.core.messages()}) == 1


async def test_offline_and_back(chrome: Browser) -> None:
    core = Core()
    async with shop(chrome, core) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "before")
        who = await visitor(made)
        await page.context.set_offline(True)
        # Playwright's offline mode leaves open WebSockets alone: cut them, as a lost network does.
        for one in made.rig.adapter._visitors:
            for socket in one.sockets:
                socket.drop()
        await write(page, "written offline")
        await expect(page.locator(".net")).to_contain_text("offline")
        await expect(page.locator(".state").last).to_contain_text("Waiting")
        await made.rig.reply(who, "said meanwhile")
        assert len(core.messages()) == 1
        await page.context.set_offline(False)
        await visitor(made, 2)
        await expect(bubbles(page)).to_have_text(["before", "said meanwhile", "written offline"])
        await expect(page.locator(".net")).to_be_hidden()
        assert [m.text.plain for m in core.messages()] == ["before", "written offline"]


async def test_two_tabs_show_the_same(chrome: Browser) -> None:
    async with shop(chrome) as made:
        one = await made.visit(viewport=DESKTOP)
        two = await made.page(one.context)
        await one.bring_to_front()
        await write(one, "from one")
        who = await visitor(made)
        await write(two, "from two")
        await visitor(made, 2)
        await made.rig.reply(who, "to both")
        for page in (one, two):
            await expect(bubbles(page)).to_have_text(["from one", "from two", "to both"])
        assert len({m.sender.address for m in made.rig.core.messages()}) == 1
        for page in (one, two):
            await page.keyboard.press("Escape")
        await made.rig.reply(who, "unread in both")
        for page in (one, two):
            await expect(page.locator(".badge")).to_have_text("1")
        await two.locator(".launch").click()
        await expect(one.locator(".badge")).to_be_hidden()


async def test_hostile_text_is_text(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        page.on("dialog", lambda dialog: made.complaints.append("a dialog opened"))
        await write(page, HOSTILE)
        who = await visitor(made)
        links = (
            Span(0, 3, SpanKind.LINK, "javascript:alert(4)"),
            Span(4, 9, SpanKind.LINK, "data:text/html,x"),
        )
        await made.rig.reply(who, Text(HOSTILE, links), author="<b>Kim</b>")
        await expect(bubbles(page)).to_have_text([HOSTILE, HOSTILE])
        await expect(page.locator(".name")).to_contain_text("<b>Kim</b>")
        assert await page.locator(".log img, .log script, .log svg, .log a, .log b").count() == 0


async def test_the_shadow_root_is_closed(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(inside=False)
        assert await page.evaluate("document.querySelector('support-chat').shadowRoot") is None
        assert await page.evaluate("document.querySelector('support-chat').children.length") == 0


async def test_files_go_both_ways(chrome: Browser) -> None:
    async with shop(chrome, file_limit=100_000) as made:
        page = await made.visit(viewport=DESKTOP)
        await page.locator(".launch").click()
        await pick(page, "a photo.png", PIXEL, "image/png")
        await expect(page.locator(".chip")).to_contain_text("a photo.png")
        await page.locator("textarea").press("Enter")
        who = await visitor(made)
        (file,) = made.rig.core.messages()[-1].attachments
        assert (file.name, file.media_type, file.size) == ("a photo.png", "image/png", len(PIXEL))
        await expect(page.locator(".f.pic img")).to_be_visible()
        blob = await made.rig.core.blobs.put(b"MZ program")
        await made.rig.reply(who, "", Attachment("setup.exe", "application/octet-stream", 10, blob))
        async with page.expect_download() as waiting:
            await page.locator(".f", has_text="setup.exe").click()
        download = await waiting.value
        assert download.suggested_filename == "setup.exe"
        await pick(page, "big.bin", bytes(100_001))
        await expect(page.locator(".note")).to_contain_text("big.bin is too large")
        await page.reload()
        await expect(page.locator(".f.pic img")).to_be_visible()


async def test_a_pasted_picture_is_attached(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await page.locator(".launch").click()
        await page.locator("textarea").evaluate(
            """(field) => { const data = new DataTransfer(); data.items.add(new File(["x"], "shot.png", { type: "image/png" }));
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
            const drop = new DataTransfer(); drop.items.add(new File(["y"], "drop.txt"));
            field.dispatchEvent(new DragEvent("drop", { dataTransfer: drop, bubbles: true, cancelable: true })); }"""
        )
        await expect(page.locator(".chip")).to_have_count(2)
        await page.get_by_label("Remove shot.png").click()
        await write(page, "see the file")
        await visitor(made)
        assert [file.name for file in made.rig.core.messages()[0].attachments] == ["drop.txt"]


async def test_an_address_is_asked_for_when_nobody_answers(chrome: Browser) -> None:
    async with shop(chrome, ask_address_after=1) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Anybody there?")
        await page.get_by_label("Email address").fill("not an address")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".card .bad")).to_be_visible()
        await page.get_by_label("Email address").fill("dana@mail.example")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".card")).to_contain_text("we send you an email")
        (event,) = await made.rig.core.until(AddressGiven)
        assert event.given.address == "dana@mail.example"
        await page.reload()
        await write(page, "still the same visitor, with a new token")
        await visitor(made, 2)
        assert len({m.sender.address for m in made.rig.core.messages()}) == 1


async def test_forgetting_the_chat_ends_it_in_every_tab(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Hello")
        await visitor(made)
        other = await made.page(page.context)
        await other.locator(".launch").click()
        await expect(bubbles(other)).to_have_count(1)
        await page.get_by_role("button", name="Forget this chat").click()
        await page.get_by_role("button", name="Really forget").click()
        for one in (page, other):
            await expect(bubbles(one)).to_have_count(0)
        await write(page, "somebody new")
        await visitor(made, 2)
        assert len({m.sender.address for m in made.rig.core.messages()}) == 2


async def test_a_chat_that_the_server_does_not_know_any_more_is_cleared(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Hello")
        who = await visitor(made)
        await made.rig.adapter.revoke(who)
        await expect(bubbles(page)).to_have_count(0)
        await write(page, "again")
        await expect(page.locator(".state")).to_contain_text("Sent")
        made.rig.core.state.kept.clear()
        made.rig.adapter._visitors._here.clear()
        await page.reload()
        await expect(bubbles(page)).to_have_count(0)
        await write(page, "and again")
        await visitor(made, 3)
        assert len({m.sender.address for m in made.rig.core.messages()}) == 3


async def test_order_is_kept_when_the_server_asks_to_wait(chrome: Browser) -> None:
    async with shop(chrome, messages_per_minute=60) as made:
        page = await made.visit(viewport=DESKTOP)
        await page.locator(".launch").click()
        words = [f"message {number:02}" for number in range(33)]
        for one in words:
            await page.locator("textarea").fill(one)
            await page.locator("textarea").press("Enter")
        await visitor(made, len(words))
        assert [m.text.plain for m in made.rig.core.messages()] == words
        await expect(bubbles(page)).to_have_text(words)
        await expect(page.locator(".wait")).to_have_count(0)


async def test_a_refused_message_can_be_tried_again(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await page.locator(".launch").click()
        await pick(page, "a.txt", b"a", "text/plain")
        await expect(page.locator(".chip progress")).to_have_count(0)
        read, made.rig.adapter._references.read = made.rig.adapter._references.read, lambda *_: None  # type: ignore[method-assign]
        await page.locator("textarea").press("Enter")
        await expect(page.locator(".state.bad")).to_contain_text("Not sent")
        made.rig.adapter._references.read = read  # type: ignore[method-assign]
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator(".state")).to_contain_text("Sent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_axe_finds_nothing(chrome: Browser, scheme: str, size: str) -> None:
    axe = axe_source()
    async with shop(chrome, ask_address_after=1, reply_time="Within an hour") as made:
        options = PHONE if size == "phone" else {"viewport": DESKTOP, "reduced_motion": "reduce"}
        page = await made.visit(color_scheme=scheme, **options)
        await page.evaluate(axe)
        await no_findings(page)
        await write(page, "Hello <b>there</b>")
        text = Text(
            "code and a link", (Span(0, 4, SpanKind.CODE), Span(11, 15, SpanKind.LINK, "https://a.example"))
        )
        blob = await made.rig.core.blobs.put(b"%PDF-1.4")
        await made.rig.reply(await visitor(made), text, Attachment("a.pdf", "application/pdf", 8, blob))
        await expect(page.locator(".f")).to_be_visible()
        await write(page, "And now?")
        await expect(page.get_by_label("Email address")).to_be_visible()
        await pick(page, "a.txt", b"a")
        await expect(page.locator(".chip")).to_be_visible()
        await no_findings(page)


async def no_findings(page: Page) -> None:
    result = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    found = [(one["id"], [node["html"] for node in one["nodes"]]) for one in result["violations"]]
    assert found == [], json.dumps(found, indent=1)
    unsure = [one for one in result["incomplete"] if one["id"] != "color-contrast"]
    assert unsure == [], json.dumps(unsure, indent=1)


async def test_full_screen_on_a_phone_and_the_keyboard_stays_inside(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(**PHONE)
        await page.locator(".launch").tap()
        box = await page.locator(".panel").bounding_box()
        assert box is not None
        assert [round(box[side]) for side in ("x", "y", "width", "height")] == [0, 0, 390, 844]
        await expect(page.locator(".launch")).to_be_hidden()
        stops = set()
        for _ in range(12):
            await page.keyboard.press("Tab")
            stops.add(await page.evaluate("document.activeElement.localName"))
        assert stops == {"support-chat"}
        await page.get_by_role("button", name="Close chat").tap()
        await expect(page.locator(".panel")).to_be_hidden()


async def test_colours_and_language_follow_the_visitor(chrome: Browser) -> None:
    async with shop(chrome, reply_time={"en": "within an hour", "de": "binnen einer Stunde"}) as made:
        dark, light = "rgb(22, 27, 34)", "rgb(255, 255, 255)"
        page = await made.visit("/?lang=de-AT", color_scheme="dark", viewport=DESKTOP)
        await page.get_by_role("button", name="Chat öffnen").click()
        await expect(page.locator(".top")).to_contain_text("binnen einer Stunde")
        await expect(page.locator(".panel")).to_have_css("background-color", dark)
        await page.emulate_media(color_scheme="light")
        await expect(page.locator(".panel")).to_have_css("background-color", light)
        forced = await made.visit("/?theme=dark&lang=xx", viewport=DESKTOP)
        await forced.get_by_role("button", name="Open chat").click()
        await expect(forced.locator(".panel")).to_have_css("background-color", dark)
        await forced.evaluate("customElements.get('support-chat').addLanguage('xx', { close: 'Xlose' })")
        await expect(forced.get_by_role("button", name="Xlose").first).to_be_visible()


async def test_by_keyboard_alone(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await page.keyboard.press("Tab")
        await expect(page.locator(".launch")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("textarea")).to_be_focused()
        await page.keyboard.type("two")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("lines")
        await page.keyboard.press("Enter")
        await visitor(made)
        assert made.rig.core.messages()[0].text.plain == "two\nlines"
        await page.keyboard.press("Escape")
        await expect(page.locator(".panel")).to_be_hidden()


async def test_a_restarted_bot_is_found_again(chrome: Browser) -> None:
    assert chromium()
    async with shop(chrome) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "before")
        who = await visitor(made)
        for one in made.rig.adapter._visitors:
            for socket in one.sockets:
                socket.bye(1001, "restarting")
        await made.rig.reply(who, "after")
        await expect(bubbles(page)).to_have_text(["before", "after"])
