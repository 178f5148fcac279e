"""Mails on Monday, chats on Tuesday, Telegram on Wednesday: one customer, one thread, one history."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flows.desk import AtDesk
from tests.flows.linked import PAGE, LinkedShop, opened, says, token, visiting
from tests.flows.seen import read
from tests.flows.shop import DANA


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[LinkedShop]:
    async with opened(tmp_path) as made:
        yield made


async def test_one_customer_on_three_channels(shop: LinkedShop) -> None:
    telegram = shop.telegram
    async with shop.open() as made, visiting(made) as visitors:
        # Monday: she mails, and is answered.
        await shop.mails(DANA, "Where is my parcel?", subject="Parcel")
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/reply C1 It left on Friday.")
        answer = await shop.gets(DANA)
        assert "It left on Friday." in answer.as_string()

        # Tuesday: she asks in the chat before she signs in, then signs in.
        stranger = await visitors.come()
        await says(stranger, "Has it arrived yet?")
        await shop.until(lambda: len(shop.roots()) == 2)
        known = await visitors.come(token(), token=stranger.token)
        await known.until(lambda: "Has it arrived yet?" in [one["text"] for one in known.items.values()])
        await says(known, "It is me, Dana.")
        await shop.in_thread("It is me, Dana.")
        await shop.writes("agent1", "! It arrives tomorrow.", shop.roots()[0]["ts"])
        await known.until(lambda: "It arrives tomorrow." in known.heard())

        # Wednesday: the chat leads her to Telegram.
        await known.send(t="offers")
        await known.until(lambda: any(frame["t"] == "offers" for frame in known.frames))
        offers = next(frame["offers"] for frame in known.frames if frame["t"] == "offers")
        assert [one["label"] for one in offers] == ["Telegram", "e-mail"]
        start = re.fullmatch(r"https://t\.me/shop_demo_bot\?start=([a-z2-7]{26})", offers[0]["url"])
        assert start is not None
        telegram.people.start("customer1", start[1])
        heard = await telegram.wait_for("customer1")
        assert heard["text"] == "You are connected: we know what you wrote before. Go on here."
        telegram.say("customer1", "It is here, thank you!")
        await shop.in_thread("It is here, thank you!")

        # One customer, one thread, one history; the second thread says where it went.
        posts = "\n".join(shop.posts())
        for words in ("Where is my parcel?", "It is me, Dana.", "It is here, thank you!"):
            assert posts.count(words) == 1
        assert "goes on by telegram @shop_demo_bot (link code given in site the shop" in posts
        kim = AtDesk(shop, "agent1")
        told = read(await kim.asks("/history C1", "newest first"))
        for words in (
            "Where is my parcel?",
            "Has it arrived yet?",
            "It is me, Dana.",
            "It is here, thank you!",
        ):
            assert words in told

        # The agent answers where she is, then goes back to mail with a recap.
        await shop.types("agent1", "/reply C1 You are welcome.")
        await shop.until(lambda: len(telegram.heard("customer1")) >= 2)
        assert telegram.heard("customer1")[-1]["text"] == "You are welcome."
        asked = await kim.asks("/switch C1 email", "The last words between us:")
        await shop.presses("agent1", asked["ts"], "switch.send")
        recap = await shop.gets(DANA, 2)
        assert "It is here, thank you!" in recap.as_string()
        assert recap["Auto-Submitted"] == "auto-replied"
        await shop.types("agent1", "/reply C1 By mail from now on.")
        last = await shop.gets(DANA, 3)
        assert "By mail from now on." in last.as_string()

        # A send fails for good: the other ways are named, and one of them is taken.
        telegram.say("customer1", "Still there?")
        await shop.in_thread("Still there?")
        telegram.people.block("customer1")
        await shop.types("agent1", "/reply C1 Yes, we are.")
        failed = await shop.in_thread("can also be reached by")
        assert "Dana Petrov can also be reached by" in failed
        assert "email support@shop.example" in failed
        assert "[Retry][Send another way]" in failed


async def test_a_mail_footer_leads_on_and_a_menu_leads_back(shop: LinkedShop) -> None:
    telegram = shop.telegram
    async with shop.open() as made, visiting(made) as visitors:
        await shop.mails(DANA, "Where is my parcel?", subject="Parcel")
        await shop.in_thread("Where is my parcel?")
        await shop.types("agent1", "/reply C1 It left on Friday.")
        body = (await shop.gets(DANA)).get_body(("plain",))
        assert body is not None
        text = body.get_content()
        found = re.search(r"Or continue on Telegram: https://t\.me/shop_demo_bot\?start=([a-z2-7]{26})", text)
        assert found is not None
        page = re.search(rf"Or continue on our site: {re.escape(PAGE)}#onethread=([a-z2-7]{{26}})", text)
        assert page is not None

        telegram.people.start("customer1", found[1])
        await telegram.wait_for("customer1")
        telegram.say("customer1", "/menu")
        await shop.until(lambda: len(telegram.heard("customer1")) >= 2)
        menu = telegram.heard("customer1")[-1]["text"]
        assert menu.startswith("You can go on with this conversation:")
        assert PAGE in menu
        address = re.search(r"support\+go-([a-z2-7]{26})@shop\.example", menu)
        assert address is not None

        visitor = await visitors.come()
        await says(visitor, "Now from the page", link=page[1])
        await shop.in_thread("Now from the page")
        await shop.mails(DANA, "And by mail", to=address[0])
        await shop.in_thread("And by mail")
        telegram.people.start("customer2", found[1])  # somebody found the mail
        await telegram.wait_for("customer2")
        assert telegram.heard("customer2")[-1]["text"].startswith("That link was used already or is too old.")
        await shop.in_thread("was used a second time, by Luis Ortega")
        # His own card is in another lane: it may come after the warning.
        await shop.until(lambda: len(shop.roots()) >= 2)
        assert "/menu" not in shop.everything()
        assert len(shop.roots()) == 2
