"""Conversations that an agent begins, and what becomes of them when they are answered. On both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.desk_services import Begin
from bot.commands.nouns import Confirm
from bot.commands.types import Sent
from bot.desk import Replied, Said, Status
from bot.errors import UserError
from bot.messages import ConversationId, CustomerId, Text
from bot.storage.database import Database
from tests.core.world import CHAT, KIM, MAIL, PRESS_MAIL, SUPPORT, World

ANN = Begin(SUPPORT, KIM, MAIL, "Ann@New.example", Text("Hello Ann"), "s1", "Ann", "Your order")


async def test_it_is_asked_sent_shown_and_answered(database: Database) -> None:
    async with World(database) as world:
        asked = await world.casework.desk.begin(ANN)
        assert isinstance(asked, Confirm)
        assert (
            asked.question
            == "ann@new.example has never written to us. Send this to them, from support@shop.example?"
        )
        assert await world.casework.lookup("Ann", SUPPORT) == ()
        for _ in range(2):
            sent = await world.casework.desk.begin(replace(ANN, confirmed=True))
            assert isinstance(sent, Sent)
        await world.quiet()
        ((reply, part),) = world.mail.sent
        assert (reply.to.address, reply.subject, part.text.plain) == (
            "ann@new.example",
            "Your order",
            "Hello Ann",
        )
        (card,) = world.desk.cards()
        assert card.card is not None and card.card.customer_name == "Ann"
        assert [one.text.plain for one in world.desk.entries() if isinstance(one, Replied)] == ["Hello Ann"]
        person = await world.casework.person(CustomerId(1), SUPPORT)
        assert person.status is Status.PENDING
        answer = ConversationId(sent.conversation_id)
        await world.says("Hi!", source="in", who="ann@new.example", name="Ann", answers=answer)
        await world.quiet()
        assert len(world.desk.cards()) == 1, "the answer is in the same thread"
        assert [one.warning for one in world.desk.entries() if isinstance(one, Said)] == [None]
        (way,) = await world.casework.ways(CustomerId(1), SUPPORT)
        assert way.verified, "the answer proves the address"


async def test_somebody_who_is_known_goes_on(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1", who="ann@new.example", name="Ann Lee")
        asked = await world.casework.desk.begin(ANN)
        assert (
            isinstance(asked, Confirm)
            and "is C1 Ann Lee: the conversation with them goes on" in asked.question
        )
        await world.casework.desk.begin(replace(ANN, confirmed=True))
        await world.quiet()
        assert len(world.desk.cards()) == 1 and len(world.mail.sent) == 1
        await world.casework.block(CustomerId(1), KIM, True, "b")
        with pytest.raises(UserError, match="unblock C1 first"):
            await world.casework.desk.begin(replace(ANN, source="s2"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (replace(ANN, address="ann"), "is no address"),
        (replace(ANN, inbox=CHAT), "Choose another"),
        (replace(ANN, inbox=PRESS_MAIL), "Choose another"),
        (replace(ANN, text=Text("")), "nothing to send"),
    ],
)
async def test_what_cannot_be_begun_says_why(database: Database, given: Begin, sentence: str) -> None:
    async with World(database) as world:
        with pytest.raises(UserError, match=sentence):
            await world.casework.desk.begin(replace(given, confirmed=True))
        assert [one.inbox for one in await world.casework.desk.openings(SUPPORT)] == [MAIL]
        assert await world.casework.lookup("Ann", SUPPORT) == ()
