"""What Home shows, on both databases: the right rows in the right order, and quickly on ten thousand open conversations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, update

from benchmarks import home as benchmark
from bot.cases.homework import day_of
from bot.commands.home_services import Home
from bot.commands.types import Agent, Role
from bot.desk import State
from bot.messages import AgentId, CustomerId, TeamId
from bot.stats import fold
from bot.storage.base import metadata
from bot.storage.database import Database
from bot.storage.schema import conversation, customer, message
from bot.storage.schema_clocks import clock
from bot.storage.schema_stats import stat_day
from tests.core.world import KIM, PRESS, PRESS_MAIL, SUPPORT, World

AMIR = Agent(AgentId("UAMIR"), "Amir", Role.AGENT)
SLACK_WAITS = 3.0
TEAMS = {SUPPORT: False}
LEADING = {SUPPORT: True}


async def put(world: World, customer_id: int, **values: Any) -> None:
    """Sets columns of a customer's case."""

    def unit(connection: Connection) -> None:
        connection.execute(
            update(conversation).where(conversation.c.customer_id == customer_id).values(**values)
        )

    await world.database.write(unit)


def handles(rows: tuple[Any, ...]) -> list[str]:
    return [row.handle for row in rows]


async def customers(world: World, count: int) -> None:
    for number in range(1, count + 1):
        await world.says(f"question {number}", source=f"{number}", who=f"p{number}@mail.example")


async def test_mine_come_by_what_is_due_then_nobodys(database: Database) -> None:
    async with World(database) as world:
        await customers(world, 8)
        now = time.time()
        for number in (1, 2, 3, 4):
            await world.casework.assign(CustomerId(number), SUPPORT, KIM, KIM.id, f"a{number}")
        await put(world, 1, due_at=None, priority="low")
        await put(world, 2, due_at=now + 900, due_kind="next")
        await put(world, 3, due_at=now - 60, due_kind="first")
        await put(world, 4, due_at=None, priority="urgent")
        await put(world, 6, due_at=now + 30, due_kind="first", waiting_since=now + 5)
        await world.casework.assign(CustomerId(7), SUPPORT, AMIR, AMIR.id, "a7")
        await world.casework.block(CustomerId(8), KIM, True, "b8")
        await world.quiet()
        home = await world.casework.home.home(KIM, TEAMS)
        (team,) = home.teams
        assert (handles(team.mine), team.mine_count) == (["C3", "C2", "C4", "C1"], 4)
        assert (handles(team.unassigned), team.unassigned_count) == (["C6", "C5"], 2)
        assert (home.waiting, team.lead) == (4, None)
        assert home.next_due == pytest.approx(now - 60)
        first = team.mine[0]
        assert (first.name, first.via, first.excerpt) == (
            "Dana Petrov",
            "email support@shop.example",
            "question 3",
        )
        assert first.place[0] == "C1" and first.place[1] is not None
        amir = await world.casework.home.home(AMIR, TEAMS)
        assert handles(amir.teams[0].mine) == ["C7"]


async def test_whom_nobody_is_shown_is_not_in_home(database: Database) -> None:
    async with World(database) as world:
        await customers(world, 4)

        def hide(connection: Connection) -> None:
            for number, values in ((1, {"spam": True}), (2, {"quarantine": "why"}), (3, {"erased_at": 1.0})):
                connection.execute(update(customer).where(customer.c.id == number).values(**values))

        await database.write(hide)
        home = await world.casework.home.home(KIM, LEADING)
        assert handles(home.teams[0].unassigned) == ["C4"] and home.teams[0].unassigned_count == 1


async def test_each_team_has_a_section_and_no_other_is_seen(database: Database) -> None:
    async with World(database) as world:
        await customers(world, 1)
        await world.says("A question of the press", source="p", who="reporter@mail.example", inbox=PRESS_MAIL)
        home = await world.casework.home.home(KIM, {PRESS: False, SUPPORT: True})
        assert [(team.name, handles(team.unassigned)) for team in home.teams] == [
            ("Press", ["C2"]),
            ("Support", ["C1"]),
        ]
        assert home.teams[0].unassigned[0].via == "email press@shop.example"
        only = await world.casework.home.home(KIM, TEAMS)
        assert "press" not in str(only)
        assert await world.casework.home.home(KIM, {TeamId("gone"): True}) == Home(())


