"""Signing in and going on elsewhere, in a real browser."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bot.messages import Identified
from tests.site.browser import axe_source, browser, shop
from tests.site.rig import Core, OffersOf
from tests.site.test_widget import DESKTOP, bubbles, visitor, write

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = "k" * 48
IDENTIFY = {"keys": [KEY]}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


def token(sub: str = "4711", **changes: Any) -> str:
    now = int(time.time())
    claims = {"aud": "shop-chat", "sub": sub, "iat": now, "exp": now + 600, "jti": secrets.token_hex(8)}
    return jwt.encode({**claims, "name": "Dana Petrov", **changes}, KEY, "HS256")


def core(*labels: str) -> Core:
    made = Core(clock=time.time)
    made.offers = OffersOf(*labels) if labels else None
    return made


async def test_a_page_says_who_it_is(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        page = await made.visit(f"/?identity={token()}", viewport=DESKTOP)
        await write(page, "Where is it?")
        await expect(page.locator(".state")).to_contain_text("Sent")
        (told,) = made.rig.core.of(Identified)
        assert told.proven.address == "user:4711"
        await made.rig.reply(told.thread_key, "On its way.")
        await expect(bubbles(page)).to_have_text(["Where is it?", "On its way."])
        assert token()[:20] not in json.dumps(await page.evaluate("({ ...localStorage, ...sessionStorage })"))
        # A second device of the same person, then a page without a token in the first browser.
        phone = await made.visit(f"/?identity={token()}", viewport=DESKTOP)
        await phone.locator(".launch").click()
        await expect(bubbles(phone)).to_have_text(["Where is it?", "On its way."])
        await page.goto(made.url)
        await expect(bubbles(page)).to_have_text(["Where is it?", "On its way."])
        await write(page, "Thank you")
        await expect(bubbles(phone)).to_have_text(["Where is it?", "On its way.", "Thank you"])


async def test_a_visitor_signs_in_and_out_and_somebody_else_signs_in(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Is it in stock?")
        await expect(page.locator(".state")).to_contain_text("Sent")
        other_tab = await made.page(page.context)
        await other_tab.locator(".launch").click()
        await page.evaluate("token => onethread.identify(token)", token())
        (told,) = await made.rig.core.until(Identified)
        assert told.sender.anonymous
        await expect(bubbles(page)).to_have_text(["Is it in stock?"])
        await write(page, "Two, please")
        await expect(bubbles(other_tab)).to_have_text(["Is it in stock?", "Two, please"])
        await page.locator("textarea").fill("half a sentence")
        await page.evaluate("token => onethread.identify(token)", token("4712"))
        await expect(bubbles(page)).to_have_count(0)
        await write(page, "I am somebody else")
        await expect(page.locator(".state")).to_contain_text("Sent")
        assert made.rig.core.messages()[-1].sender.address == "user:4712"
        await page.evaluate("onethread.identify(null)")
        await expect(bubbles(page)).to_have_count(0)
        await write(page, "And now nobody")
        await expect(page.locator(".state")).to_contain_text("Sent")
        assert made.rig.core.messages()[-1].sender.anonymous


async def test_the_page_is_asked_for_a_token_and_asked_again(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        tokens = json.dumps([token(), token(), token()])
        page = await made.visit("/", viewport=DESKTOP)
        await page.add_init_script(
            f"const tokens = {tokens}; let asked = 0;"
            "window.onethread = { getToken: async () => { window.asked = ++asked; return tokens.pop(); } };"
        )
        await page.reload()
        await write(page, "Hello")
        await expect(page.locator(".state")).to_contain_text("Sent")
        assert made.rig.core.messages()[-1].sender.address == "user:4711"
        assert await page.evaluate("window.asked") == 1
        # The session ends on the server: the page is asked again, and nobody is downgraded silently.
        who = made.rig.core.messages()[-1].thread_key
        for one in made.rig.adapter._visitors:
            one.tokens.clear()
        made.rig.core.state.kept.pop(f"visitor:{who}")
        await page.evaluate(
            "() => { for (const one of document.querySelectorAll('support-chat')) one.open(); }"
        )
        here = made.rig.adapter._visitors.here(who or "")
        assert here is not None
        await here.sockets[0].close(1001, "restarting")
        await expect(page.locator(".state")).to_contain_text("Sent")
        await write(page, "Still me")
        await made.rig.core.until(type(made.rig.core.messages()[0]), 2)
        assert made.rig.core.messages()[-1].sender.address == "user:4711"
        assert await page.evaluate("window.asked") == 2


async def test_a_refused_token_is_said_on_the_console_and_the_chat_goes_on(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        page = await made.visit(f"/?identity={token(exp=1, iat=0)}", viewport=DESKTOP)
        await write(page, "Hello")
        await expect(page.locator(".state")).to_contain_text("Sent")
        assert made.complaints == ["support-chat: The sign-in token was refused: it has expired."]
        made.complaints.clear()


async def test_other_channels_are_offered_once_something_was_said(chrome: Browser) -> None:
    async with shop(chrome, core("Telegram", "e-mail")) as made:
        page = await made.visit(viewport=DESKTOP)
        await page.locator(".launch").click()
        menu = page.locator(".go")
        await expect(menu).to_be_hidden()
        await write(page, "Hello")
        await expect(page.locator(".state")).to_contain_text("Sent")
        await expect(menu).to_be_visible()
        assert isinstance(made.rig.core.offers, OffersOf)
        assert made.rig.core.offers.made == 0  # no code before somebody asks for one
        button = page.get_by_role("button", name="Continue on another channel")
        await expect(button).to_have_attribute("aria-expanded", "false")
        await button.click()
        await expect(menu.locator("a")).to_have_text(["Telegram", "e-mail"])
        await expect(menu.locator("a").first).to_have_attribute(
            "href", "https://telegram.example/?start=code1"
        )
        await expect(button).to_have_attribute("aria-expanded", "true")
        if folder := os.environ.get("ONETHREAD_SCREENSHOTS"):
            await page.screenshot(path=f"{folder}/menu.png")
        await page.evaluate(axe_source())
        found = await page.evaluate("axe.run()")
        assert [one["id"] for one in found["violations"]] == []
        await button.click()
        await expect(menu.locator("a")).to_have_count(0)
        german = await made.visit("/?lang=de", viewport=DESKTOP)
        await write(german, "Hallo")
        await expect(german.get_by_role("button", name="Anderswo weiterschreiben")).to_be_visible()


async def test_no_offers_no_menu(chrome: Browser) -> None:
    async with shop(chrome, core()) as made:
        page = await made.visit(viewport=DESKTOP)
        await write(page, "Hello")
        await visitor(made)
        await expect(page.locator(".go")).to_be_hidden()


async def test_a_link_from_another_channel_opens_the_chat_and_leaves_the_address(chrome: Browser) -> None:
    async with shop(chrome, core()) as made:
        code = "abcdefghijklmnopqrstuvwxyz"
        page = await made.visit(f"/?from=mail#onethread={code}", viewport=DESKTOP)
        await expect(page.locator("support-chat.open")).to_have_count(1)
        assert await page.evaluate("location.href") == f"{made.url}/?from=mail"
        await write(page, "Here I am")
        await expect(page.locator(".state")).to_contain_text("Sent")
        await write(page, "And again")
        await visitor(made, 2)
        assert [one.link for one in made.rig.core.messages()] == [code, None]
