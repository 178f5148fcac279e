"""Who rates in words is thanked in words: once, where words are short messages, and never by a machine to a machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot.desk import State, Status
from bot.errors import PermanentFailure, TemporaryFailure
from bot.messages import Reply
from bot.policy import AnswersPolicy, RatingPolicy
from bot.storage.database import Database
from bot.storage.schema import conversation, customer, message
from bot.storage.schema_clocks import clock as clocks
from bot.storage.schema_stats import rating
from tests.core.skipping import Skipping
from tests.core.test_ratings import (
    DANA,
    cases_of,
    helped,
    later,
    lines,
    prompts,
    rate,
    stored,
    words,
    world_of,
)
from tests.core.world import CHAT, World


async def asked(world: World, clock: Skipping) -> None:
    """Dana was helped by chat, and has the question."""
    await helped(world, inbox=CHAT)
    await later(world, clock)
    assert len(world.chat.sent) == 2


async def says(world: World, text: str, source: str, **more: Any) -> None:
    await world.says(text, source=source, inbox=CHAT, who="v1", channel="chat", **more)
    await world.quiet()


def thanks(world: World) -> list[Reply]:
    """What was sent after the answer and the question."""
    return [reply for reply, _ in world.chat.sent[2:]]


async def test_words_are_thanked_for_once_and_it_is_no_answer(database: Database) -> None:
    world, clock = world_of(database, RatingPolicy(language="de"))
    async with world:
        await asked(world, clock)

        def kept(connection: Connection) -> tuple[Sequence[Any], Sequence[Any]]:
            return connection.execute(select(conversation)).all(), connection.execute(select(clocks)).all()

        before = await world.database.read(kept)
        await says(world, "5, danke!", "in-7")
        (reply,) = thanks(world)
        assert (reply.text.plain, reply.automated, reply.author) == ("Vielen Dank!", True, "Support")
        assert await world.database.read(kept) == before, "no case and no clock has changed"
        await says(world, "5, danke!", "in-7")
        await says(world, "4", "in-8")
        assert (await stored(world))[0].score == 4
        assert len(thanks(world)) == 1, "the score changes as often as they like"
        assert words(prompts(world, "C1")[0]) == "⭐ Dana Petrov rated ★★★★☆ 4 of 5: “danke!”"
        assert lines(world)[-1] == "Asked for a rating", "the post with the rating says enough"
        (case,) = await cases_of(world)
        assert case.status == Status.RESOLVED
        told = await world.casework.history(DANA)
        marked = [one.automatic for one in told if one.automatic]
        assert marked == ["automatic thank-you for a rating", "automatic question for a rating"]


async def test_a_pressed_button_was_thanked_for_already(database: Database) -> None:
    world, clock = world_of(database, asks=True)
    async with world:
        await asked(world, clock)
        token = world.chat.sent[1][0].ask.token  # type: ignore[union-attr]
        await rate(world, token, 3, "a")
        await says(world, "4", "in-8")
        assert (await stored(world))[0].score == 4 and thanks(world) == []


async def test_a_number_where_there_were_buttons_is_thanked_for(database: Database) -> None:
    world, clock = world_of(database, asks=True)
    async with world:
        await asked(world, clock)
        await says(world, "5", "in-8")
        assert [one.text.plain for one in thanks(world)] == ["Thank you!"]


async def test_a_mail_is_not_thanked_for_by_mail(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        await later(world, clock)
        await world.says("5, thanks!", source="in-8")
        await world.quiet()
        assert (await stored(world))[0].score == 5 and len(world.mail.sent) == 2


@pytest.mark.parametrize("against", ["machine", "per address", "per hour", "waits apart", "unproven", "busy"])
async def test_who_is_not_thanked(database: Database, against: str) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world, clock)
        if against.startswith("per"):
            caps = AnswersPolicy({}, *((0, 200) if against == "per address" else (3, 0)))
            world.policy = replace(world.policy, answers=caps)
        if against == "unproven":  # a channel where somebody could write in another's name, and be answered
            able = replace(world.policy.inboxes[CHAT].able, can_initiate=True)
            inboxes = {**world.policy.inboxes, CHAT: replace(world.policy.inboxes[CHAT], able=able)}
            world.policy = replace(world.policy, inboxes=inboxes)
        if against in ("per address", "per hour", "unproven"):
            await world.restart()
        if against == "waits apart":
            await world.database.write(
                lambda connection: connection.execute(update(customer).values(spam=True))
            )
        if against == "busy":
            world.chat.faults.fail("send", TemporaryFailure("so many a minute", retry_after=2.0))
            await world.says("Hello", source="in-6", inbox=CHAT, who="v2", channel="chat", name="Omar")
            waiting = await world.reply("C2", "Hello Omar", "b1")
            await world.until(lambda: world.chat.faults.calls.get("send", 0) == 3)
            while world.outbox.busy:
                await asyncio.sleep(0.01)
            assert await world.state(waiting.message_id) is State.PENDING
        more: dict[str, Any] = {"automated": "a bot"} if against == "machine" else {}
        more |= {"verified": False} if against == "unproven" else {}
        await world.says("5", source="in-8", inbox=CHAT, who="v1", channel="chat", **more)
        await world.quiet()
        assert [one for one in thanks(world) if one.text.plain == "Thank you!"] == []


async def test_a_machine_that_answers_everything_with_a_number_hears_it_once(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world, clock)
        for number in range(6):
            await says(world, str(number % 5 + 1), f"loop-{number}")
        assert len(thanks(world)) == 1 and len(await cases_of(world)) == 1


async def test_a_restart_before_it_is_sent_makes_one(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world, clock)
        world.chat.faults.gate("send")
        await world.says("5", source="in-8", inbox=CHAT, who="v1", channel="chat")
        await world.chat.faults.reached[("send", False)].wait()
        await world.restart()
        await says(world, "5", "in-8")
        assert [one.text.plain for one in thanks(world)] == ["Thank you!"]


async def test_one_that_does_not_arrive_is_told(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world, clock)
        world.chat.faults.fail("send", PermanentFailure("they closed their account"))
        await says(world, "5", "in-8")
        assert lines(world)[-1] == "An automatic answer did not arrive: they closed their account"
        (row,) = await world.database.read(
            lambda connection: connection.execute(
                select(message.c.state).where(message.c.automated == "rating_thanks")
            ).all()
        )
        assert row.state == State.FAILED
        (given,) = await world.database.read(lambda connection: connection.execute(select(rating)).all())
        assert given.score == 5
