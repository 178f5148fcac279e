"""Each step of a promise is told once: over restarts in every window, a clock that is set, a night that is an hour shorter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import Connection, select

from bot.clockwork.promises import Promises, Rule, Target
from bot.desk import Prompt
from bot.errors import PermanentFailure, TemporaryFailure
from bot.hours import Hours
from bot.storage.database import Database
from bot.storage.schema_clocks import clock_event
from bot.storage.schema_reminders import reminder_step
from bot.timing import reminders
from tests.core.skipping import Skipping
from tests.core.test_reminders import HOUR, HOURLY, MINUTE, pass_by, shown, words, world_of, wrote
from tests.core.world import World


class Killed(TemporaryFailure):
    """The process ends here."""


async def dies(world: World, unit: Callable[..., object]) -> None:
    """The unit runs, and the process is killed before the commit."""

    def killed(connection: Connection) -> None:
        unit(connection, world.policy, world.clock())
        raise Killed("killed before the commit")

    with pytest.raises(Killed):
        await world.database.write(killed)


async def planned(world: World) -> None:
    """Up to: what has to be told is kept, and nothing is told."""
    await world.database.write(partial(reminders.plan, policy=world.policy, now=world.clock()))


async def told(world: World) -> None:
    """Up to: the posts are rows."""
    await planned(world)
    await world.database.write(partial(reminders.tell, policy=world.policy, now=world.clock()))


async def before_plan(world: World) -> None:
    await dies(world, reminders.plan)


async def before_tell(world: World) -> None:
    await planned(world)
    await dies(world, reminders.tell)


async def at_the_post(world: World, *, after: bool) -> None:
    world.desk.faults.gate("post", after=after)
    world.start()
    await told(world)
    async with asyncio.timeout(20):
        await world.desk.faults.reached["post", after].wait()
    await world.crash()


WINDOWS: dict[str, Callable[[World], Awaitable[None]]] = {
    "before the steps are kept": before_plan,
    "before it is told": before_tell,
    "after the steps are kept": planned,
    "after it is told, before the post": told,
    "during the post": partial(at_the_post, after=False),
    "after the post": partial(at_the_post, after=True),
}


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_restart_in_any_window_tells_it_once(database: Database, window: str) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        for minutes, due in ((31, 1), (18, 2), (12, 3)):
            clock.skip(minutes * MINUTE)
            await world.stop()
            await WINDOWS[window](world)
            await world.restart()
            await world.timers.look()
            await world.quiet()
            await world.restart()
            await pass_by(world, clock, 0)
            assert len(shown(world, "UKIM")) == due, window
        assert len(shown(world, "C1")) == 1

        def noted(connection: Connection) -> list[str]:
            return list(connection.execute(select(clock_event.c.what).order_by(clock_event.c.id)).scalars())

        assert await database.read(noted) == ["step", "step", "breach"]


async def test_one_that_came_due_while_the_bot_was_down_is_one_message(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await world.stop()
        clock.skip(4 * HOUR)
        await world.restart()
        await pass_by(world, clock, 0)
        (one,) = shown(world, "UKIM")
        assert words(one.lines[0]).endswith("First reply was due 10:00 (3 h ago).")
        assert len(shown(world, "URUTH")) == 1, "who is on call is told as well"
        posts = shown(world, "C1")
        assert len(posts) == 1 and words(posts[0].lines[0]).startswith("@S1LEADS ")


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_that_is_set_by_a_day_and_back_tells_nothing_twice(
    database: Database, days: int
) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await pass_by(world, clock, 31 * MINUTE)
        assert len(shown(world, "UKIM")) == 1
        await pass_by(world, clock, days * 24 * HOUR)
        count = len(shown(world, "UKIM"))
        assert count == (1 if days < 0 else 2)
        await pass_by(world, clock, -days * 24 * HOUR)
        for _ in range(10):
            await pass_by(world, clock, 10 * MINUTE)
        if days > 0:
            assert len(shown(world, "UKIM")) == count, "what was told too early is not told again"
        else:
            assert len(shown(world, "UKIM")) == 3


async def test_a_night_that_is_an_hour_shorter_moves_the_morning(database: Database) -> None:
    """In Berlin the clock went from 02:00 to 03:00 on 31 March 2024: 09:00 is 07:00 in UTC, not 08:00."""
    clock = Skipping(datetime(2024, 3, 30, 16, 30, tzinfo=UTC).timestamp())  # Saturday, 17:30 in Berlin
    world = World(database, clock=clock.now)
    berlin = Hours("Europe/Berlin", (((9 * 60, 18 * 60),),) * 7)
    promises = Promises((Rule("hourly", first=Target(HOUR)),), {"b": berlin}, {"support": "b"})
    world.policy = replace(world.policy, promises=promises)
    world.build()
    async with world:
        await wrote(world)
        await pass_by(world, clock, 30 * MINUTE)  # closed; half of the hour has passed
        count = len(shown(world, "UKIM"))
        clock.skip(datetime(2024, 3, 31, 7, 0, tzinfo=UTC).timestamp() - clock.now() - 60)
        await pass_by(world, clock, 0)
        assert len(shown(world, "UKIM")) == count, "at 08:59 nobody is there"
        await pass_by(world, clock, 31 * MINUTE)
        late = shown(world, "UKIM")[-1]
        assert words(late.lines[0]).endswith("First reply was due 07:30 (1 s ago).")


async def test_a_person_who_cannot_be_told_stops_nobody_else(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        clock.skip(61 * MINUTE)
        world.desk.faults.fail("post", PermanentFailure("user_disabled"))
        await world.timers.look()
        await world.quiet()
        told = [one for post in world.desk.posts.values() for one in post.entries if isinstance(one, Prompt)]
        assert len(told) == 1, "one of two could not be told"
        await pass_by(world, clock, 15 * MINUTE)
        assert len(shown(world, "URUTH")) == 1


async def test_the_card_says_that_it_is_late(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        card = world.desk.cards()[0].card
        assert card is not None and card.due_at is not None and card.due_at > clock.now()
        before = world.desk.card_updates
        await pass_by(world, clock, 31 * MINUTE)
        assert world.desk.card_updates == before, "a step before the breach changes nothing on it"
        await pass_by(world, clock, 30 * MINUTE)
        assert world.desk.card_updates == before + 1


async def test_a_crowd_is_told_quickly_and_in_few_posts(database: Database) -> None:
    """Sixty promises break in one minute."""
    world, clock = world_of(database, HOURLY)
    async with world:
        for number in range(1, 61):
            await world.says("Hi", source=f"in-{number}", who=f"p{number}@mail.example", name=f"P {number}")
        await world.quiet()
        clock.skip(61 * MINUTE)
        await world.timers.look()
        await world.quiet()

        def steps(connection: Connection) -> set[str]:
            return set(connection.execute(select(reminder_step.c.state)).scalars())

        prompts = shown(world, "C1")
        assert len(prompts) == 1
        assert words(prompts[0].lines[0]) == "⏰ 60 customers wait for an answer."
        assert words(prompts[0].lines[-1]) == "and 48 more: /sla shows all"
        assert await database.read(steps) == {"told", "waiting"}