async def test_what_is_put_aside_and_what_waits_for_others(database: Database) -> None:
    async with World(database) as world:
        await customers(world, 4)
        now = time.time()
        ends = day_of(now, KIM.zone)[1]
        for number in range(1, 5):
            await world.casework.assign(CustomerId(number), SUPPORT, KIM, KIM.id, f"a{number}")
        await put(world, 1, status="snoozed", snoozed_until=ends - 0.5)
        await put(world, 2, status="snoozed", snoozed_until=ends + 10)
        await world.casework.desk.pending(CustomerId(3), SUPPORT, KIM, "p3")
        await world.casework.follow_ups.add(CustomerId(4), SUPPORT, KIM, now + 600, "call them", "f")
        home = await world.casework.home.home(KIM, TEAMS)
        assert (handles(home.snoozed), home.snoozed_count, home.teams[0].others) == (["C1"], 2, 1)
        assert [(one.handle, one.words) for one in home.follow_ups] == [("C4", "call them")]


async def test_replies_that_did_not_arrive_are_there_until_they_did(database: Database) -> None:
    async with World(database) as world:
        await customers(world, 2)
        sent = await world.reply("C1", "It ships today.")
        await world.quiet()

        def failed(connection: Connection) -> None:
            values = {"state": State.FAILED, "state_at": time.time(), "detail": "mailbox unavailable (550)"}
            connection.execute(update(message).where(message.c.id == sent.message_id).values(**values))

        await database.write(failed)
        for who in (KIM, AMIR):
            (one,) = (await world.casework.home.home(who, TEAMS)).troubles
            assert (one.handle, one.words, one.why) == ("C1", "It ships today.", "mailbox unavailable (550)")
        await world.casework.assign(CustomerId(1), SUPPORT, KIM, KIM.id, "a1")
        assert (await world.casework.home.home(AMIR, TEAMS)).troubles == (), "it is Kim's now"
        await world.casework.retry(sent.message_id, KIM, "r1")
        assert (await world.casework.home.home(KIM, TEAMS)).troubles_count == 0


async def test_my_day(database: Database) -> None:
    async with World(database) as world:
        await customers(world, 3)
        begun = world.casework.home
        assert (await begun.home(KIM, TEAMS)).day.replied == 0
        first = await world.reply("C1", "One.", "s1")
        await world.reply("C1", "And two.", "s2")
        second = await world.reply("C2", "Three.", "s3")
        await world.casework.resolve(CustomerId(2), SUPPORT, KIM, "r2")
        await world.casework.resolve(CustomerId(3), SUPPORT, AMIR, "r3")
        await world.quiet()
        day = (await begun.home(KIM, TEAMS)).day
        assert (day.replied, day.resolved) == (2, 1)

        def promised(connection: Connection) -> None:
            for case, one, late in ((1, first, None), (2, second, 5.0)):
                values = {
                    "conversation_id": case,
                    "kind": "first",
                    "number": 9,
                    "state": "stopped",
                    "policy": "p",
                    "target": 60.0,
                    "hours": "{}",
                    "steps": "[100]",
                    "inbox": "support-mail",
                    "started_at": 1.0,
                    "breached_at": late,
                    "stopped_by": one.message_id,
                }
                connection.execute(insert(clock), values)

        await database.write(promised)
        day = (await begun.home(KIM, TEAMS)).day
        assert (day.kept, day.missed) == (1, 1)


async def test_a_lead_sees_who_has_how_much_and_what_is_late(database: Database) -> None:
    async with World(database) as world:
        await customers(world, 5)
        now = time.time()
        for number, who in ((1, KIM), (2, KIM), (3, AMIR), (4, KIM)):
            await world.casework.assign(CustomerId(number), SUPPORT, who, who.id, f"a{number}")
        await world.casework.desk.pending(CustomerId(2), SUPPORT, KIM, "p2")
        await world.casework.resolve(CustomerId(4), SUPPORT, KIM, "r4")
        await put(world, 1, due_at=now - 100, due_kind="next")
        await put(world, 2, due_at=None)
        await put(world, 3, due_at=now + 100, due_kind="next")
        await put(world, 5, due_at=now - 200, due_kind="first")
        lead = (await world.casework.home.home(AMIR, LEADING)).teams[0].lead
        assert lead is not None
        assert [(one.agent, one.open, one.waiting, one.late) for one in lead.loads] == [
            ("UKIM", 2, 1, 1),
            ("UAMIR", 1, 1, 0),
        ]
        assert [(one.handle, one.owner) for one in lead.late] == [("C5", None), ("C1", "UKIM")]
        assert lead.late_count == 2


