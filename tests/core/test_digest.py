"""The weekly digest comes once a week, in the team's morning, with what changed and cases worth reading. On both databases."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.desk import Prompt, ThreadLink
from bot.messages import CustomerId
from bot.policy import StatsPolicy
from bot.stats import digest, fold
from bot.storage.database import Database
from tests.core.world import KIM, SUPPORT, World


def words(prompt: Prompt) -> list[str]:
    return ["".join(getattr(piece, "words", piece) for piece in line) for line in prompt.lines]  # type: ignore[misc]


def posted(world: World) -> list[tuple[str, Prompt]]:
    return [
        (post.channel, entry)
        for post in world.desk.posts.values()
        for entry in post.entries
        if isinstance(entry, Prompt) and post.thread_ts is None
    ]


def monday(hour: int, weeks: int = 1) -> float:
    """A Monday to come, in UTC."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=today.weekday()) + timedelta(weeks=weeks, hours=hour)).timestamp()


later = [0.0]
"""Seconds by which the bot's clock is ahead."""


@pytest.fixture(autouse=True)
def today() -> None:
    later[0] = 0.0


def clock() -> float:
    return time.time() + later[0]


async def at(world: World, now: float) -> None:
    """The time has come."""
    later[0] = now - time.time()
    while await world.database.write(partial(fold.fold, policy=world.policy)):
        pass
    done = await world.database.write(partial(digest.post_due, policy=world.policy, now=now))
    world.outbox.wake(done.buckets)
    await world.quiet()


async def next_at(world: World) -> float | None:
    return await world.database.read(partial(digest.next_at, policy=world.policy))


async def test_it_comes_once_in_the_morning_of_its_day(database: Database) -> None:
    async with World(database, clock=clock) as world:
        assert await next_at(world) is None, "app.yaml says nothing of it"
        world.policy = replace(
            world.policy, stats=StatsPolicy(digest_on=0, digest_hour=9, digest_channel="C9")
        )
        await at(world, time.time())
        assert posted(world) == [], "a bot that has just begun has nothing to tell"
        for number in range(12):
            await world.says(f"word {number}", source=f"{number}")
        await world.casework.resolve(CustomerId(1), SUPPORT, KIM, "r")
        assert await next_at(world) == monday(9)
        await at(world, monday(9) - 1)
        assert posted(world) == []
        for _ in range(2):
            await at(world, monday(9) + 5)
        shown = [
            (channel, prompt) for channel, prompt in posted(world) if words(prompt)[0].startswith("Support")
        ]
        ((channel, prompt),) = shown
        told = words(prompt)
        assert channel == "C9" and told[0] == (
            "Support: the last seven days, beside the seven before. ▲ better, ▼ worse."
        )
        assert any(line.startswith("Cases: opened 1") and "resolved 1" in line for line in told)
        assert told[-2:] == ["Worth reading:", "• Dana Petrov (C1): 12 messages"]
        assert isinstance(prompt.lines[-1][1], ThreadLink)
        assert [press.label for press in prompt.buttons] == ["Chart", "By agent", "Grades"]
        assert await next_at(world) == monday(9, 2)


async def test_of_several_that_were_missed_only_the_newest_comes_and_no_old_one(database: Database) -> None:
    async with World(database, clock=clock) as world:
        world.policy = replace(world.policy, stats=StatsPolicy(digest_on=0, digest_channel="C9"))
        await at(world, time.time())
        await world.says("One", source="1")
        await at(world, monday(10, 3))
        assert len(posted(world)) == 2, "one for each team"
        await at(world, monday(10, 5) + 3 * 86_400)
        assert len(posted(world)) == 2, "three days late: the next one tells more"
        assert await next_at(world) == monday(9, 6)
