"""Histories made up quickly: a shop with as many messages as are wanted, the same for the same seed.

Words follow Zipf's law (a few are everywhere, most are rare), messages have about 25 of them. One customer in a hundred has
a long history; there are two teams, four inboxes and twelve agents. Rows go in before migration 0003, which then builds the
index as the first start after an update does.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from sqlalchemy import Connection

from bot.messages import InboxId, TeamId
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.storage.database import Database, connect
from bot.storage.migrate import config, migrate
from tests.rig.postgres import Server, find_binaries

INBOXES = (
    ("support-mail", "email", "support"),
    ("support-chat", "site", "support"),
    ("acmebot", "telegram", "support"),
    ("press-mail", "email", "press"),
)
AGENTS = tuple(f"UAGENT{number:02}" for number in range(12))
NOW = 1_790_000_000.0
SPAN = 3 * 365 * 86_400.0
COLUMNS = (
    "id",
    "conversation_id",
    "customer_id",
    "inbox",
    "direction",
    "dedup_key",
    "agent",
    "author",
    "text",
    "subject",
    "sent_at",
    "created_at",
    "state",
)


def word(number: int) -> str:
    """A word of the vocabulary: ``word(0)`` is the most frequent."""
    syllables = (
        "ba",
        "do",
        "ki",
        "lu",
        "me",
        "no",
        "pa",
        "ri",
        "so",
        "tu",
        "ve",
        "za",
        "ch",
        "an",
        "er",
        "il",
    )
    made = ""
    rest = number + 16
    while rest:
        made += syllables[rest % 16]
        rest //= 16
    return made


class Shop:
    """``messages`` of ``customers``. ``varied`` False: a thousand different texts will do, which is quicker."""

    def __init__(self, messages: int, *, varied: bool = True, seed: int = 7) -> None:
        self.messages = messages
        self._texts = None if varied else [f"{word(n)} {word(n * 3)} {word(n * 7)}" for n in range(1_000)]
        self.customers = max(20, messages // 50)
        self._random = random.Random(seed)
        self._vocabulary = [word(number) for number in range(30_000)]
        self._weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(30_000)))

    def customer_rows(self) -> Iterator[tuple[Any, ...]]:
        """(id, name, blocked, created_at)."""
        for number in range(1, self.customers + 1):
            yield number, f"{word(number * 7).title()} {word(number * 13).title()}", False, NOW - SPAN

    def case_rows(self) -> Iterator[tuple[Any, ...]]:
        """(id, customer_id, team, status, excerpt, opened_at): one a customer and team."""
        for number in range(1, self.customers + 1):
            for at, team in enumerate(("support", "press")):
                yield 2 * number - 1 + at, number, team, "open", "", NOW - SPAN

    def message_rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows of ``COLUMNS``, oldest first."""
        chosen = self._random
        frequent = max(1, self.customers // 100)
        for number in range(1, self.messages + 1):
            inbox, _, team = INBOXES[int(chosen.random() ** 2 * 4)]
            whose = chosen.randint(1, frequent if chosen.random() < 0.2 else self.customers)
            kind = ("inbound", "outbound", "inbound", "outbound", "note")[number % 5]
            agent = None if kind == "inbound" else AGENTS[whose % len(AGENTS)]
            at = NOW - SPAN + SPAN * number / self.messages
            yield (
                number,
                2 * whose - (team == "support"),
                whose,
                None if kind == "note" else inbox,
                kind,
                f"b:{number}",
                agent,
                agent or "Somebody",
                self._text(number),
                "Order" if number % 10 == 0 else None,
                at,
                at,
                "accepted" if kind == "outbound" else None,
            )

    def _text(self, number: int) -> str:
        if self._texts is not None:
            return self._texts[number % len(self._texts)]
        chosen = self._random
        words = chosen.choices(self._vocabulary, cum_weights=self._weights, k=chosen.randint(6, 44))
        if number % 50_000 == 9_999:
            words[3] = "quincunx"  # a word that hardly anybody writes
        return " ".join(words)


def policy() -> CorePolicy:
    """The shop's teams and inboxes."""
    teams = {TeamId(name): TeamPolicy(TeamId(name), name, "C1") for name in ("support", "press")}
    inboxes = {
        InboxId(name): InboxPolicy(InboxId(name), channel, TeamId(team), name)
        for name, channel, team in INBOXES
    }
    return CorePolicy(teams, inboxes)


async def databases(shop: Shop, only: str | None = None) -> AsyncIterator[tuple[str, Database, float]]:
    """SQLite, then PostgreSQL with the shop's history: name, database, seconds of migration 0003. Each is gone after."""
    if only in (None, "SQLite"):
        with tempfile.TemporaryDirectory() as folder:
            database, took = await build(f"sqlite:///{folder}/shop.db", shop)
            yield "SQLite", database, took
            await database.close()
    if only in (None, "PostgreSQL"):
        server = await asyncio.to_thread(Server, find_binaries(), durable=True)
        try:
            database, took = await build(server.url, shop)
            connection = await asyncpg.connect(server.url)
            await connection.execute("vacuum analyze")  # as autovacuum would have done, which tests turn off
            await connection.close()
            yield "PostgreSQL", database, took
            await database.close()
        finally:
            await asyncio.to_thread(server.remove)


def _to(revision: str) -> Any:
    def unit(connection: Connection) -> None:
        command.upgrade(config(connection), revision)

    return unit


async def build(url: str, shop: Shop) -> tuple[Database, float]:
    """A database with the shop's history, open; and the seconds that migration 0003 took on it."""
    database = connect(url)
    await database.open()
    await database.write(_to("0002"))
    if url.startswith("sqlite"):
        _fill_sqlite(Path(url.removeprefix("sqlite:///")), shop)
    else:
        await _fill_postgresql(url, shop)
    began = time.monotonic()
    await database.write(_to("0003"))
    took = time.monotonic() - began
    await database.write(migrate)
    return database, took


_CUSTOMER = ("id", "name", "blocked", "created_at")
_CASE = ("id", "customer_id", "team", "status", "excerpt", "opened_at")


def _fill_sqlite(path: Path, shop: Shop) -> None:
    connection = sqlite3.connect(path)
    connection.execute("pragma synchronous=off")
    for name, columns, rows in _tables(shop):
        marks = ",".join("?" * len(columns))
        connection.executemany(f"insert into {name} ({','.join(columns)}) values ({marks})", rows)
    connection.commit()
    connection.close()


async def _fill_postgresql(url: str, shop: Shop) -> None:
    connection = await asyncpg.connect(url)
    for name, columns, rows in _tables(shop):
        while some := list(itertools.islice(rows, 50_000)):
            await connection.copy_records_to_table(name, records=some, columns=columns)
    await connection.close()


def _tables(shop: Shop) -> tuple[tuple[str, tuple[str, ...], Iterator[tuple[Any, ...]]], ...]:
    return (
        ("customer", _CUSTOMER, shop.customer_rows()),
        ("conversation", _CASE, shop.case_rows()),
        ("message", COLUMNS, shop.message_rows()),
    )
