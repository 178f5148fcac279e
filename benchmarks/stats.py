"""Goal 7: ``/stats`` answers within 50 ms, however much was said, and equals a full recount.

A team's two years are made up: the rows of cases, messages and clocks, and the cells that those cases add. What is timed is the
whole unit behind ``/stats``; beside it the same figures from the rows, by plain SQL. ``ONETHREAD_BENCH_MESSAGES`` takes another
size, ``TEST_DATABASE_URL`` PostgreSQL in place of SQLite, ``ONETHREAD_BENCH_CELLS_ONLY`` leaves plain SQL out.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from benchmarks.histories import AGENTS, INBOXES, NOW, policy
from bot.commands.stats_services import Asked
from bot.messages import TeamId
from bot.stats import fold
from bot.stats.cells import CaseFacts, Cell, Key, Ran, Said, cells
from bot.stats.statswork import report
from bot.storage import stats
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from bot.storage.schema import conversation, customer, message
from bot.storage.schema_clocks import clock
from bot.storage.schema_stats import stat_dirty

MESSAGES = int(os.environ.get("ONETHREAD_BENCH_MESSAGES") or 1_000_000)
CELLS_ONLY = bool(os.environ.get("ONETHREAD_BENCH_CELLS_ONLY"))
"""Without the rows themselves, and so without plain SQL beside it: ten million messages are made up in minutes."""
EACH = 8
"""Messages of one case."""
SPAN = 2 * 365 * 86_400.0
AT_ONCE = 2_000
TEAM = TeamId("support")
INBOX = tuple(name for name, _, team in INBOXES if team == "support")
CHANNELS = {name: channel for name, channel, _ in INBOXES}
LAST = datetime.fromtimestamp(NOW, UTC).date()


def cases(count: int) -> Iterator[CaseFacts]:
    """Cases with their messages and clocks, the oldest first; the same ones each time."""
    dice = random.Random(3)
    for number in range(1, count + 1):
        opened = NOW - SPAN + SPAN * number / count
        inbox, agent = dice.choice(INBOX), dice.choice(AGENTS)
        took, solved = dice.expovariate(1 / 1800), dice.expovariate(1 / 90_000)
        said = []
        for at in range(EACH):
            outbound = at % 2 == 1
            when = opened + (took if at == 1 else at * solved / EACH)
            kind = "outbound" if outbound else "inbound"
            by, state = (agent, "accepted") if outbound else ("", "")
            said.append(Said(number * EACH + at, kind, inbox, by, False, state, when))
        late = dice.random() < 0.1
        first = Ran(
            "first",
            1,
            inbox,
            opened,
            opened + took,
            "answered",
            took / 3,
            opened + took / 2 if late else None,
            said[1].id,
        )
        ended = Ran("resolution", 1, inbox, opened, opened + solved, "resolved", solved / 3, None, None)
        yield CaseFacts(
            number, TEAM, "UTC", "normal", agent, (), tuple(said), (first, ended), (), CHANNELS, False, opened
        )


async def fill(database: Database, count: int) -> None:
    """The rows, and the cells that they add."""
    drop = await database.read(_triggers)

    def begin(connection: Connection) -> None:
        for statement in drop:
            connection.execute(text(statement))
        connection.execute(
            insert(customer), {"id": 1, "name": "Somebody", "blocked": False, "created_at": 0.0}
        )

    await database.write(begin)
    whole: dict[Key, Cell] = defaultdict(Cell)
    some: list[CaseFacts] = []
    for case in cases(count):
        some.append(case)
        for key, cell in cells(case).items():
            whole[key].add(cell)
        if CELLS_ONLY:
            some.clear()
        if len(some) == AT_ONCE:
            await database.write(partial(_store, some=some))
            some = []
    await database.write(partial(_store, some=some))
    keys = list(whole)
    for start in range(0, len(keys), AT_ONCE):
        await database.write(
            partial(stats.set_cells, cells={key: whole[key] for key in keys[start : start + AT_ONCE]})
        )


def _triggers(connection: Connection) -> list[str]:
    """What takes the triggers away: a made-up history is counted here, not by them."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(
            text("select name from sqlite_master where type = 'trigger' and name like 'stat_%'")
        ).scalars()
        return [f"drop trigger {name}" for name in found]
    found = connection.execute(
        text("select tgname || ' on ' || tgrelid::regclass from pg_trigger where tgname like 'stat_%'")
    ).scalars()
    return [f"drop trigger {name}" for name in found]


