"""New messages come into the index of words a moment later, many at once, and nothing that is stored waits for that."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from sqlalchemy import Connection, delete, text, update

from bot import housekeeping
from bot.commands.finding_services import Narrowed
from bot.storage import indexing, search
from bot.storage.database import Database
from bot.storage.query import parse
from bot.storage.schema import message
from tests.core.test_search import case_of, say
from tests.core.world import KIM, World


def straight(connection: Connection, typed: str) -> list[int]:
    return search.search(connection, parse(typed), limit=1_000)


def fill(connection: Connection, count: int, words: str = "word") -> list[int]:
    whose = case_of(connection, "Dana")
    return [say(connection, whose, f"{words} {number}") for number in range(count)]


async def test_new_messages_are_found_a_moment_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "INDEX_EVERY", 0.01)
    keeper = asyncio.create_task(housekeeping.keep_index(database))
    ids = await database.write(partial(fill, count=450))
    async with asyncio.timeout(30):
        while len(found := await database.read(partial(straight, typed="word"))) < 450:
            await asyncio.sleep(0.01)
    assert found == ids[::-1]
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)


async def test_who_searches_finds_what_was_said_a_moment_ago(database: Database) -> None:
    world = World(database)
    async with world:
        for number in range(3):
            await world.says(f"Where is parcel {number}?", source=str(number))
            found = await world.casework.finding.find(KIM, "parcel", Narrowed())
            assert len(found.hits) == number + 1


async def test_changes_before_and_after_it_is_in_the_index(database: Database) -> None:
    def unit(connection: Connection) -> None:
        one, two, three, four = fill(connection, 4)

        def change(which: int, words: str) -> None:
            connection.execute(update(message).where(message.c.id == which).values(text=words))

        change(one, "early")
        connection.execute(delete(message).where(message.c.id == two))
        while indexing.index_some(connection):
            pass
        assert straight(connection, "word") == [four, three] and straight(connection, "early") == [one]
        change(three, "late")
        connection.execute(delete(message).where(message.c.id == four))
        assert straight(connection, "word") == [] and straight(connection, "late") == [three]
        say(connection, (1, 1), "word again")  # SQLite may give it the number of the one that was deleted
        while indexing.index_some(connection):
            pass
        assert len(straight(connection, "word")) == 1
        if connection.dialect.name == "sqlite":
            connection.execute(
                text("insert into fts_message(fts_message, rank) values ('integrity-check', 1)")
            )

    await database.write(unit)


async def test_it_goes_in_in_chunks_and_its_segments_stay_few(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MESSAGES", {"sqlite": 10, "postgresql": 10})
    monkeypatch.setattr(indexing, "CHARACTERS", 1_000)

    def segments(connection: Connection) -> int:
        return int(connection.execute(text("select count(distinct segid) from fts_message_idx")).scalar_one())

    await database.write(partial(fill, count=25))
    await database.write(partial(fill, count=3, words="x" * 900))
    rounds = 1
    while await database.write(indexing.index_some):
        rounds += 1
    assert rounds == 5  # 10, 10, 5 and a long one, a long one, a long one
    if database.dialect != "sqlite":
        assert len(await database.read(partial(straight, typed="word"))) == 25
        return  # there are no segments
    for _ in range(40):
        await database.write(partial(fill, count=1))
        await database.write(indexing.index_some)
    many = await database.read(segments)
    while await database.write(indexing.merge_some):
        pass
    assert await database.read(segments) < 8 < many
    assert len(await database.read(partial(straight, typed="word"))) == 65
