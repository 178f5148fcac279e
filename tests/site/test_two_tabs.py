"""Two tabs and a sign-in, in every order: words go out as who is signed in, once, and nobody's sign-in is forgotten.

``tabs.py`` says how an order is forced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bot.messages import AddressGiven, Identified
from tests.site.browser import Shop, browser, shop
from tests.site.tabs import Tab, another_tab, first_tab
from tests.site.test_identify_widget import IDENTIFY, core, token
from tests.site.test_widget import DESKTOP, bubbles, visitor, write

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


def said(made: Shop) -> list[tuple[str, str]]:
    """What the team got, and as whose words."""
    return [
        ("nobody" if one.sender.anonymous else one.sender.address, one.text.plain)
        for one in made.rig.core.messages()
    ]


async def says(tab: Tab, words: str) -> None:
    """Somebody writes, and sees that the team has it."""
    await write(tab.page, words)
    await expect(tab.page.locator(".m", has_text=words).locator(".state")).to_contain_text("Sent")


async def opens(tab: Tab) -> None:
    await tab.page.locator(".launch").click()


async def signed_in(made: Shop, sub: str = "4711") -> tuple[Tab, Tab]:
    """Two tabs of somebody signed in, who has said something."""
    one = await first_tab(made, viewport=DESKTOP)
    await opens(one)
    await one.identify(token(sub))
    await says(one, "Hello")
    two = await another_tab(made, one)
    await opens(two)
    await expect(bubbles(two.page)).to_have_text(["Hello"])
    return one, two


# The other tab's token comes between a sign-in and its welcome


async def test_a_sign_in_that_another_tab_was_faster_than_is_not_forgotten(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one = await first_tab(made, viewport=DESKTOP)
        two = await another_tab(made, one)
        await one.hold("welcome", "news", "stored")
        await one.identify(token())
        await opens(one)
        await one.holds("welcome")
        await opens(two)  # a stranger's token is stored first
        first = await one.stores(None)
        await one.release("welcome")
        await one.stores(first)
        await one.release("news", "stored")
        await says(one, "Two, please")
        await expect(bubbles(two.page)).to_have_text(["Two, please"])
        await write(two.page, "Or three")
        await expect(bubbles(one.page)).to_have_text(["Two, please", "Or three"])
        assert said(made) == [("user:4711", "Two, please"), ("user:4711", "Or three")]


async def test_words_do_not_go_out_as_who_was_signed_in_before(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY, ask_address_after=1) as made:
        one, two = await signed_in(made)
        before = await one.token()
        await one.hold("welcome", "news", "stored")
        await one.identify(token("4712"))
        await one.holds("welcome")
        # The other tab, of who was signed in before, leaves an address, which makes a new token of theirs.
        await two.page.get_by_label("Email address").fill("dana@mail.example")
        await two.page.get_by_role("button", name="Save").click()
        theirs = await one.stores(before)
        await one.release("welcome")
        await one.stores(theirs)
        await one.release("news", "stored")
        await expect(bubbles(one.page)).to_have_count(0)
        await expect(bubbles(two.page)).to_have_count(0)
        await says(one, "I am somebody else")
        assert said(made) == [("user:4711", "Hello"), ("user:4712", "I am somebody else")]


async def test_signing_out_takes_back_a_sign_in_that_is_under_way(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one = await first_tab(made, viewport=DESKTOP)
        await one.hold("welcome")
        await opens(one)
        await one.identify(token())
        await one.holds("welcome")
        await one.identify(None)
        await one.release("welcome")
        await says(one, "Nobody says this")
        assert said(made) == [("nobody", "Nobody says this")]
        assert made.rig.core.of(Identified) == []


# A token that is stored after the tab has loaded, or after the news of it


async def test_a_token_that_is_stored_after_its_news_is_seen(chrome: Browser) -> None:
    async with shop(chrome, core()) as made:
        one = await first_tab(made, viewport=DESKTOP)
        two = await another_tab(made, one)
        await two.is_blind()
        await two.hold("news", "stored")
        await says(one, "Hello")
        await two.holds("news")
        await two.release("news")  # it looks, and sees no token yet
        await two.holds("stored")
        await two.sees()
        await two.release("stored")
        await opens(one)  # closes it: nobody looks
        await made.rig.reply(await visitor(made), "Hi")
        await expect(two.page.locator(".badge")).to_have_text("1")


async def test_a_line_that_opens_after_the_sign_in_is_that_of_who_signed_in(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one = await first_tab(made, viewport=DESKTOP)
        await says(one, "Is it in stock?")
        stranger = await one.token()
        two = await another_tab(made, one)
        await opens(two)
        await expect(bubbles(two.page)).to_have_text(["Is it in stock?"])
        await two.hold("open", "news", "stored")
        here = made.rig.adapter._visitors.here(await visitor(made))
        assert here is not None
        for line in here.sockets:
            line.bye(1001, "restarting")
        await two.holds("open")
        await one.loses("kept")  # so the stranger's token stays valid
        await one.identify(token())
        await two.stores(stranger)
        await two.release("open")
        await write(two.page, "Two, please")
        await expect(bubbles(one.page)).to_have_text(["Is it in stock?", "Two, please"])
        await two.release("news", "stored")
        assert said(made) == [("nobody", "Is it in stock?"), ("user:4711", "Two, please")]


async def test_two_tabs_say_it_once_when_one_signs_in(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one = await first_tab(made, viewport=DESKTOP)
        await says(one, "Is it in stock?")
        stranger = await one.token()
        two = await another_tab(made, one)
        await opens(two)
        await expect(bubbles(two.page)).to_have_text(["Is it in stock?"])
        await two.is_blind()
        await two.hold("news", "stored", "sent")
        await one.identify(token())
        await two.stores(stranger)
        await made.rig.core.until(Identified)
        await one.hold("news")
        await write(two.page, "Two, please")
        await two.holds("sent")
        await one.sees_unsent()
        await one.release("news")
        await says(one, "And a bag")
        assert sorted(words for _, words in said(made)) == ["And a bag", "Is it in stock?", "Two, please"]


# Somebody signs out, or somebody else in, while the other tab says something


async def test_who_was_signed_out_in_another_tab_says_nothing_more(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one, two = await signed_in(made)
        before = await two.token()
        await two.hold("news", "stored")
        await one.loses("leave")  # so the server does not know, and leaves the other tab's line alone
        await one.identify(None)
        assert await two.stores(before) is None
        await write(two.page, "Said too late")
        await expect(bubbles(two.page)).to_have_count(0)
        await two.release("news", "stored")
        await says(two, "And now nobody")
        assert said(made) == [("user:4711", "Hello"), ("nobody", "And now nobody")]


async def test_the_server_signs_out_the_tabs_that_hear_nothing_of_each_other(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one, two = await signed_in(made)
        await two.is_blind()
        await two.hold("news", "stored")
        await one.identify(None)
        await expect(bubbles(two.page)).to_have_count(0)
        await two.sees()
        await two.release("news", "stored")
        await says(two, "And now nobody")
        assert said(made) == [("user:4711", "Hello"), ("nobody", "And now nobody")]


async def test_what_one_begins_after_signing_out_is_not_wiped_by_late_news(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one, two = await signed_in(made)
        await two.hold("news", "stored", "close")
        await one.identify(None)
        await says(one, "And now nobody")
        await two.stores(None)
        await two.release("news", "stored", "close")
        await expect(bubbles(two.page)).to_have_text(["And now nobody"])
        await one.page.reload()
        await says(one, "Still nobody")
        await expect(bubbles(two.page)).to_have_text(["And now nobody", "Still nobody"])
        assert [who for who, _ in said(made)] == ["user:4711", "nobody", "nobody"]


async def test_one_person_s_words_are_not_said_by_the_next_one(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY) as made:
        one, two = await signed_in(made)
        before = await two.token()
        await two.is_blind()
        await two.hold("news", "stored", "sent")
        await one.identify(token("4712"))
        await two.stores(before)
        await expect(bubbles(one.page)).to_have_count(0)
        await one.hold("news")
        await write(two.page, "Said by the first")
        await two.holds("sent")
        await one.sees_unsent()
        await one.release("news")
        await two.release("sent")
        # And what never reached anybody is not said by the next one either, when the page comes anew.
        await two.loses("say")
        await write(two.page, "Never sent")
        await one.sees_unsent("Never sent")
        await two.page.close()
        await one.page.reload()
        await says(one, "Said by the second")
        assert said(made) == [
            ("user:4711", "Hello"),
            ("user:4711", "Said by the first"),
            ("user:4712", "Said by the second"),
        ]


async def test_an_address_that_was_not_sent_yet_is_not_left_by_the_next_one(chrome: Browser) -> None:
    async with shop(chrome, core(), identify=IDENTIFY, ask_address_after=1) as made:
        phone = await first_tab(made, viewport=DESKTOP)
        await opens(phone)
        await phone.identify(token("4712"))
        await says(phone, "From elsewhere")
        one, _ = await signed_in(made)
        await one.loses("address")
        await one.page.get_by_label("Email address").fill("dana@mail.example")
        await one.page.get_by_role("button", name="Save").click()
        await one.finds("address")
        await one.identify(token("4712"))
        await expect(bubbles(one.page)).to_have_text(["From elsewhere"])
        await says(one, "I am somebody else")
        assert made.rig.core.of(AddressGiven) == []
