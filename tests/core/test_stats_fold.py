"""The figures follow whatever happens, and equal a count of everything anew. On both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from bot.clockwork.promises import Promises, Rule, Target
from bot.commands.desk_services import Priority
from bot.commands.stats_services import Asked
from bot.desk import State
from bot.messages import CustomerId
from bot.stats import fold
from bot.stats.cells import Cell, Key, sum_of
from bot.stats.recount import Recounted, recount
from bot.storage import stats
from bot.storage.database import Database
from bot.storage.schema import conversation
from bot.storage.schema_stats import stat_case, stat_day, stat_dirty
from tests.core.world import CHAT, KIM, PRESS_MAIL, SUPPORT, World

DANA = CustomerId(1)
PLAIN = ("agent", "all", "inbox", "priority", "tag")
HOUR = Target(3600.0)
PROMISED = Promises((Rule("all", first=HOUR, next=HOUR, resolution=Target(days=2), hours="calendar"),))


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """A team that promises something."""
    made = World(database)
    made.policy = replace(made.policy, promises=PROMISED)
    made.build()
    async with made:
        yield made


async def folded(world: World) -> dict[str, int]:
    """metric → how many, over all teams, after everything that changed was counted."""
    while await world.database.write(partial(fold.fold, policy=world.policy)):
        pass
    cells = await everything(world)
    assert cells == await anew(world)
    found: dict[str, int] = {}
    for (_, dimension, _, _, metric), cell in cells.items():
        if dimension == "all":
            found[metric] = found.get(metric, 0) + cell.count
    return found


async def everything(world: World) -> dict[Key, Cell]:
    return dict(await world.database.read(partial(stats.page, after=None, most=100_000)))


async def anew(world: World) -> dict[Key, Cell]:
    """All cases counted from the beginning."""

    def unit(connection: Connection) -> dict[Key, Cell]:
        ids = list(connection.execute(select(conversation.c.id)).scalars())
        return sum_of(fold.count(connection, world.policy, ids).values())

    return await world.database.read(unit)


async def test_what_happens_is_counted_and_what_is_undone_is_taken_back(world: World) -> None:
    await world.says("Where is it?", source="1")
    assert (await folded(world))["opened"] == 1
    sent = await world.reply("C1", "It ships today.")
    await world.reaches(sent.message_id, State.ACCEPTED)
    now = await folded(world)
    assert (now["outbound"], now["handled"], now["first_kept"], now["first_wall"]) == (1, 1, 1, 1)
    await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
    now = await folded(world)
    assert (now["resolved"], now["first_contact"], now["messages"]) == (1, 1, 1)
    await world.casework.reopen(DANA, SUPPORT, KIM, "o1")
    now = await folded(world)
    assert now["reopened"] == 1 and "first_contact" not in now, "it was opened again"
    await world.says("By chat now", source="2", inbox=CHAT, answers=sent.conversation_id)
    await world.says("For the press", source="3", inbox=PRESS_MAIL)
    now = await folded(world)
    assert (now["switch"], now["opened"], now["inbound"]) == (1, 2, 3)


async def test_a_tag_a_priority_an_owner_move_what_was_counted(world: World) -> None:
    await world.says("Where is it?", source="1")
    await folded(world)

    await world.casework.desk.prioritise(DANA, SUPPORT, KIM, Priority.HIGH, "p")
    await world.casework.desk.tag(DANA, SUPPORT, KIM, ("complaint", "late"), (), "t")
    await world.casework.assign(DANA, SUPPORT, KIM, KIM.id, "a")
    assert (await folded(world))["complaint"] == 1
    cells = await everything(world)
    opened = sorted(key[1:3] for key in cells if key[4] == "opened" and key[1] in PLAIN)
    assert opened == [
        ("agent", "UKIM"),
        ("all", ""),
        ("inbox", "support-mail"),
        ("priority", "high"),
        ("tag", "complaint"),
        ("tag", "late"),
    ]


async def test_agents_over_channels(world: World) -> None:
    await world.says("By mail", source="1")
    sent = await world.reply("C1", "It ships today.")
    await world.reaches(sent.message_id, State.ACCEPTED)
    await folded(world)
    today = datetime.now(UTC).date()
    asked = Asked((SUPPORT,), today - timedelta(days=1), today, "agent")
    made = await world.casework.stats.report(asked)
    assert made.over == (("Kim", "email", 1),)
    assert [(group.label, group.figures.count("outbound")) for group in made.groups] == [("Kim", 1)]


async def test_nothing_is_counted_twice_and_nothing_waits_when_nothing_happens(world: World) -> None:
    await world.says("Where is it?", source="1")
    before = await folded(world)
    assert await folded(world) == before
    await world.database.write(partial(stats.mark_all, after=0, most=100))
    assert await folded(world) == before

    def waiting(connection: Connection) -> int:
        return len(connection.execute(select(stat_dirty)).all())

    assert await world.database.read(waiting) == 0


async def test_automatic_words_are_no_work(world: World) -> None:
    await world.says("Out of office", source="1", automated="auto-submitted")
    now = await folded(world)
    assert now.get("inbound", 0) == 0 and now.get("opened", 0) == 0


async def test_a_recount_finds_and_mends_what_is_wrong(world: World) -> None:
    await world.says("Where is it?", source="1")
    await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
    await folded(world)
    assert await recount(world.database, world.policy) == Recounted(1, 0, 0)
    right = await everything(world)

    def harm(connection: Connection) -> None:
        connection.execute(update(stat_day).where(stat_day.c.metric == "opened").values(count=7))
        connection.execute(delete(stat_day).where(stat_day.c.metric == "resolved"))
        connection.execute(
            insert(stat_day).values(
                team="support",
                dimension="all",
                day="2020-01-01",
                value="",
                metric="never",
                count=1,
                total=1.0,
            )
        )
        connection.execute(delete(stat_case))

    await world.database.write(harm)
    found = await recount(world.database, world.policy, repair=False)
    assert found.wrong_cases == 1 and found.wrong_cells > 3
    assert await everything(world) != right, "it was only told"
    assert await recount(world.database, world.policy) == found
    assert await everything(world) == right
    assert await recount(world.database, world.policy) == Recounted(1, 0, 0)


async def test_what_nobody_promised_is_counted_too(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        sent = await world.reply("C1", "It ships today.")
        await world.reaches(sent.message_id, State.ACCEPTED)
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        now = await folded(world)
        assert (now["opened"], now["resolved"], now["first_contact"], now["resolution_wall"]) == (1, 1, 1, 1)
        assert "first_wall" not in now and "resolution_kept" not in now
