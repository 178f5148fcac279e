"""What an agent wants to come back to comes back: in the thread and by direct message, once, for who the customer is today."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, update

from bot.commands.types import Agent, Role
from bot.desk import Prompt, ThreadLink, When
from bot.errors import UserError
from bot.messages import AgentId, CustomerId
from bot.storage.database import Database
from bot.storage.schema import customer
from tests.core.skipping import Skipping
from tests.core.world import KIM, SUPPORT, World

HOUR = 3600.0
AMIR = Agent(AgentId("UAMIR"), "Amir", Role.AGENT)
DANA = CustomerId(1)


def world_of(database: Database) -> tuple[World, Skipping]:
    clock = Skipping()
    return World(database, clock=clock.now), clock


async def asked(world: World, words: str = "send the invoice", source: str = "f1") -> int:
    """Dana wrote, and Kim wants to come back to her in an hour."""
    await world.says("Where is my parcel?", source="in-1")
    await world.until(world.desk.entries)
    made = await world.casework.follow_ups.add(DANA, SUPPORT, KIM, world.clock() + HOUR, words, source)
    assert (made.handle, made.name, made.words, made.told) == ("C1", "Dana Petrov", words, False)
    return made.id


def shown(world: World, channel: str) -> list[Prompt]:
    return [
        entry
        for post in world.desk.posts.values()
        if post.channel == channel
        for entry in post.entries
        if isinstance(entry, Prompt)
    ]


async def pass_by(world: World, clock: Skipping, seconds: float = HOUR) -> None:
    clock.skip(seconds)
    await world.timers.look()
    await world.quiet()


async def test_it_comes_back_in_the_thread_and_to_the_agent(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world)
        await world.timers.look()
        await world.quiet()
        assert shown(world, "UKIM") == [] and shown(world, "C1") == []
        await pass_by(world, clock)
        (direct,), (thread,) = shown(world, "UKIM"), shown(world, "C1")
        assert direct.lines[0][0] == "🔔 You wanted to come back to "
        assert isinstance(direct.lines[0][1], ThreadLink)
        assert direct.lines[1] == ("send the invoice",)
        assert thread.lines == (("🔔 Kim wanted to come back to this: send the invoice",),)
        assert [one.label for one in direct.buttons] == ["Done", "Reply", "Tomorrow"]
        await world.restart()
        await pass_by(world, clock)
        assert len(shown(world, "UKIM")) == len(shown(world, "C1")) == 1


async def test_done_takes_the_buttons_away_everywhere(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        number = await asked(world)
        await pass_by(world, clock)
        assert [one.told for one in await world.casework.follow_ups.mine(KIM.id)] == [True]
        await world.casework.follow_ups.done(number, AMIR, "d1")
        await world.quiet()
        for channel in ("UKIM", "C1"):
            (one,) = shown(world, channel)
            assert one.buttons == () and one.done[:2] == ("✓ ", "Amir did it")
        assert await world.casework.follow_ups.mine(KIM.id) == ()
        with pytest.raises(UserError, match="done already"):
            await world.casework.follow_ups.done(number, KIM, "d2")


async def test_one_for_tomorrow_comes_back_again(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        number = await asked(world)
        await pass_by(world, clock)
        at = clock.now() + 24 * HOUR
        assert (await world.casework.follow_ups.later(number, KIM, at, "l1")).at == at
        await world.quiet()
        assert [one.done for one in shown(world, "UKIM")] == [("Comes back ", When(at))]
        await pass_by(world, clock, 24 * HOUR)
        first, second = shown(world, "UKIM")
        assert (first.buttons, first.done, bool(second.buttons)) == ((), ("Comes back ", When(at)), True)
        await world.casework.follow_ups.done(number, KIM, "d1")
        await world.quiet()
        assert [one.done[0] for one in shown(world, "UKIM")] == ["Comes back ", "✓ "]


async def test_cancelled_never_comes(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        number = await asked(world)
        await world.casework.follow_ups.cancel(number, KIM, "c1")
        await pass_by(world, clock)
        assert shown(world, "UKIM") == []


async def test_the_same_call_twice_is_one(database: Database) -> None:
    world, _ = world_of(database)
    async with world:
        first = await asked(world)
        at = (await world.casework.follow_ups.mine(KIM.id))[0].at
        again = await world.casework.follow_ups.add(DANA, SUPPORT, KIM, at, "send the invoice", "f1")
        assert again.id == first


async def test_a_resolved_case_reminds_all_the_same(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world)
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        await pass_by(world, clock)
        assert len(shown(world, "UKIM")) == len(shown(world, "C1")) == 1


async def test_a_merged_customer_is_reminded_of_in_the_thread_of_today(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world)
        await world.says("Hello", source="in-2", who="omar@mail.example", name="Omar Haddad")
        await world.quiet()

        def merge(connection: Connection) -> None:
            connection.execute(update(customer).where(customer.c.id == 1).values(merged_into=2))

        await database.write(merge)
        await pass_by(world, clock)
        (direct,) = shown(world, "UKIM")
        link = direct.lines[0][1]
        assert isinstance(link, ThreadLink) and link.words == "Omar Haddad (C2)"
        (post,) = [
            one
            for one in world.desk.posts.values()
            if one.entries and one.channel == "C1" and isinstance(one.entries[0], Prompt)
        ]
        assert post.thread_ts == link.ts


async def test_nobody_is_reminded_of_somebody_who_was_erased(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world)

        def erase(connection: Connection) -> None:
            connection.execute(update(customer).where(customer.c.id == 1).values(erased_at=clock.now()))

        await database.write(erase)
        assert await world.casework.follow_ups.mine(KIM.id) == ()
        await pass_by(world, clock)
        assert shown(world, "UKIM") == [] and shown(world, "C1") == []


async def test_somebody_of_another_team_cannot_end_it(database: Database) -> None:
    world, _ = world_of(database)
    async with world:
        number = await asked(world)
        stranger = replace(AMIR, id=AgentId("USTRANGER"))
        with pytest.raises(UserError, match="a team that you are not in"):
            await world.casework.follow_ups.done(number, stranger, "d1")


async def test_many_at_once_are_all_told(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await asked(world)
        for number in range(60):
            await world.casework.follow_ups.add(
                DANA, SUPPORT, KIM, clock.now() + 60, f"number {number}", f"g{number}"
            )
        await pass_by(world, clock)
        assert len(shown(world, "UKIM")) == 61
