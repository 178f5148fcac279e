"""The shop's chat and the messengers: by scripts over endpoints.json, and on the page in a real browser."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, expect

from bot.sandbox.demo.phones import missing
from tests.demo.rig import DemoProcess, Json, SlackPerson, fetch
from tests.demo.test_page import SLOW, browser, complaint, findings, visit
from tests.site.browser import OPEN_SHADOWS, axe_source

__all__ = ["browser"]
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAE0lEQVR42mNobm7GihhGJbAhABlIhgF8zgv4AAAAAElFTkSuQmCC"
)
CHANNELS = ("telegram", "x")
PHONES = {"Telegram": "Dana Petrov (telegram)", "X": "(x)"}
WIDER = """[...document.querySelectorAll(".tabs button")]
  .filter((one) => one.querySelector("span").getBoundingClientRect().width > one.clientWidth).length"""
"""How many names of devices are wider than their tab."""


@pytest.fixture
def kim(demo: DemoProcess) -> SlackPerson:
    return SlackPerson(demo.endpoints, "agent1")


def thread_of(kim: SlackPerson, demo: DemoProcess, words: str) -> str:
    """The thread in #support in which these words are, once they are there."""
    support = demo.endpoints["slack"]["channels"]["support"]
    said = kim.wait_for(lambda: kim.said(support, words))
    assert len(said) == 1
    return str(said[0]["thread_ts"])


def answer(kim: SlackPerson, demo: DemoProcess, thread: str, words: str) -> str:
    support = demo.endpoints["slack"]["channels"]["support"]
    return str(kim.call("chat.postMessage", channel=support, thread_ts=thread, text=f"! {words}")["ts"])


def heard(demo: DemoProcess, channel: str, customer: str) -> list[Json]:
    status, given = fetch(f"{demo.endpoints[channel]['heard']}?customer={customer}")
    assert status == 200 and isinstance(given, list)
    return given


def until_heard(demo: DemoProcess, channel: str, customer: str, words: str) -> list[Json]:
    """What a customer has received, once these words are among it."""
    end, known = time.monotonic() + 40, ""
    while not any(words == one["text"] for one in heard(demo, channel, customer)):
        assert time.monotonic() < end, heard(demo, channel, customer)
        state = demo.get(f"demo/state?known={known}")[1]
        assert isinstance(state, dict)
        known = state["version"]
    return heard(demo, channel, customer)


def test_what_a_customer_says_and_has_heard(demo: DemoProcess, kim: SlackPerson) -> None:
    before = {channel: heard(demo, channel, "customer1") for channel in CHANNELS}
    for channel in CHANNELS:
        order = {"customer": "customer2", "text": f"Is it there yet? <!channel> {channel}"}
        status, said = fetch(demo.endpoints[channel]["say"], order)
        assert status == 200 and isinstance(said, dict) and said["ok"] and said["id"]
        thread = thread_of(kim, demo, f"&lt;!channel&gt; {channel}")
        answer(kim, demo, thread, f"On Thursday & not before, by {channel}.")
    for channel in CHANNELS:
        (got,) = until_heard(demo, channel, "customer2", f"On Thursday & not before, by {channel}.")
        assert got.keys() == {"id", "text", "at", "edited", "files"} and abs(got["at"] - time.time()) < 60
        assert heard(demo, channel, "customer1") == before[channel]
        assert fetch(demo.endpoints[channel]["heard"] + "?customer=nobody")[0] == 404


def test_the_bot_is_killed_while_messengers_bring_something(demo: DemoProcess, kim: SlackPerson) -> None:
    demo.break_things("bot_kill")
    for channel in CHANNELS:
        order = {"customer": "customer1", "text": f"Said to nobody on {channel}."}
        assert fetch(demo.endpoints[channel]["say"], order)[0] == 200
    demo.break_things("bot_start")
    for channel in CHANNELS:
        thread_of(kim, demo, f"Said to nobody on {channel}.")


def test_a_channel_without_its_adapter_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[onethread.adapters]\nbroken = not_there:CHANNEL\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert missing("pigeon") == "its adapter is not installed"
    assert "cannot be loaded (ModuleNotFoundError" in str(missing("broken"))
    assert missing("site") is missing("telegram") is missing("x") is None


