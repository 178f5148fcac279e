"""Going on by Telegram and from it: link codes in Start, and ``/menu``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from bot.contract import Accepted, AdapterContext, Offer
from bot.errors import StorageError
from bot.messages import Contact, Event, Message
from bot.sandbox.telegram import TelegramStandIn
from tests.email.core import Core
from tests.telegram.rig import DANA, receiving, sending

CODE = "abcdefghijklmnopqrstuvwx27"
OFFERS = (
    Offer("site", "our site", f"https://shop.example/help#onethread={CODE}", 0.0),
    Offer("email", "e-mail", f"mailto:support+go-{CODE}@shop.example?subject=Our%20conversation", 0.0),
)


class Linked(Core):
    """A core that knows other channels, and one code."""

    def __init__(self) -> None:
        super().__init__()
        self.made: tuple[Offer, ...] = OFFERS
        self.asked: list[Contact] = []
        self.broken = False

    def labels(self) -> tuple[str, ...]:
        return tuple(one.label for one in self.made)

    async def __call__(
        self, sender: Contact, *, lifetime: float = 1800.0, channels: tuple[str, ...] | None = None
    ) -> tuple[Offer, ...]:
        self.asked.append(sender)
        if self.broken:
            raise StorageError("the database is locked")
        return self.made

    @override
    async def accept(self, event: Event, *, cursor: str | None = None) -> Accepted:
        accepted = await super().accept(event, cursor=cursor)
        if not isinstance(event, Message) or event.link is None:
            return accepted
        return replace(accepted, joined=event.link == CODE)

    @override
    def context(self, **changes: Any) -> AdapterContext:
        return super().context(offers=self, **changes)


@pytest.fixture
def linked() -> Linked:
    return Linked()


async def test_start_brings_a_code(telegram: TelegramStandIn, linked: Linked) -> None:
    async with receiving(telegram, linked):
        telegram.people.start("customer1", CODE)
        telegram.people.start("customer2", CODE.replace("a", "b"))
        first = await telegram.wait_for("customer1")
        second = await telegram.wait_for("customer2")
    assert first["text"] == "You are connected: we know what you wrote before. Go on here."
    assert (
        second["text"]
        == "That link was used already or is too old. Just write here: we read it all the same."
    )
    by_name = {message.sender.name: message for message in linked.messages}
    assert by_name["Dana Petrov"].link == CODE
    assert by_name["Dana Petrov"].references == ()
    assert by_name["Dana Petrov"].automated == "Telegram's Start button"


async def test_what_is_no_code_is_none(telegram: TelegramStandIn, linked: Linked) -> None:
    async with receiving(telegram, linked):
        telegram.people.start("customer1", "campaign-7")
        telegram.people.start("customer2")
        origin = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Somebody"}
        telegram.say("customer1", f"/start {CODE}", forward_origin=origin)
        telegram.say("customer2", f"look: /start {CODE}")
        await linked.until(lambda: len(linked.messages) == 4)
    assert [message.link for message in linked.messages] == [None] * 4
    assert telegram.heard("customer1") == telegram.heard("customer2") == []


async def test_the_menu_shows_other_channels_and_the_team_sees_nothing(
    telegram: TelegramStandIn, linked: Linked
) -> None:
    async with receiving(telegram, linked):
        telegram.say("customer1", "/menu")
        heard = await telegram.wait_for("customer1")
        telegram.say("customer1", "Thanks")
        await linked.until(lambda: linked.messages)
    assert heard["text"] == (
        "You can go on with this conversation:\n\n"
        f"Our site: https://shop.example/help#onethread={CODE}\n\n"
        f"E-mail: support+go-{CODE}@shop.example"
    )
    assert linked.texts == ["Thanks"]
    assert linked.asked == [
        Contact("telegram", str(DANA), "Dana Petrov", True, "Telegram account", language="en")
    ]


async def test_a_code_in_the_subject_is_named(telegram: TelegramStandIn, linked: Linked) -> None:
    url = f"mailto:support@shop.example?subject=Our%20conversation%20%5Bgo-{CODE}%5D"
    linked.made = (Offer("email", "e-mail", url, 0.0),)
    async with receiving(telegram, linked):
        telegram.say("customer1", "/menu")
        heard = await telegram.wait_for("customer1")
    line = f"E-mail: support@shop.example with the subject “Our conversation [go-{CODE}]”"
    assert line in heard["text"]


async def test_nothing_to_offer_is_said_and_a_broken_database_stops_nothing(
    telegram: TelegramStandIn, linked: Linked
) -> None:
    linked.made = ()
    async with receiving(telegram, linked):
        telegram.say("customer1", "/menu")
        heard = await telegram.wait_for("customer1")
        linked.made, linked.broken = OFFERS, True
        telegram.say("customer2", "/menu")
        telegram.say("customer2", "Anybody there?")
        await linked.until(lambda: linked.messages)
    assert heard["text"] == "Just write here: we read it."
    assert linked.texts == ["Anybody there?"]


async def test_the_link_is_known_when_telegram_has_told_our_name(
    telegram: TelegramStandIn, linked: Linked
) -> None:
    async with sending(telegram, linked) as adapter:
        assert adapter.link(CODE) is None
        await adapter.check()
        assert adapter.link(CODE) == f"https://t.me/shop_demo_bot?start={CODE}"
