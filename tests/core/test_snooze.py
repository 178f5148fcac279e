"""A case is put aside and comes back: at its time, with the customer's words, by hand; once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from bot.desk import Activity, Prompt, Status, ThreadLink
from bot.errors import TemporaryFailure, UserError
from bot.messages import AgentId
from bot.storage.database import Database
from tests.core.skipping import Skipping
from tests.core.world import KIM, SUPPORT, World

HOUR = 3600.0


def world_of(database: Database) -> tuple[World, Skipping]:
    clock = Skipping()
    return World(database, clock=clock.now), clock


async def put_aside(world: World, seconds: float = HOUR, reason: str = "the warehouse calls back") -> float:
    """Dana waits, and Kim puts her case aside."""
    await world.says("Where is my parcel?", source="in-1")
    await world.until(world.desk.entries)
    until = world.clock() + seconds
    person = await world.casework.snoozes.snooze(1, SUPPORT, KIM, until, reason, "s1")  # type: ignore[arg-type]
    assert person.status is Status.SNOOZED
    await world.quiet()
    return until


def notices(world: World) -> list[Prompt]:
    """What was told by direct message."""
    return [
        entry
        for post in world.desk.posts.values()
        if post.channel == "UKIM"
        for entry in post.entries
        if isinstance(entry, Prompt)
    ]


def activity(world: World) -> list[str]:
    return [entry.text for entry in world.desk.entries() if isinstance(entry, Activity)]


async def status(world: World) -> Status:
    return (await world.casework.lookup("C1", SUPPORT))[0].status


async def test_it_sleeps_until_its_time_and_comes_back_once(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        until = await put_aside(world)
        card = world.desk.cards()[0].card
        assert card is not None and card.snoozed_until == until
        assert activity(world) == ["Kim snoozed it until Wed 15 Nov 10:00: the warehouse calls back"]
        assert 0 < await world.timers.look() <= 10 and notices(world) == []
        clock.skip(HOUR)
        await world.timers.look()
        await world.timers.look()
        await world.quiet()
        card = world.desk.cards()[0].card
        assert card is not None
        assert (card.status, card.snoozed_until) == (Status.OPEN, None)
        assert card.waiting_since is not None, "she waits still, since she wrote"
        assert activity(world)[1:] == ["Snooze of Kim ended: the warehouse calls back"]
        (told,) = notices(world)
        title = told.lines[0]
        assert title[0] == "💤 Your snooze ended: "
        assert isinstance(title[1], ThreadLink) and title[1].words == "Dana Petrov (C1)"
        assert told.lines[1:] == (("the warehouse calls back",), ("“Where is my parcel?”",))
        assert [one.label for one in told.buttons] == ["Reply", "Snooze 15 min", "Resolve"]


async def test_the_customers_words_bring_it_back_at_once(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await put_aside(world)
        await world.says("Still nothing", source="in-2")
        assert await status(world) is Status.OPEN
        clock.skip(2 * HOUR)
        await world.timers.look()
        await world.quiet()
        assert notices(world) == [], "it came back before: there is nothing to tell"


async def test_by_hand_and_again(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await put_aside(world)
        await world.casework.snoozes.wake(1, SUPPORT, KIM, "s2")  # type: ignore[arg-type]
        assert await status(world) is Status.OPEN
        with pytest.raises(UserError, match="not snoozed"):
            await world.casework.snoozes.wake(1, SUPPORT, KIM, "s3")  # type: ignore[arg-type]
        await world.casework.snoozes.snooze(1, SUPPORT, KIM, clock.now() + 60, "", "s4")  # type: ignore[arg-type]
        clock.skip(61)
        await world.timers.look()
        await world.quiet()
        await world.casework.snoozes.snooze(1, SUPPORT, KIM, clock.now() + 60, "", "s5")  # type: ignore[arg-type]
        await world.quiet()
        (told,) = notices(world)
        assert (told.done[0], told.buttons) == ("✓ snoozed ", ())
        clock.skip(61)
        await world.timers.look()
        await world.quiet()
        assert [bool(one.buttons) for one in notices(world)] == [False, True]


async def test_the_owner_is_told_and_whose_snooze_it_was(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await put_aside(world)
        await world.casework.assign(1, SUPPORT, KIM, AgentId("UAMIR"), "a1")  # type: ignore[arg-type]
        clock.skip(HOUR)
        await world.timers.look()
        await world.quiet()
        (post,) = [one for one in world.desk.posts.values() if one.channel == "UAMIR"]
        (entry,) = post.entries
        assert isinstance(entry, Prompt) and entry.lines[0][0] == "💤 Kim's snooze ended: "


async def test_what_came_due_while_the_bot_was_down_is_told_at_the_start_and_once(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await put_aside(world)
        await world.stop()
        clock.skip(30 * HOUR)
        await world.restart()
        await world.timers.look()
        await world.restart()
        await world.timers.look()
        await world.quiet()
        assert len(notices(world)) == 1 and await status(world) is Status.OPEN


@pytest.mark.parametrize("after", [False, True], ids=["before the post", "after the post"])
async def test_a_crash_around_the_post_leaves_one_copy(database: Database, after: bool) -> None:
    world, clock = world_of(database)
    async with world:
        await put_aside(world)
        clock.skip(HOUR)
        world.desk.faults.gate("post", after=after)
        await world.timers.look()
        async with asyncio.timeout(20):
            await world.desk.faults.reached["post", after].wait()
        await world.crash()
        world.start()
        await world.timers.look()
        await world.quiet()
        assert len(notices(world)) == 1
        assert activity(world)[1:] == ["Snooze of Kim ended: the warehouse calls back"]


async def test_a_crash_before_the_commit_leaves_it_due(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await put_aside(world)
        clock.skip(HOUR)

        def dies(connection: object) -> None:
            world.timers._jobs[0].run(connection, clock.now())  # type: ignore[arg-type]
            raise TemporaryFailure("killed before the commit")

        with pytest.raises(TemporaryFailure):
            await database.write(dies)
        assert await status(world) is Status.SNOOZED
        await world.timers.look()
        await world.quiet()
        assert len(notices(world)) == 1


async def test_a_clock_that_is_set_back_a_day_tells_nobody_twice(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await put_aside(world)
        clock.skip(HOUR)
        await world.timers.look()
        await world.quiet()
        for skipped in (-24 * HOUR, 24 * HOUR, 24 * HOUR):
            clock.skip(skipped)
            await world.timers.look()
        await world.quiet()
        assert len(notices(world)) == 1


async def test_a_resolved_case_cannot_be_put_aside(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await world.says("Thanks", source="in-1")
        await world.casework.resolve(1, SUPPORT, KIM, "r1")  # type: ignore[arg-type]
        with pytest.raises(UserError, match="use followup"):
            await world.casework.snoozes.snooze(1, SUPPORT, KIM, clock.now() + 60, "", "s1")  # type: ignore[arg-type]
