"""A question for a rating that nobody saw in the chat goes by mail with links of its own; both lead to one rating."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.desk import State
from bot.messages import AddressGiven, Contact, Failure, RemoteId, Reply, SourceId, Unseen
from bot.policy import RatingPolicy
from bot.storage import history
from bot.storage.database import Database
from tests.core.ends import PLAIN
from tests.core.skipping import Skipping
from tests.core.test_ratings import DANA, cases_of, later, lines, prompts, rate, stored, words, world_of
from tests.core.world import CHAT, KIM, MAIL, SUPPORT, World

ADDRESS = Contact("email", "dana@mail.example")


def chat_of(database: Database, **mail: Any) -> tuple[World, Skipping]:
    """A world that asks in the chat, in German, by buttons; its mail inbox has links."""
    world, clock = world_of(database, RatingPolicy(language="de"), asks=True)
    world.mail.capabilities = replace(PLAIN, **{"asks": True, **mail})
    inboxes = {**world.policy.inboxes}
    inboxes[MAIL] = replace(inboxes[MAIL], able=world.mail.capabilities)
    world.policy = replace(world.policy, inboxes=inboxes)
    world.build()
    return world, clock


async def left(world: World) -> None:
    """Dana leaves her address in the chat."""
    sender = Contact("chat", "v1", verified=True)
    given = AddressGiven(SourceId("a"), sender, ADDRESS, datetime.now(UTC), thread_key="v1")
    await world.relay.accept_customer(CHAT, given)


async def gone(world: World, *numbers: int, asks: tuple[str, ...] = ()) -> None:
    """What was sent to the chat has not been seen for ten minutes."""
    keys = tuple(RemoteId(f"{world.chat.sent[number][0].key}-0") for number in numbers)
    event = Unseen(SourceId(f"u{numbers}{asks}"), keys, datetime.now(UTC), 10, "v1", asks)
    for _ in range(2):
        await world.relay.accept_customer(CHAT, event)
    await world.quiet()


async def unseen(world: World, clock: Skipping, *, answered: bool = True) -> str:
    """Dana asked in the chat and went; she was answered, and asked how it was. Gives the question's token."""
    await world.says("Is it in stock?", source="in-1", inbox=CHAT, who="v1", channel="chat", thread_key="v1")
    await left(world)
    sent = await world.reply("C1", "Yes, three of them.", "s1")
    await world.reaches(sent.message_id, State.ACCEPTED)
    if answered:
        await gone(world, 0)
    await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
    await later(world, clock)
    ask = world.chat.sent[-1][0].ask
    assert ask is not None
    return ask.token


def questions(world: World) -> list[Reply]:
    return [reply for reply, _ in world.mail.sent if reply.ask is not None]


async def test_it_goes_by_mail_with_links_and_both_lead_to_one_rating(database: Database) -> None:
    world, clock = chat_of(database)
    async with world:
        token = await unseen(world, clock)
        await gone(world, 1, asks=(token,))
        (reply,) = questions(world)
        assert (reply.text.plain, reply.automated, reply.author) == ("Wie war unsere Hilfe?", True, "Support")
        assert reply.to.address == ADDRESS.address and reply.ask is not None
        assert (reply.ask.token, reply.ask.great, reply.ask.language) == (token, "sehr gut", "de")
        told = "Not seen for 10 min, so the question for a rating goes by email to dana@mail.example as well"
        assert lines(world).count(told) == 1 and lines(world).count("Asked for a rating") == 1
        await rate(world, token, 2, "m", inbox=MAIL)
        await rate(world, token, 4, "c", inbox=CHAT)
        await world.quiet()
        (row,) = await stored(world)
        assert (row.score, row.inbox) == (4, CHAT)
        assert [words(one) for one in prompts(world, "C1")] == ["⭐ Dana Petrov rated ★★★★☆ 4 of 5"]
        kept = await world.database.read(lambda connection: history.get(connection, row.message_id))
        assert kept is not None and token not in (kept.meta or "")


async def test_a_number_in_answer_to_that_mail_is_the_rating(database: Database) -> None:
    world, clock = chat_of(database)
    async with world:
        token = await unseen(world, clock)
        await gone(world, 1, asks=(token,))
        (reply,) = questions(world)
        await world.says("5, danke", source="in-9", answers=reply.conversation_id)
        await world.quiet()
        (row,) = await stored(world)
        assert (row.score, row.comment, len(await cases_of(world))) == (5, "danke", 1)


@pytest.mark.parametrize(
    "against",
    ["no links there", "nobody answered by it", "answered", "reopened", "another token", "another inbox"],
)
async def test_it_stays_in_the_chat(database: Database, against: str) -> None:
    world, clock = chat_of(database, asks=against != "no links there")
    async with world:
        token = await unseen(world, clock, answered=against != "nobody answered by it")
        if against == "answered":
            await rate(world, token, 5, "c")
        if against == "reopened":
            await world.casework.reopen(DANA, SUPPORT, KIM, "o1")
        if against == "another token":
            token = "z" * 26
        if against == "another inbox":
            event = Unseen(SourceId("u9"), (), datetime.now(UTC), 10, None, (token,))
            await world.relay.accept_customer(MAIL, event)
        else:
            await gone(world, 1, asks=(token,))
        await world.quiet()
        assert questions(world) == []


async def test_the_mail_s_token_is_good_by_mail_only_once_it_went_there(database: Database) -> None:
    world, clock = chat_of(database)
    async with world:
        token = await unseen(world, clock)
        await rate(world, token, 1, "m", inbox=MAIL)
        assert (await stored(world))[0].score is None


async def test_a_mail_that_bounces_leaves_the_question_in_the_chat(database: Database) -> None:
    world, clock = chat_of(database)
    async with world:
        token = await unseen(world, clock)
        await gone(world, 1, asks=(token,))
        sent = len(world.mail.sent) - 1
        remote = RemoteId(f"{world.mail.sent[sent][0].key}-0")
        await world.relay.accept_customer(
            MAIL, Failure(SourceId("b1"), remote, "no such mailbox", datetime.now(UTC))
        )
        await world.quiet()
        assert lines(world)[-1] == "Asking for a rating did not work: no such mailbox"
        await rate(world, token, 3, "c")
        assert (await stored(world))[0].score == 3
