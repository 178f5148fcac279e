"""Rating in a real browser: buttons, keyboard, words, reload, no network, another language."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from bot.messages import Ask, Rated
from tests.site.browser import Shop, axe_source, browser, shop
from tests.site.rig import Core
from tests.site.test_widget import DESKTOP, PHONE, no_findings, visitor, write

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = "How did we do?"
ASK = Ask("t" * 26, "bad", "great", "What could we do better?", "Thank you for telling us.")
GERMAN = Ask(
    "u" * 26, "schlecht", "sehr gut", "Was könnten wir besser machen?", "Danke, dass Sie es uns sagen."
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


async def asked(made: Shop, ask: Ask = ASK, path: str = "/", **options: Any) -> Page:
    """A visitor who has been asked."""
    page = await made.visit(path, **({"viewport": DESKTOP} | options))
    await write(page, "Where is my parcel?")
    await made.rig.reply(await visitor(made), "It arrived.")
    await made.rig.reply(await visitor(made), QUESTION, author="", ask=ask)
    await expect(page.locator(".rate")).to_be_visible()
    return page


def mark(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=QUESTION).get_by_role("button", name=name, exact=True)


async def pressed(page: Page) -> list[str]:
    return await page.locator(".marks [aria-pressed=true]").all_text_contents()


async def test_a_visitor_rates_and_adds_words(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await asked(made)
        marks = await page.locator(".marks button").all()
        names = [await one.get_attribute("aria-label") or await one.text_content() for one in marks]
        assert names == ["1 – bad", "2", "3", "4", "5 – great"]
        await expect(page.get_by_label("What could we do better?")).to_have_count(0)
        await mark(page, "2").click()
        await expect(page.get_by_text("Thank you for telling us.")).to_be_visible()
        (first,) = await made.rig.core.until(Rated)
        assert (first.token, first.score, first.comment) == (ASK.token, 2, None)
        await mark(page, "4").click()
        await page.get_by_label("What could we do better?").fill("A faster answer <b>please</b>")
        await page.locator(".rate").get_by_role("button", name="Send").click()
        events = await made.rig.core.until(Rated, 3)
        assert [(one.score, one.comment) for one in events[1:]] == [
            (4, None),
            (None, "A faster answer <b>please</b>"),
        ]
        await expect(page.get_by_label("What could we do better?")).to_be_hidden()
        await expect(page.get_by_label("Write a message")).to_be_focused()
        assert await pressed(page) == ["4"]
        assert [message.text.plain for message in made.rig.core.messages()] == ["Where is my parcel?"]


async def test_by_keyboard_alone(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await asked(made)
        await page.locator(".marks button").first.focus()
        for _ in range(4):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await expect(page.get_by_text("Thank you for telling us.")).to_be_visible()
        await expect(mark(page, "5 – great")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.type("Kind people")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        events = await made.rig.core.until(Rated, 2)
        assert [(one.score, one.comment) for one in events] == [(5, None), (None, "Kind people")]


async def test_a_reload_a_second_tab_and_a_restart_show_the_outcome(chrome: Browser) -> None:
    core = Core(clock=time.time)
    async with shop(chrome, core) as made:
        page = await asked(made)
        second = await made.page(page.context)
        await second.locator(".launch").click()
        await expect(second.locator(".rate")).to_be_visible()
        await mark(page, "3").click()
        await expect(mark(second, "3")).to_have_attribute("aria-pressed", "true")
        await page.reload()
        await expect(mark(page, "3")).to_have_attribute("aria-pressed", "true")
        await expect(page.get_by_text("Thank you for telling us.")).to_be_visible()
        assert ASK.token not in json.dumps(await page.evaluate("({ ...localStorage, ...sessionStorage })"))
        # A browser that has nothing but the token gets the outcome from the server.
        await page.evaluate(
            "() => { for (const key of Object.keys(localStorage)) if (key.endsWith(' talk')) localStorage.removeItem(key); }"
        )
        await second.close()
        await page.reload()
        await expect(mark(page, "3")).to_have_attribute("aria-pressed", "true")
        assert len(core.of(Rated)) == 1


async def test_without_a_network_it_is_sent_later(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await asked(made)
        made.rig.core.broken = True
        await mark(page, "1 – bad").click()
        await expect(mark(page, "1 – bad")).to_have_attribute("aria-pressed", "true")
        await expect(page.get_by_text("Thank you for telling us.")).to_have_count(0)
        await page.reload()
        made.rig.core.broken = False
        await expect(mark(page, "1 – bad")).to_have_attribute("aria-pressed", "true")
        await expect(page.get_by_text("Thank you for telling us.")).to_be_visible(timeout=15_000)
        assert [one.score for one in made.rig.core.of(Rated)] == [1]


async def test_a_question_that_is_too_old_goes_away(chrome: Browser) -> None:
    async with shop(chrome) as made:
        page = await asked(made)
        for kept in [key for key in made.rig.core.state.kept if key.startswith("asks:")]:
            made.rig.core.state.kept[kept] = "{}"
        await mark(page, "4").click()
        await expect(page.locator(".rate")).to_have_count(0)
        assert made.rig.core.of(Rated) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_axe_finds_nothing(chrome: Browser, scheme: str, size: str) -> None:
    axe = axe_source()
    async with shop(chrome) as made:
        options = PHONE if size == "phone" else {"viewport": DESKTOP, "reduced_motion": "reduce"}
        page = await asked(made, GERMAN, "/?lang=de", color_scheme=scheme, **options)
        await page.evaluate(axe)
        await no_findings(page)
        if size == "phone":  # fingers need room
            box = await mark(page, "1 – schlecht").bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 40
        await mark(page, "5 – sehr gut").click()
        await expect(page.get_by_label("Was könnten wir besser machen?")).to_be_visible()
        await no_findings(page)
        if folder := os.environ.get("ONETHREAD_SCREENSHOTS"):
            await page.screenshot(path=f"{folder}/rating-{size}-{scheme}.png")