def _store(connection: Connection, some: list[CaseFacts]) -> None:
    rows: dict[Any, list[dict[str, Any]]] = {conversation: [], message: [], clock: []}
    for case in some:
        rows[conversation].append(
            {
                "id": case.id,
                "customer_id": 1,
                "team": case.team,
                "status": "resolved",
                "owner": case.owner,
                "excerpt": "",
                "opened_at": case.opened_at,
                "resolved_at": case.clocks[1].stopped_at,
            }
        )
        for said in case.said:
            rows[message].append(
                {
                    "id": said.id,
                    "conversation_id": case.id,
                    "customer_id": 1,
                    "inbox": said.inbox,
                    "direction": said.direction,
                    "dedup_key": str(said.id),
                    "agent": said.agent or None,
                    "author": "x",
                    "text": "",
                    "sent_at": said.at,
                    "created_at": said.at,
                    "state": said.state or None,
                }
            )
        for one in case.clocks:
            rows[clock].append(
                {
                    "conversation_id": case.id,
                    "kind": one.kind,
                    "number": 1,
                    "state": "stopped",
                    "cause": one.cause,
                    "policy": "p",
                    "target": 60.0,
                    "hours": "{}",
                    "steps": "[]",
                    "inbox": one.inbox,
                    "started_at": one.started_at,
                    "used": one.used,
                    "breached_at": one.breached_at,
                    "stopped_at": one.stopped_at,
                    "stopped_by": one.by,
                }
            )
    for table, each in rows.items():
        if each:
            connection.execute(insert(table), each)


def _slow(connection: Connection, first: date, last: date) -> dict[str, float]:
    """A few of the same figures from the rows, as one would write them down first."""
    since = datetime.combine(first, datetime.min.time(), UTC).timestamp()
    until = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC).timestamp()
    found: dict[str, float] = {}
    for direction in ("inbound", "outbound"):
        found[direction] = connection.execute(
            select(func.count())
            .select_from(message.join(conversation, conversation.c.id == message.c.conversation_id))
            .where(
                conversation.c.team == TEAM,
                message.c.direction == direction,
                message.c.created_at >= since,
                message.c.created_at < until,
            )
        ).scalar_one()
    for kind, name in (("first", "first_wall"), ("resolution", "resolution_wall")):
        took = list(
            connection.execute(
                select(clock.c.stopped_at - clock.c.started_at)
                .join(conversation, conversation.c.id == clock.c.conversation_id)
                .where(
                    conversation.c.team == TEAM,
                    clock.c.kind == kind,
                    clock.c.stopped_at >= since,
                    clock.c.stopped_at < until,
                )
            ).scalars()
        )
        found[name], found[f"{name} median"] = len(took), statistics.median(took) if took else 0.0
    return found


async def _compare(name: str, database: Database, asked: Asked, rounds: int) -> float:
    def ours(connection: Connection) -> tuple[float, Any]:
        began = time.perf_counter()
        made = report(connection, policy(), asked, NOW)
        return (time.perf_counter() - began) * 1000, made

    def slow(connection: Connection) -> tuple[float, dict[str, float]]:
        began = time.perf_counter()
        found = _slow(connection, asked.first, asked.last)
        return (time.perf_counter() - began) * 1000, found

    took, floor = [], []
    for number in range(rounds + 1):
        ms, made = await database.read(ours)
        if CELLS_ONLY:
            took += [ms] if number else []
            continue
        plain, right = await database.read(slow)
        if number:  # the first round warms the caches
            took.append(ms)
            floor.append(plain)
        for metric in ("inbound", "outbound", "first_wall", "resolution_wall"):
            assert made.whole.count(metric) == right[metric], (
                metric,
                made.whole.count(metric),
                right[metric],
            )
        median = made.whole.speed("first_wall").median
        assert right["first_wall"] == 0 or abs(median - right["first_wall median"]) < 0.03 * median + 1
    middle = statistics.median(took)
    if CELLS_ONLY:
        print(f"{name:32} ours {middle:7.1f} ms (slowest {max(took):.1f})")
        return middle
    print(
        f"{name:32} ours {middle:7.1f} ms (slowest {max(took):.1f}), plain SQL {statistics.median(floor):8.1f} ms, "
        f"ratio {statistics.median(floor) / middle:.0f}"
    )
    return middle


async def main(rounds: int) -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{folder}/stats.db"
        database = connect(url)
        await database.open()
        try:
            await database.write(migrate)
            began = time.monotonic()
            await fill(database, MESSAGES // EACH)
            print(
                f"{MESSAGES:,} messages in {MESSAGES // EACH:,} cases, made up in {time.monotonic() - began:.0f} s"
            )
            assert (
                await database.read(
                    lambda connection: connection.execute(
                        select(func.count()).select_from(stat_dirty)
                    ).scalar_one()
                )
                == 0
            )
            await fold.catch_up(database, policy())
            worst = 0.0
            for name, asked in _questions():
                worst = max(worst, await _compare(name, database, asked, rounds))
            print(f"goal 7: the slowest question takes {worst:.1f} ms (goal: 50)")
        finally:
            await database.close()


def _questions() -> tuple[tuple[str, Asked], ...]:
    week = (LAST - timedelta(days=7), LAST - timedelta(days=1))
    month = (LAST - timedelta(days=30), LAST - timedelta(days=1))
    year = (LAST - timedelta(days=365), LAST - timedelta(days=1))
    teams = (TEAM,)
    return (
        ("last week vs previous", Asked(teams, *week, None, True)),
        ("30 days by agent vs previous", Asked(teams, *month, "agent", True)),
        ("30 days by channel", Asked(teams, *month, "channel")),
        ("30 days by hour", Asked(teams, *month, "hour")),
        ("365 days", Asked(teams, *year)),
    )
