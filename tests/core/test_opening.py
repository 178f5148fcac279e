"""An agent who writes in a thread before we have stored where its card is."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import Connection, update

from bot.cases import casework
from bot.errors import StorageError
from bot.storage.database import Database
from bot.storage.schema import thread
from tests.core.world import World


async def place(database: Database, ts: str | None, opening_since: float | None) -> None:
    def unit(connection: Connection) -> None:
        connection.execute(update(thread).values(ts=ts, opening_since=opening_since))

    await database.write(unit)


async def test_a_thread_that_is_being_opened_is_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        await world.quiet()
        now = time.time()
        ts, before, elsewhere = f"{now:.6f}", f"{now - 3600:.6f}", f"{now + 1:.6f}"
        await place(database, None, now - 0.5)
        assert await world.casework.at_thread("C1", before) is None, "that is older than the card"
        assert await world.casework.at_thread("C2", ts) is None, "nothing is being opened there"
        assert await world.casework.at_thread("C1", "no time") is None
        monkeypatch.setattr(casework, "_BEING_OPENED", (0.02,) * 1000)
        found = asyncio.create_task(world.casework.at_thread("C1", ts))
        await asyncio.sleep(0.2)
        assert not found.done()
        await place(database, ts, None)
        person = await found
        assert person is not None and person.handle == "C1"
        assert await world.casework.at_thread("C1", elsewhere) is None, "nothing is being opened any more"
        await place(database, None, now - 0.5)
        monkeypatch.setattr(casework, "_BEING_OPENED", (0.01, 0.01))
        with pytest.raises(StorageError, match="not stored yet"):
            await world.casework.at_thread("C1", ts)
        await place(database, ts, None)
