"""Words that were erased are gone from the index, and from its files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text, update

from bot.housekeeping import catch_up
from bot.storage import wiping
from bot.storage.database import connect
from bot.storage.migrate import migrate
from bot.storage.schema import message
from tests.core.test_search import case_of, found, say

CANARY = "zeitgeberkanarienvogel"


async def test_an_erased_word_is_not_in_the_file_of_the_database(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    database = connect(f"sqlite:///{path}")
    await database.open()
    await database.write(migrate)

    def fill(connection: Connection) -> int:
        whose = case_of(connection, "Dana")
        for number in range(200):
            say(connection, whose, f"word {number} {number * 7919:x}")
        return say(connection, whose, f"my secret is {CANARY}")

    secret = await database.write(fill)

    def blank(connection: Connection) -> None:
        assert found(connection, CANARY) == [secret]
        connection.execute(update(message).where(message.c.id == secret).values(text="", author=""))
        assert found(connection, CANARY) == []

    def on_disk() -> bool:
        return CANARY.encode() in path.read_bytes() + Path(f"{path}-wal").read_bytes()

    await database.write(blank)
    await compact(database)
    assert on_disk(), "the index forgets by itself now: then nobody has to wipe it"

    first, rounds = True, 0
    while not await database.write(partial(wiping.wipe, first=first)):
        first, rounds = False, rounds + 1
        await database.write(lambda connection: say(connection, (1, 1), "life goes on"))
        await catch_up(database)
        assert rounds < 1_000
    await compact(database)
    assert not on_disk()
    assert len(await database.write(lambda connection: found(connection, "word", limit=500))) == 200
    await database.write(
        lambda connection: connection.execute(
            text("insert into fts_message(fts_message, rank) values ('integrity-check', 1)")
        )
    )
    await database.close()


async def compact(database: object) -> None:
    """Nothing is left in free pages or the log."""
    raw = database._engine.raw_connection()  # type: ignore[attr-defined]
    raw.execute("pragma wal_checkpoint(truncate)")
    raw.execute("vacuum")
    raw.execute("pragma wal_checkpoint(truncate)")
    raw.close()
