"""100,000 open clocks: how soon the next that is due is found, and what 1,000 broken promises of one minute cost.

*Found*: a read of the database from the loop and back, as the timers do it before each pause. *Handled*: everything from the
due steps to rows that the outbox posts: the ledger's breaches, and whatever the bot's own timers plan and tell of them. CPU is
that of the whole process, on SQLite and on PostgreSQL where one can be started (its server's own CPU is not in it).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, insert

from bot import sla
from bot.clockwork import clocks
from bot.clockwork.promises import Facts, Kind, Promises, usual
from bot.messages import InboxId, TeamId
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.storage import clocks as rows
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from bot.storage.schema import conversation, customer
from bot.storage.schema_clocks import clock
from bot.timing.jobs import jobs
from bot.timing.timers import Timers
from tests.rig.postgres import NoPostgres, Server, find_binaries

CLOCKS = 100_000
BROKEN = 1_000
START = 1_795_420_800.0
"""A Monday, 09:00 UTC."""
LATE = START + 3 * 3600
"""The minute in which promises break begins then."""
CHUNK = 2_000


def policy() -> CorePolicy:
    """One team, one inbox, the usual promises."""
    team, inbox = TeamId("support"), InboxId("mail")
    return CorePolicy(
        {team: TeamPolicy(team, "Support", "C1")},
        {inbox: InboxPolicy(inbox, "email", team, "support@shop.example")},
        promises=Promises(usual({"email": 3600.0})),
    )


def fill(connection: Connection, of: CorePolicy, first: int) -> None:
    """Cases with a running clock each: the first thousand break within one minute, the others later."""
    terms = of.promises.terms(Facts("mail", "email", "support"), Kind.FIRST)
    assert terms is not None
    numbers = range(first, min(first + CHUNK, CLOCKS + 1))
    made: list[tuple[int, float]] = []
    for number in numbers:
        if number <= BROKEN:
            since = LATE - 3600.0 + 60.0 * number / BROKEN - clocks.AFTER
        else:
            since = LATE - 3000.0 + (number % 86_400) / 100
        made.append((number, since))
    connection.execute(
        insert(customer), [{"id": n, "name": f"Customer {n}", "created_at": since} for n, since in made]
    )
    due = {n: clocks.started("first", terms, since)[0] for n, since in made}
    connection.execute(
        insert(conversation),
        [
            {
                "id": n,
                "customer_id": n,
                "team": "support",
                "status": "open",
                "opened_at": since,
                "waiting_since": since,
                "due_at": due[n],
                "due_kind": "first",
                "clocks": "r--",
            }
            for n, since in made
        ],
    )
    steps = json.dumps(terms.steps)
    connection.execute(
        insert(clock),
        [
            {
                "conversation_id": n,
                "kind": "first",
                "number": 1,
                "state": "running",
                "policy": terms.policy,
                "target": terms.target,
                "hours": terms.hours,
                "steps": steps,
                "step": 2,
                "next_at": due[n] + clocks.AFTER,
                "inbox": "mail",
                "started_at": since,
                "since": since,
                "due_at": due[n],
            }
            for n, since in made
        ],
    )


@asynccontextmanager
async def filled(url: str, of: CorePolicy) -> AsyncIterator[Database]:
    """A database with all of them."""
    database = connect(url)
    await database.open()
    try:
        await database.write(migrate)
        for first in range(1, CLOCKS + 1, CHUNK):
            await database.write(partial(fill, of=of, first=first))
        yield database
    finally:
        await database.close()


async def measure(name: str, url: str) -> tuple[float, float, float]:
    """Median and worst of finding the next, in ms; CPU seconds for the broken promises."""
    of = policy()
    async with filled(url, of) as database:
        for _ in range(20):
            await database.read(rows.next_at)
        found: list[float] = []
        for _ in range(500):
            began = time.perf_counter()
            at = await database.read(rows.next_at)
            found.append((time.perf_counter() - began) * 1000)
        assert at is not None
        assert LATE - 60 < at < LATE + 60, at
        woken: set[str] = set()
        timers = Timers(database, jobs(replace(of)), woken.update, lambda: LATE + 60.5)
        began, cpu = time.perf_counter(), time.process_time()
        await timers.look()
        while await database.write(partial(sla.due, now=LATE + 60.5, most=100)):
            pass
        cpu, took = time.process_time() - cpu, time.perf_counter() - began
        late = await database.read(_late)
    assert late == BROKEN, late
    median, worst = statistics.median(found), statistics.quantiles(found, n=100)[98]
    print(f"{name}: the next of {CLOCKS:,} open clocks found in {median:.2f} ms (p99 {worst:.2f} ms)")
    print(f"{name}: {BROKEN:,} broken promises handled in {cpu:.2f} s of CPU ({took:.2f} s)")
    return median, worst, cpu


def _late(connection: Connection) -> int:
    return len(connection.execute(clock.select().where(clock.c.breached_at.is_not(None))).all())


async def main(rounds: int) -> None:
    """Prints the figures, the ratios to the goals last."""
    del rounds  # the figures are costs of their own, with no floor to take turns with
    with tempfile.TemporaryDirectory() as folder:
        results = [await measure("SQLite", f"sqlite:///{Path(folder) / 'sla.db'}")]
    try:
        server = await asyncio.to_thread(lambda: Server(find_binaries()))
    except NoPostgres as problem:
        print(f"PostgreSQL: not measured ({problem})")
    else:
        try:
            results.append(await measure("PostgreSQL", server.url))
        finally:
            await asyncio.to_thread(server.remove)
    median, cpu = max(one[0] for one in results), max(one[2] for one in results)
    print(f"ratios to the goals (5 ms, 2 s of CPU): {median / 5:.2f}, {cpu / 2:.2f}")