async def test_the_pulse_changes_with_everything(database: Database) -> None:
    async with World(database) as world:
        home = world.casework.home
        seen = [await home.pulse()]
        await world.says("Where is it?", source="1")
        seen.append(await home.pulse())
        await world.casework.assign(CustomerId(1), SUPPORT, KIM, KIM.id, "a")
        seen.append(await home.pulse())
        await world.quiet()
        sent = await world.reply("C1", "Today.")
        await world.reaches(sent.message_id, State.ACCEPTED)
        await world.quiet()
        seen.append(await home.pulse())
        assert len(set(seen)) == 4
        assert await home.pulse() == seen[-1]


def test_the_day_of_a_zone() -> None:
    assert day_of(1_760_000_000.0, "Europe/Berlin") == (1_759_960_800.0, 1_760_047_200.0)
    assert day_of(1_760_000_000.0, "Nowhere/Land") == day_of(1_760_000_000.0, "UTC")
    begun, ends = day_of(1_761_440_000.0, "Europe/Berlin")
    assert ends - begun == 25 * 3600, "the day on which summer time ends"


# Ten thousand open conversations


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every SELECT that runs, with its values."""
    found: list[tuple[str, Any]] = []

    def note(connection: Connection, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            found.append((statement, values))

    event.listen(Connection, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Connection, "before_cursor_execute", note)


def plan(connection: Connection, statement: str, values: Any) -> list[str]:
    """How a database would do it."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"explain query plan {statement}", values)
        return [str(row[3]) for row in rows]
    connection.exec_driver_sql("set local enable_seqscan = off")
    return [str(row[0]) for row in connection.exec_driver_sql(f"explain {statement}", values)]


def scans(lines: list[str]) -> list[str]:
    """Whole tables that are read."""
    words = [line.split() for line in lines if "Seq Scan" in line or ("SCAN" in line and "USING" not in line)]
    return [" ".join(line) for line in words if set(line) & set(metadata.tables)]


@pytest.fixture
async def crowd(database: Database) -> Database:
    """10,000 open conversations with a team."""
    await database.write(partial(benchmark.fill, team="support"))
    await database.write(lambda connection: connection.exec_driver_sql("analyze"))
    return database


@pytest.mark.timeout(120)
async def test_ten_thousand_open_conversations(crowd: Database) -> None:
    """Each question is an index's work, and far within the time that Slack waits (figures: ``benchmarks home``)."""
    core = benchmark.hands(crowd)
    asked = benchmark.questions(core)
    names = ("home of an agent", "home of a lead", "picker, nothing typed", "next", "has anything changed")
    with statements(crowd) as found:
        for name in names:
            await asked[name]()
    assert len(found) > 20

    def explained(connection: Connection) -> list[str]:
        return [line for statement, values in found for line in scans(plan(connection, statement, values))]

    assert await crowd.read(explained) == []
    slow = {}
    for name, ask in asked.items():
        took = []
        for _ in range(5):
            began = time.perf_counter()
            await ask()
            took.append(time.perf_counter() - began)
        slow[name] = sorted(took)[2]
    assert max(slow.values()) < SLACK_WAITS / 2, slow


async def test_a_lead_sees_today_against_the_usual(database: Database) -> None:
    """Four weeks ago on this day two wrote by this hour, a week ago four; other days and later hours do not count."""
    now = datetime.now(UTC).replace(hour=12, minute=0).timestamp()
    ahead = now - time.time()
    async with World(database, clock=lambda: time.time() + ahead) as world:
        await world.says("Hello", source="1")
        while await database.write(partial(fold.fold, policy=world.policy)):
            pass
        here = datetime.fromtimestamp(now, UTC)
        rows = [(28, here.hour, 2), (7, here.hour, 4), (6, here.hour, 50), (14, 24, 50)]

        def before(connection: Connection) -> None:
            for days, hour, count in rows:
                day = (here.date() - timedelta(days=days)).isoformat()
                values = {"team": SUPPORT, "dimension": "hour", "day": day, "value": f"{hour:02d}"}
                connection.execute(
                    insert(stat_day).values(**values, metric="inbound", count=count, total=float(count))
                )

        await database.write(before)
        home = await world.casework.home.home(KIM, {SUPPORT: True})
        (team,) = home.teams
        assert team.lead is not None
        found = {one.what: (one.today, one.usual) for one in team.lead.today}
        assert found["inbound"] == (1, 3.0) and found["resolved"] == (0, 0.0)
        assert (await world.casework.home.home(KIM, {SUPPORT: False})).teams[0].lead is None
