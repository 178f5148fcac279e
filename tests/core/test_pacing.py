"""How fast the outbox asks Slack, on a clock of the test's own. One database: pace is not its business."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.desk import Replied
from bot.policy import PacePolicy, Rate
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from tests.core.virtual import Clock
from tests.core.world import CHAT, OPEN_PACE, PRESS_MAIL, World


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = connect(f"sqlite:///{tmp_path}/t.db")
    await opened.open()
    await opened.write(migrate)
    yield opened
    await opened.close()


class Timed(World):
    """A world on a clock of its own, with the pace that the platforms allow."""

    def __init__(self, database: Database, **more: object) -> None:
        self.time = Clock()
        super().__init__(
            database, clock=self.time.now, rest=self.time.rest, pace=PacePolicy(), card_delay=2.0, **more
        )
        self.time.outbox = self.outbox
        self.began = self.time.at

    def at(self, *ops: str) -> list[float]:
        return [when - self.began for op, when in self.desk.times if op in ops]


def busiest(times: list[float], window: float) -> int:
    """The most calls in any window of so many seconds."""
    return max((sum(1 for one in times if start <= one < start + window) for start in times), default=0)


async def burst(world: Timed, customers: int, messages: int) -> None:
    for number in range(messages):
        who = f"c{number % customers}@mail.example"
        await world.says(f"{number}", source=f"b{number}", who=who)


async def test_a_slack_channel_gets_one_post_a_second_after_a_small_burst(database: Database) -> None:
    world = Timed(database)
    await burst(world, 60, 60)
    async with world:
        await world.quiet()
    posts = world.at("open_card", "post")
    assert len(posts) == 120
    assert busiest(posts, 0.5) <= 5
    assert busiest(posts, 60.0) <= 60 + 5
    assert 110 <= posts[-1] <= 125


async def test_what_waits_of_one_customer_goes_out_together_and_the_oldest_customer_first(
    database: Database,
) -> None:
    world = Timed(database)
    await burst(world, 100, 1_000)
    async with world:
        await world.quiet(40.0)
    posts = world.at("open_card", "post")
    assert len(posts) == 200  # a card and one post for each of them, ten messages in it
    assert posts[-1] <= 205
    order = [post.card.handle for post in world.desk.posts.values() if post.card is not None]
    assert order == sorted(order, key=lambda handle: int(handle[1:]))


async def test_channels_share_what_the_workspace_allows(database: Database) -> None:
    world = Timed(database)
    for number in range(40):
        await world.says("x", source=f"s{number}", who=f"s{number}@mail.example")
        await world.says("x", source=f"p{number}", who=f"p{number}@mail.example", inbox=PRESS_MAIL)
    async with world:
        await world.quiet()
    posts = world.at("open_card", "post")
    assert len(posts) == 160
    assert 72 <= posts[-1] <= 85  # two channels, each at its own pace
    assert busiest(posts, 1.0) <= 2 * 5


async def test_cards_are_updated_at_most_forty_times_a_minute(database: Database) -> None:
    world = Timed(database)
    await burst(world, 80, 80)
    async with world:
        await world.quiet()
        began = len(world.at("update_card"))
        for again in range(3):
            for who in range(80):
                await world.says(f"again {again}", source=f"u{again}-{who}", who=f"c{who}@mail.example")
        await world.quiet(30.0)
    updates = world.at("update_card")[began:]
    assert 80 <= len(updates) <= 160
    assert busiest(updates, 60.0) <= 40 + 5
    assert all(post.card is None or post.card.excerpt == "again 2" for post in world.desk.posts.values())


async def test_a_card_is_late_by_a_few_seconds_where_tokens_allow(database: Database) -> None:
    world = Timed(database)
    await world.says("one", source="1")
    async with world:
        await world.quiet()
        before = world.time.at
        await world.says("two", source="2")
        await world.quiet()
    (update,) = world.at("update_card")
    assert 2.0 <= update + world.began - before <= 5.0


async def test_a_reply_that_waits_for_the_channels_limit_says_when_it_goes(database: Database) -> None:
    pace = replace(OPEN_PACE, inboxes={CHAT: Rate(1 / 600, 1.0)})
    async with World(database, pace=pace) as world:
        await world.says("hello", source="1", who="v1", channel="chat", inbox=CHAT)
        await world.reply("C1", "goes at once", source="r1")
        await world.until(lambda: world.chat.sent)
        await world.reply("C1", "has to wait", source="r2")
        await world.until(
            lambda: any(
                isinstance(e, Replied) and e.text.plain == "has to wait" and "10 min" in (e.detail or "")
                for e in world.desk.entries()
            )
        )
        assert len(world.chat.sent) == 1
