"""Home and pickers on 10,000 open conversations a team: milliseconds of each question, p50, p95 and CPU, on both databases.

A team's Home is asked for as an agent and as its lead; the picker as one types: nothing, one letter, three letters, a name, an
address; and ``next``. PostgreSQL is measured where ``TEST_DATABASE_URL`` names a server's empty database, or is left out.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from benchmarks.histories import word
from bot.capabilities import Capabilities
from bot.cases import lookups
from bot.cases.deskwork import DeskWork
from bot.cases.hands import Hands
from bot.cases.homework import HomeWork
from bot.commands.types import Agent, Role
from bot.messages import AgentId, InboxId, TeamId
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from bot.storage.schema import audit, conversation, customer, identity, lane, message, route, thread
from bot.timing.followups import FollowUps

OPEN = 10_000
NOW = 1_790_000_000.0
AGENTS = tuple(AgentId(f"UAGENT{number:02}") for number in range(12))
TEAMS = (TeamId("support"), TeamId("press"))
GOAL = 100.0
"""Milliseconds that a question may take at p95."""


def fill(connection: Connection, team: str, count: int = OPEN, now: float = NOW) -> None:
    """A unit: that many customers with an open conversation with a team, half of them nobody's.

    Of five, three wait for us, one for the customer, one is snoozed; of three that wait, two have a promise, of which some are
    late. Each had a case before, and has a thread and an address; one in forty has a reply that failed.
    """
    chosen = random.Random(team)
    first = _next(connection)
    ids = range(first, first + count)
    named = {one: f"{word(one * 7).title()} {word(one * 13).title()}" for one in ids}
    connection.execute(insert(customer), [{"id": one, "name": named[one], "created_at": now} for one in ids])
    cases = [_case(chosen, one, team, now) for one in ids]
    connection.execute(insert(conversation), cases)
    connection.execute(insert(conversation), [_before(case, now) for case in cases])
    lanes = [
        {"id": one, "kind": "desk", "bucket": "slack:C1", "customer_id": one, "team": team} for one in ids
    ]
    connection.execute(insert(lane), lanes)
    connection.execute(insert(thread), [_thread(one, team, now) for one in ids])
    connection.execute(insert(identity), [_identity(one, named[one], now) for one in ids])
    connection.execute(insert(route), [_route(one, team, now) for one in ids])
    connection.execute(insert(message), [_reply(case, now) for case in cases if case["id"] % 40 == 0])
    deeds = [_deed(chosen, one, now) for one in ids if one % 3 == 0]
    connection.execute(insert(audit), deeds)


def _next(connection: Connection) -> int:
    newest = connection.exec_driver_sql("select max(id) from customer").scalar()
    return int(newest or 0) + 1


def _case(chosen: random.Random, one: int, team: str, now: float) -> dict[str, Any]:
    status = ("open", "open", "open", "pending", "snoozed")[one % 5]
    promised = status == "open" and chosen.random() < 0.67
    return {
        "id": one,
        "customer_id": one,
        "team": team,
        "status": status,
        "owner": None if chosen.random() < 0.5 else chosen.choice(AGENTS),
        "excerpt": "Where is my parcel? It should have come on Monday and the tracking page says nothing.",
        "opened_at": now - 86_400,
        "waiting_since": now - chosen.random() * 86_400 if status == "open" else None,
        "snoozed_until": now + chosen.random() * 3 * 86_400 if status == "snoozed" else None,
        "priority": ("normal", "normal", "normal", "high", "urgent", "low")[chosen.randrange(6)],
        "due_at": now + chosen.random() * 86_400 - 8_640 if promised else None,
        "due_kind": "first" if promised else None,
    }


def _before(case: dict[str, Any], now: float) -> dict[str, Any]:
    return {
        "id": case["id"] + 1_000_000,
        "customer_id": case["customer_id"],
        "team": case["team"],
        "status": "resolved",
        "owner": case["owner"],
        "excerpt": case["excerpt"],
        "opened_at": now - 60 * 86_400,
        "resolved_at": now - 59 * 86_400,
    }


def _thread(one: int, team: str, now: float) -> dict[str, Any]:
    return {
        "customer_id": one,
        "team": team,
        "channel": f"C{team}",
        "ts": f"{one}.000100",
        "card_key": f"card-{one}",
        "desk_lane": one,
        "card_lane": one,
        "mark_lane": one,
        "created_at": now,
    }


def _identity(one: int, name: str, now: float) -> dict[str, Any]:
    return {
        "id": one,
        "customer_id": one,
        "channel": "email",
        "address": f"{name.split()[0].lower()}{one}@mail.example",
        "verified": True,
        "name": name,
        "created_at": now,
    }


def _route(one: int, team: str, now: float) -> dict[str, Any]:
    return {"identity_id": one, "inbox": f"{team}-mail", "last_used_at": now - one, "lane_id": one}


def _reply(case: dict[str, Any], now: float) -> dict[str, Any]:
    return {
        "conversation_id": case["id"],
        "customer_id": case["customer_id"],
        "inbox": f"{case['team']}-mail",
        "direction": "outbound",
        "dedup_key": f"out:{case['id']}",
        "agent": case["owner"] or AGENTS[0],
        "author": "Kim",
        "text": "It ships today.",
        "sent_at": now,
        "created_at": now,
        "state": "failed",
        "state_at": now - 60,
        "detail": "mailbox unavailable (550)",
    }


def _deed(chosen: random.Random, one: int, now: float) -> dict[str, Any]:
    return {
        "at": now - chosen.random() * 30 * 86_400,
        "agent": chosen.choice(AGENTS),
        "action": chosen.choice(("reply", "resolve", "assign")),
        "customer_id": one,
        "detail": f"message {one}",
    }


class _Nobody:
    """The queue and the directory, as far as questions need them."""

    last_error: tuple[str, float] | None = None

    def wake(self, buckets: set[str]) -> None:
        """Nothing is sent."""

    def hold_until(self, when: float) -> None:
        """Nothing is held."""

    async def public_name(self, agent: AgentId) -> str:
        """Any."""
        return "Kim"

    async def is_agent(self, agent: AgentId, team: TeamId) -> bool:
        """Of both teams."""
        return True

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        """Of both teams."""
        return True


def hands(database: Database) -> Hands:
    """A core over a database, with nothing behind it."""
    able = Capabilities("email", 1_000_000)
    inboxes = {InboxId(f"{team}-mail"): team for team in TEAMS}
    policy = CorePolicy(
        {team: TeamPolicy(team, team.title(), f"C{team}", 5.0) for team in TEAMS},
        {
            name: InboxPolicy(name, "email", team, f"{team}@shop.example", able)
            for name, team in inboxes.items()
        },
    )
    return Hands(database, policy, dict.fromkeys(inboxes, able), _Nobody(), _Nobody(), lambda: NOW)


Question = Callable[[], Awaitable[object]]


def questions(core: Hands) -> dict[str, Question]:
    """What agents ask, by name."""
    kim = Agent(AGENTS[0], "Kim", Role.AGENT)
    team, both = TEAMS[0], dict.fromkeys(TEAMS, True)
    home, desk = HomeWork(core, FollowUps(core, lambda: None)), DeskWork(core)
    return {
        "home of an agent": lambda: home.home(kim, {team: False}),
        "home of a lead": lambda: home.home(kim, {team: True}),
        "home of a lead, two teams": lambda: home.home(kim, both),
        "has anything changed": home.pulse,
        "picker, nothing typed": lambda: core.read(lookups.open_for, kim.id, team, 25),
        "picker, nothing typed, any team": lambda: core.read(lookups.open_for, kim.id, None, 25),
        "picker, one letter": lambda: core.read(lookups.lookup, "d", team, 25),
        "picker, one letter, any team": lambda: core.read(lookups.lookup, "d", None, 25),
        "picker, three letters": lambda: core.read(lookups.lookup, "dok", team, 25),
        "picker, nobody has it": lambda: core.read(lookups.lookup, "xyzzy", team, 25),
        "picker, an address": lambda: core.read(lookups.lookup, "dok4711@mail.example", team, 25),
        "nearest names": lambda: core.read(lookups.nearest, "dokibo", team),
        "next": lambda: desk.next_up(kim, team),
        "next, any team, 40 skipped": lambda: desk.next_up(kim, None, 40),
    }


async def measure(url: str, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Question → (p50, p95, CPU of this process) in milliseconds."""
    database = connect(url)
    await database.open()
    try:
        await database.write(migrate)
        for team in TEAMS:
            await database.write(partial(fill, team=team))
        await database.write(lambda connection: connection.exec_driver_sql("analyze"))
        found: dict[str, tuple[float, float, float]] = {}
        for name, ask in questions(hands(database)).items():
            took: list[float] = []
            before = time.process_time()
            for _ in range(max(20, rounds * 4)):
                began = time.perf_counter()
                await ask()
                took.append((time.perf_counter() - began) * 1000)
            cpu = (time.process_time() - before) * 1000 / len(took)
            found[name] = statistics.median(took), statistics.quantiles(took, n=20)[-1], cpu
        return found
    finally:
        await database.close()


def _print(where: str, found: dict[str, tuple[float, float, float]]) -> None:
    print(f"{where}: {OPEN:,} open conversations in each of {len(TEAMS)} teams (ms)")
    for name, (middle, high, cpu) in found.items():
        over = "" if high < GOAL else "   OVER"
        print(f"  {name:34} p50 {middle:7.1f}   p95 {high:7.1f}   CPU {cpu:6.1f}{over}")
    print(f"  worst p95 / {GOAL:.0f} ms: {max(high for _, high, _ in found.values()) / GOAL:.2f}")


async def main(rounds: int) -> None:
    """Prints the figures of both databases."""
    with tempfile.TemporaryDirectory() as folder:
        _print("SQLite", await measure(f"sqlite:///{Path(folder)}/home.db", rounds))
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        _print("PostgreSQL", await measure(url, rounds))


if __name__ == "__main__":
    asyncio.run(main(5))
