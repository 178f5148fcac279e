"""The whole way with the real bot: a customer on a phone, a thread in Slack, an agent's answer on the phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import config as configuration
from bot.adapters.telegram import CHANNEL
from bot.sandbox.telegram import TelegramStandIn
from tests.flows.shop import Shop

INBOX = """\
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
    """The shop with a Telegram bot too."""

    telegram: TelegramStandIn

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "TELEGRAM_TOKEN": self.telegram.token}


@pytest.fixture
async def shop(
    tmp_path: Path, telegram: TelegramStandIn, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PhoneShop]:
    installed = configuration.installed_channels()
    channels = {**installed, "telegram": lambda: CHANNEL}  # also where an older version is installed
    monkeypatch.setattr(configuration, "installed_channels", lambda: channels)
    opened = PhoneShop(tmp_path)
    opened.telegram = telegram
    async with opened:
        opened.write_config(**{"inboxes:\n": INBOX.format(api=telegram.url)})
        yield opened


async def test_a_customer_on_telegram_has_a_thread_and_gets_an_answer(shop: PhoneShop) -> None:
    telegram = shop.telegram
    async with shop.open():
        telegram.say("customer1", "Where is it?", entities=[{"type": "bold", "offset": 0, "length": 5}])
        seen = await shop.sees("Where is it?")
        assert "Dana Petrov" in seen
        answer = await shop.types("agent1", "/reply C1 It ships *today* 🚚")
        assert answer["ok"], answer
        heard = await telegram.wait_for("customer1")
        assert heard["text"] == "It ships today 🚚"
        assert heard["entities"] == [{"type": "bold", "offset": 9, "length": 5}]
        assert heard["reply_to_message"]["text"] == "Where is it?"
        assert "accepted" in await shop.sees("It ships")


async def test_what_comes_without_words_is_seen_too(shop: PhoneShop, poison: None) -> None:
    people = shop.telegram.people
    async with shop.open():
        people.start("customer1", "campaign-7")
        await shop.sees("Started the chat.")
        said = people.say("customer1", "helo")
        await shop.sees("helo")
        people.edit("customer1", said["message_id"], "hello there")
        await shop.sees("hello there")
        people.album("customer1", [people.photo(), people.photo()], "two pictures")
        await shop.sees("two pictures")
        shop.telegram.push({"message": {"message_id": 1, "from": people.person("customer1").user()}})
        await shop.sees("could not be read")
    assert len(shop.roots()) == 1


async def test_a_customer_who_blocked_the_bot_is_told_to_the_agent(shop: PhoneShop) -> None:
    async with shop.open():
        shop.telegram.say("customer1", "hello")
        await shop.sees("hello")
        shop.telegram.people.block("customer1")
        await shop.sees("Blocked the bot")
        await shop.types("agent1", "/reply C1 are you there?")
        assert "has blocked the bot" in await shop.sees("are you there?")


async def test_an_agent_changes_and_takes_back_what_was_sent(shop: PhoneShop) -> None:
    async with shop.open():
        shop.telegram.say("customer1", "Where is it?")
        await shop.sees("Where is it?")
        card = shop.roots()[0]
        wrote = await shop.writes("agent1", "! Your parcle is here", card["ts"])
        await shop.telegram.wait_for("customer1", lambda heard: heard["text"] == "Your parcle is here")
        edited = {"channel": "support", "ts": wrote["ts"]}
        await shop.slack.act("agent1", "chat.update", text="! Your parcel is here", **edited)
        await shop.until(
            lambda: [m["text"] for m in shop.telegram.heard("customer1")] == ["Your parcel is here"]
        )
        await shop.slack.act("agent1", "chat.delete", **edited)
        await shop.until(lambda: not shop.telegram.heard("customer1"))
