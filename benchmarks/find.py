"""``/find`` at 1,000,000 messages, on SQLite and on PostgreSQL.

What is timed is the whole unit behind ``/find``: the search, its messages with their files, who they are from, the snippets.
The floor to beat is a person's patience: under a second, also where it is hardest (a word that is in most messages, narrowed
down to where there is none). ``ONETHREAD_BENCH_MESSAGES`` takes another size.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from benchmarks.histories import AGENTS, NOW, SPAN, Shop, databases, policy, word
from bot.cases import finding
from bot.commands.finding_services import Narrowed
from bot.messages import AgentId, TeamId
from bot.policy import CorePolicy
from bot.storage import query
from bot.storage.database import Database

MESSAGES = int(os.environ.get("ONETHREAD_BENCH_MESSAGES") or 1_000_000)
GOAL = 1_000.0
"""Milliseconds."""
EVERYTHING = Narrowed()


@dataclass(frozen=True, slots=True)
class Question:
    """Something that an agent may look for. ``own``: they may read the other team's cases only."""

    name: str
    words: str
    narrowed: Narrowed = EVERYTHING
    customer: int | None = None
    own: bool = False


def questions(shop: Shop) -> list[Question]:
    """From the easy to the mean."""
    most, many, few = word(0), word(300), word(29_000)
    long_ago = Narrowed(since=NOW - SPAN, until=NOW - SPAN + 30 * 86_400.0)
    return [
        Question("a word that is everywhere", most),
        Question("a usual word", many),
        Question("a rare word", few),
        Question("a word of twenty messages", "quincunx"),
        Question("a word that nobody wrote", "xyzzyplugh"),
        Question("two usual words", f"{many} {word(400)}"),
        Question("two that are everywhere, together", f'"{most} {word(1)}"'),
        Question("the beginning of words, two letters", f"{most[:2]}*"),
        Question("everywhere, without another", f"{most} -{word(1)}"),
        Question("everywhere, by one agent", most, Narrowed(agent=AgentId(AGENTS[3]))),
        Question("everywhere, three years ago", most, long_ago),
        Question("usual, three years ago", many, long_ago),
        Question("everywhere, with files (nobody sent any)", most, Narrowed(files=True)),
        Question("usual, in the other team's cases", many, own=True),
        Question("of one customer with a short history", many, customer=shop.customers - 5),
        Question("of one customer with a long history", "quincunx", customer=1),
    ]


def unit(connection: Connection, of: CorePolicy, asked: Question) -> tuple[float, int]:
    """Milliseconds that the database and we need for an answer; how many messages it holds."""
    teams = frozenset({TeamId("press")}) if asked.own else None
    began = time.perf_counter()
    filters = finding.filters_of(of, asked.narrowed, teams)
    found = finding.find(connection, of, query.parse(asked.words), filters, asked.customer, None, 8)
    return (time.perf_counter() - began) * 1000, len(found.hits)


async def _measure(name: str, database: Database, shop: Shop, rounds: int) -> float:
    of, slowest = policy(), 0.0
    for asked in questions(shop):
        run: Callable[[Connection], tuple[float, int]] = partial(unit, of=of, asked=asked)
        first, hits = await database.read(run)
        then = [(await database.read(run))[0] for _ in range(rounds)]
        median = statistics.median(then)
        slowest = max(slowest, median)
        print(f"{name:10} {asked.name:42} {hits:2} hits, first {first:7.1f} ms, then {median:7.2f} ms")
    return slowest


async def main(rounds: int) -> None:
    """Prints a line a question, then the slowest of each database."""
    shop = Shop(MESSAGES)
    slowest: dict[str, float] = {}
    async for name, database, took in databases(shop):
        print(
            f"{name}: {MESSAGES:,} messages; migration 0003, as at the first start after an update, {took:.0f} s"
        )
        slowest[name] = await _measure(name, database, shop, rounds)
    told = ", ".join(f"{name} {most:.0f} ms" for name, most in slowest.items())
    print(f"find at {MESSAGES:,} messages, the slowest question (goal < {GOAL:.0f} ms): {told}")