def test_a_script_chats_over_the_websocket(demo: DemoProcess, kim: SlackPerson) -> None:
    site = demo.endpoints["site"]

    async def talk() -> list[Json]:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(site["websocket"], headers={"Origin": "http://evil.example"})
            async with session.ws_connect(site["websocket"], headers={"Origin": site["origin"]}) as ws:
                await ws.send_json({"t": "hello", "v": 1, "after": 0})
                await ws.send_json({"t": "say", "id": "script-0001", "text": "Said by a script."})
                frames = []
                while not frames or frames[-1]["t"] != "sent":
                    frames.append(await ws.receive_json(timeout=10))
                return frames

    frames = asyncio.run(talk())
    assert frames[0]["t"] == "welcome" and frames[0]["team"] == "Shop Support"
    thread_of(kim, demo, "Said by a script.")


# -- in a browser --------------------------------------------------------------------------------------


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor's browser; the closed shadow root of the chat is open to the test."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(OPEN_SHADOWS)
    context.on("console", lambda line: problems.append(line.text) if complaint(line) else None)
    context.on("weberror", lambda error: problems.append(str(error.error)))
    yield context
    context.close()
    assert not problems


def shop(visitor: BrowserContext, demo: DemoProcess) -> Page:
    page = visitor.new_page()
    page.goto(demo.endpoints["site"]["page"])
    return page


def write(page: Page, words: str) -> None:
    area = page.locator("support-chat textarea")
    area.fill(words)
    area.press("Enter")


def bubbles(page: Page) -> Locator:
    return page.locator("support-chat .b")


def test_the_network_and_the_bot_drop_and_nobody_notices(
    demo: DemoProcess, kim: SlackPerson, visitor: BrowserContext
) -> None:
    page = shop(visitor, demo)
    page.locator("support-chat .launch").click()
    write(page, "One: is the pot in stock?")
    expect(page.locator("support-chat .state").last).to_contain_text("Sent", timeout=SLOW)
    thread = thread_of(kim, demo, "One: is the pot in stock?")

    demo.break_things("bot_kill")
    visitor.set_offline(True)
    write(page, "Two: written offline.")
    expect(page.locator("support-chat .state").last).to_contain_text("Waiting")
    visitor.set_offline(False)
    page.reload()
    expect(bubbles(page)).to_have_text(["One: is the pot in stock?", "Two: written offline."])
    demo.break_things("bot_start")
    assert thread_of(kim, demo, "Two: written offline.") == thread

    page.close()
    answer(kim, demo, thread, "Yes, three of them.")
    page = shop(visitor, demo)
    expect(page.locator("support-chat .badge")).to_have_text("1", timeout=SLOW)
    page.locator("support-chat .launch").click()
    everything = ["One: is the pot in stock?", "Two: written offline.", "Yes, three of them."]
    expect(bubbles(page)).to_have_text(everything)
    page.reload()
    expect(bubbles(page)).to_have_text(everything)
    write(page, "Three: thank you.")
    assert thread_of(kim, demo, "Three: thank you.") == thread
    expect(bubbles(page)).to_have_text([*everything, "Three: thank you."])
    support = demo.endpoints["slack"]["channels"]["support"]
    for words in ("One: is", "Two: written", "Three: thank"):
        assert len(kim.said(support, words)) == 1


def test_a_chat_on_the_page_beside_its_thread(visitor: BrowserContext, demo: DemoProcess) -> None:
    page = visitor.new_page()
    visit(page, demo)
    page.get_by_role("tab", name="Shop").click()
    frame = page.frame_locator("iframe")
    frame.locator("support-chat .launch").click()
    frame.locator("support-chat textarea").fill("Is this the page?")
    frame.locator("support-chat textarea").press("Enter")
    page.locator(".pane.channel .message", has_text="Is this the page?").locator(".replies").click(
        timeout=SLOW
    )
    area = page.locator(".pane.thread textarea")
    area.fill("! It is, and in a frame.")
    area.press("Enter")
    expect(frame.locator("support-chat .b").last).to_have_text("It is, and in a frame.", timeout=SLOW)
    page.get_by_role("tab", name="Dana's mail").click()
    expect(page.locator("iframe")).to_have_count(0)
    page.get_by_role("tab", name="Shop").click()
    expect(frame.locator("support-chat .b")).to_have_text(["Is this the page?", "It is, and in a frame."])
    demo.break_things("bot_kill")
    page.get_by_role("button", name="Reload").click()
    demo.break_things("bot_start")
    expect(frame.locator("support-chat .b").last).to_have_text("It is, and in a frame.", timeout=SLOW)


