"""Stories of two customers that were one all along, with the real bot: merged, answered by the other channel, parted again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from bot.sandbox.telegram import TelegramStandIn
from tests.flows.seen import read
from tests.flows.shop import DANA, Shop

INBOX = """\
customers:
  order_number: 'AC-\\d{{5}}'
inboxes:
  phone:
    channel: telegram
    team: support
    name: "@shop_demo_bot"
    token: ${{TELEGRAM_TOKEN}}
    api_url: {api}
    poll_timeout: 5
"""


class PhoneShop(Shop):
    """The shop with a Telegram bot too: Dana mails and has a phone."""

    telegram: TelegramStandIn

    @override
    def environment(self) -> dict[str, str]:
        return {**super().environment(), "TELEGRAM_TOKEN": self.telegram.token}

    async def both(self) -> tuple[str, str]:
        """A mail, then a message on the phone; gives the two threads."""
        await self.mails(DANA, "Where is order AC-12345?")
        await self.until(lambda: "AC-12345" in self.all_posts(0))
        self.telegram.say("customer1", "Hello? Nobody answers my mail.")
        await self.until(lambda: "Nobody answers" in self.all_posts(1))
        return self.roots()[0]["ts"], self.roots()[1]["ts"]

    def all_posts(self, number: int) -> str:
        """Everything in the thread of one card, in one piece."""
        cards = self.roots()
        if len(cards) <= number:
            return ""
        return "\n--\n".join(read(one) for one in self.slack.thread("support", cards[number]["ts"])[1:])

    async def shows(self, number: int, words: str) -> str:
        """Waits until the thread of one card shows the words; gives all of it."""
        try:
            await self.until(lambda: words in self.all_posts(number))
        except TimeoutError:
            raise AssertionError(f"{words!r} is not in:\n{self.all_posts(number)}") from None
        return self.all_posts(number)

    async def form(self, who: str) -> Any:
        """The form that somebody has open, filled in."""
        views = self.slack.people[who].views
        await self.until(lambda: views and views[-1].body["callback_id"] == "form")
        return views[-1]

    async def asked(self, who: str, command: str) -> dict[str, Any]:
        """What only somebody is asked after a command, with the buttons."""
        answered = await self.types(who, command)
        assert answered["ok"], answered
        whispers = self.slack.people[who].ephemerals
        await self.until(lambda: whispers and whispers[-1].get("blocks"))
        return whispers[-1]

    async def answer(self, who: str, question: dict[str, Any], action: str) -> None:
        """Presses a button of a question."""
        await self.presses(who, question["ts"], action)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[PhoneShop]:
    opened = PhoneShop(tmp_path)
    opened.telegram = TelegramStandIn()
    await opened.telegram.start()
    async with opened:
        opened.write_config(**{"inboxes:\n": INBOX.format(api=opened.telegram.url)})
        yield opened
    await opened.telegram.stop()


async def test_merged_from_the_form_answered_elsewhere_and_parted_again(shop: PhoneShop) -> None:
    async with shop.open():
        await shop.both()
        await shop.types("agent1", "/merge C1 C2")
        view = await shop.form("agent1")
        form = read(view.body)
        assert "C1 Dana Petrov · 1 message · Shop Support: open" in form
        assert "telegram (Dana Petrov): proven (Telegram account)" in form
        assert "the two open cases become one; it goes on in C1's thread" in form
        done = await shop.slack.act("agent1", "views.submit", view_id=view.id, values={})
        assert done["ok"], done
        told = await shop.shows(
            0, "merged C2 Dana Petrov into C1 Dana Petrov: from now on all of it comes here."
        )
        assert (
            "“Hello? Nobody answers my mail.”\nWhat was said before is in their old thread.\n[Unmerge]"
            in told
        )
        await shop.shows(1, "C2 Dana Petrov is C1 Dana Petrov now. It goes on in that thread.")
        await shop.until(lambda: "merged into C1" in read(shop.roots()[1]))
        ended = read(shop.roots()[1])
        assert "[Reply]" not in ended and "[Resolve]" not in ended
        await shop.until(lambda: "also email support@shop.example" in read(shop.roots()[0]))

        # What they write on the phone comes into the thread that goes on; the answer goes by mail.
        shop.telegram.say("customer1", "And is it the blue one?")
        await shop.shows(0, "blue one")
        await shop.mails(DANA, "Still waiting here.", subject="Again")
        await shop.shows(0, "Still waiting")
        await shop.types("agent1", "/reply C2 It is on its way.")
        assert "It is on its way." in (await shop.gets(DANA)).as_string()
        assert "blue one" not in shop.all_posts(1)

        # Somebody was too quick.
        question = await shop.asked("agent2", "/unmerge C2")
        assert "Undo it?" in read(question)
        assert "1 message came from or went to C2's addresses, and will be C2's" in read(question)
        await shop.answer("agent2", question, "merge.part")
        parted = await shop.shows(1, "undid the merge: this is C2 Dana Petrov again, and not C1 Dana Petrov.")
        assert "Said meanwhile:" in parted and "“And is it the blue one?”" in parted
        await shop.shows(0, "undid the merge: C2 Dana Petrov goes on in their own thread.")
        await shop.until(lambda: "🔴  Dana Petrov   C2\n“And is it the blue one?”" in read(shop.roots()[1]))
        await shop.until(lambda: "🟡  Dana Petrov   C1\n“Still waiting here.”" in read(shop.roots()[0]))
        await shop.until(lambda: "[Unmerge]" not in shop.all_posts(0))
        shop.telegram.say("customer1", "Who are you talking to?")
        await shop.shows(1, "Who are you talking to?")
        assert "Who are you" not in shop.all_posts(0)


async def test_asked_by_the_bot_and_merged_in_the_thread(shop: PhoneShop) -> None:
    async with shop.open():
        _, two = await shop.both()
        shop.telegram.say("customer1", "It is about AC-12345")
        asked = await shop.shows(1, "Is this the same person? C2 Dana Petrov and C1 Dana Petrov")
        assert "• The same order number, AC-12345: C2 by telegram on" in asked
        assert "[Merge…][Not the same]" in asked
        await shop.writes("agent1", "!merge C1", two)
        await shop.until(lambda: shop.whispered("agent1"))
        question = shop.slack.people["agent1"].ephemerals[-1]
        assert "[Merge, C2 stays][Merge, C1 stays]" in read(question)
        await shop.answer("agent1", question, "merge.do")
        await shop.shows(1, "from now on all of it comes here")
        decided = await shop.shows(1, "merged them.")
        assert "[Not the same]" not in decided
        await shop.mails(DANA, "Where is it now?")
        await shop.shows(1, "Where is it now?")
        assert "Where is it now?" not in shop.all_posts(0)


async def test_not_the_same(shop: PhoneShop) -> None:
    async with shop.open():
        _, two = await shop.both()
        shop.telegram.say("customer1", "It is about AC-12345")
        await shop.shows(1, "Is this the same person?")
        posts = [one for one in shop.slack.thread("support", two) if "same person" in read(one)]
        await shop.presses("agent1", posts[0]["ts"], "proposal.merge")
        view = await shop.form("agent1")
        assert "Why they may be one\n" in read(view.body)
        await shop.presses("agent2", posts[0]["ts"], "proposal.refuse#1")
        asked = await shop.shows(1, "Amir Haddad: they are not the same.")
        assert "[Not the same]" not in asked
        shop.telegram.say("customer1", "AC-12345!")
        await shop.shows(1, "AC-12345!")
        assert shop.all_posts(1).count("same person") == 1