def test_a_phone_sends_a_picture_and_gets_an_answer(visitor: BrowserContext, demo: DemoProcess) -> None:
    page = visitor.new_page()
    visit(page, demo)
    for tab, name in PHONES.items():
        page.get_by_role("tab", name=re.compile(rf"^{tab} of")).click()
        words = f"Do you have it in green? {tab}"
        file = FilePayload(name="cup.png", mimeType="image/png", buffer=PICTURE)
        page.locator(".phone-write input[type=file]").set_input_files(file)
        page.locator(".phone-write textarea").fill(words)
        page.locator(".phone-write textarea").press("Enter")
        expect(page.locator(".chat .mine img").last).to_be_visible()
        page.locator(".pane.channel .message", has_text=words).locator(".replies").click(timeout=SLOW)
        said = page.locator(".pane.thread .message", has_text=words).last
        expect(said.locator(".by")).to_contain_text(name)
        expect(page.locator(".pane.thread .file").first).to_be_visible(timeout=SLOW)
        area = page.locator(".pane.thread textarea")
        area.fill("! In green from Monday.")
        area.press("Enter")
    page.get_by_role("tab", name="Shop").click()
    for tab in PHONES:
        expect(page.get_by_role("tab", name=re.compile(rf"^{tab} of \w+ ?1 new"))).to_be_visible(timeout=SLOW)
        page.get_by_role("tab", name=re.compile(rf"^{tab} of")).click()
        expect(page.locator(".chat li:not(.mine)").last).to_contain_text("In green from Monday.")
        expect(page.get_by_role("tab", name=re.compile(rf"^{tab} of \w+$"))).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_device_fits_and_breaks_no_policy(
    visitor: BrowserContext, demo: DemoProcess, width: int
) -> None:
    page = visitor.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    visit(page, demo)
    tabs = page.locator(".tabs").get_by_role("tab")
    expect(tabs).to_have_count(6)
    for tab in tabs.all():
        tab.click()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        over = page.evaluate(WIDER)
        assert over == 0
    page.get_by_role("tab", name="Shop").click()
    frame = page.frame_locator("iframe")
    frame.locator("support-chat .launch").click()
    expect(frame.locator("support-chat .panel")).to_be_visible()
    expect(page.locator("#truth")).to_contain_text("Slack, mail server, Telegram, X: stand-ins")
    expect(page.locator("#truth")).to_contain_text("Bot, site chat: real")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_shop(
    visitor: BrowserContext, demo: DemoProcess, scheme: Literal["light", "dark"]
) -> None:
    page = shop(visitor, demo)
    page.emulate_media(color_scheme=scheme)
    expect(page.locator("support-chat .launch")).to_be_visible()
    page.evaluate(axe_source())
    findings(page, scheme)


def test_the_shops_page_keeps_the_documented_policy(demo: DemoProcess) -> None:
    with urllib.request.urlopen(demo.endpoints["site"]["page"]) as page:
        policy = page.headers["Content-Security-Policy"]
        html = page.read().decode()
    chat = demo.chat
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'" and rules["script-src"] == chat
    assert rules["connect-src"] == f"{chat} {chat.replace('http', 'ws', 1)}"
    assert rules["require-trusted-types-for"] == "'script'" and rules["frame-ancestors"] == "'self'"
    assert f'<script src="{chat}/channels/support-chat/widget.js" defer></script>' in html
    assert json.dumps(fetch(demo.page + "shop/..%2Fapp.yaml")[0]) == "404"
