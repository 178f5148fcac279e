"""What the database promises: durable when it returns, one for all, nobody poisons anybody, and clear words when it fails."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from bot.errors import StorageError
from bot.storage import history, inboxes, people
from bot.storage.database import Database, PostgresDatabase, SqliteDatabase, connect
from bot.storage.migrate import include_object, migrate
from bot.storage.schema import act, source_cursor
from bot.storage.tables import metadata
from bot.storage.words import LONGEST
from tests.core.world import World
from tests.rig.postgres import NoPostgres, Server, find_binaries

ROOT = Path(__file__).resolve().parents[2]


def put(connection: Connection, name: str) -> str:
    connection.execute(insert(act), {"source": name, "at": 1.0})
    return name


def names(connection: Connection) -> list[str]:
    return list(connection.execute(select(act.c.source).order_by(act.c.source)).scalars())


def count_cursors(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(source_cursor)).scalar_one())


def engine_of(database: Database) -> object:
    if isinstance(database, SqliteDatabase):
        return database._engine
    assert isinstance(database, PostgresDatabase)
    return database._engine.sync_engine


async def test_writes_that_wait_share_a_commit_and_keep_their_order(database: Database) -> None:
    commits: list[int] = []
    event.listen(engine_of(database), "commit", lambda connection: commits.append(1))
    order: list[int] = []

    def unit(connection: Connection, number: int) -> int:
        order.append(number)
        put(connection, f"{number:03}")
        return number

    results = await asyncio.gather(*(database.write(partial(unit, number=n)) for n in range(200)))
    assert results == list(range(200)) == order
    assert len(commits) <= 20
    assert len(await database.read(names)) == 200


async def test_a_unit_that_raises_poisons_nobody(database: Database) -> None:
    def twice(connection: Connection) -> None:
        put(connection, "half")
        put(connection, "half")

    def odd(connection: Connection) -> None:
        put(connection, "odd")
        raise KeyError("a bug of ours")

    results = await asyncio.gather(
        database.write(partial(put, name="a")),
        database.write(twice),
        database.write(partial(put, name="b")),
        database.write(odd),
        database.write(partial(put, name="c")),
        return_exceptions=True,
    )
    assert [results[0], results[2], results[4]] == ["a", "b", "c"]
    assert isinstance(results[1], IntegrityError) and isinstance(results[3], KeyError)
    assert await database.read(names) == ["a", "b", "c"]
    assert database.problem is None


async def test_reading_cannot_write(database: Database) -> None:
    if isinstance(database, SqliteDatabase):
        with pytest.raises(StorageError):
            await database.read(partial(put, name="x"))
    assert await database.read(names) == []


async def test_a_closed_database_says_so(database: Database) -> None:
    await database.close()
    with pytest.raises(StorageError, match="closed"):
        await database.write(partial(put, name="x"))


async def test_the_schema_is_what_the_migrations_make(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "include_object": include_object}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert await database.read(differences) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await database.write(partial(put, name="kept"))
    await database.write(migrate)
    assert await database.read(names) == ["kept"]


async def test_a_schema_of_a_newer_version_is_refused(database: Database) -> None:
    await database.write(lambda c: c.execute(text("update alembic_version set version_num = '9999'")))
    with pytest.raises(StorageError, match=r"9999.*newer onethread"):
        await database.write(migrate)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_migration_that_is_cut_off_leaves_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path}/m.db"
    database = connect(url)
    await database.open()

    def cut_off(connection: Connection) -> None:
        migrate(connection)
        raise SystemError("killed midway")

    with pytest.raises(SystemError):
        await database.write(cut_off)
    await database.write(migrate)
    await database.write(partial(put, name="works"))
    assert await database.read(names) == ["works"]
    await database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_second_onethread_is_refused(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path}/m.db"
    first, second = connect(url), connect(url)
    await first.open()
    with pytest.raises(StorageError, match="in use by another onethread"):
        await second.open()
    await first.close()
    third = connect(url)
    await third.open()
    await third.close()


async def test_words_that_a_database_cannot_hold_are_stored_all_the_same(database: Database) -> None:
    async with World(database) as world:
        odd = "a\x00b\ud800c"
        await world.says(odd, source="s" * 9_000, who="x" * 9_000 + "@mail.example", name=odd, subject=odd)
        await world.says("second", source="s" * 9_000 + "2", who="x" * 9_000 + "@mail.example", name=odd)
        await world.until(lambda: len(world.desk.entries()) == 2)
        assert world.desk.entries()[0].text.plain == "a\ufffdb\ufffdc"  # type: ignore[union-attr]
        assert len(world.desk.cards()) == 1

        def stored(connection: Connection) -> int:
            found = history.by_remote(connection, "support-mail", f"<{'s' * 9_000}@mail.example>")
            assert found is not None and people.named(connection, [found.customer_id])
            return len(found.remote_id)

        assert await database.read(stored) == LONGEST


async def test_sqlite_that_another_process_has_locked(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    database = connect(f"sqlite:///{path}")
    await database.open()
    await database.write(migrate)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(database.write(partial(put, name="patient")))
    async with asyncio.timeout(10):
        while database.problem is None:
            await asyncio.sleep(0.05)
    assert "locked" in database.problem and not waiting.done()
    assert await database.read(names) == []
    other.execute("ROLLBACK")
    other.close()
    assert await asyncio.wait_for(waiting, 10) == "patient"
    assert database.problem is None
    await database.close()


async def test_sqlite_that_stays_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.storage.database.PATIENCE", 0.5)
    path = tmp_path / "t.db"
    database = connect(f"sqlite:///{path}")
    await database.open()
    await database.write(migrate)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="Nothing was stored: database is locked"):
        await database.write(partial(put, name="lost"))
    other.execute("ROLLBACK")
    other.close()
    await database.write(partial(put, name="kept"))
    assert await database.read(names) == ["kept"]
    await database.close()


@asynccontextmanager
async def child(url: str, *more: str) -> AsyncIterator[Process]:
    process = await create_subprocess_exec(
        sys.executable, "-m", "tests.core.writer", url, *more, stdout=PIPE, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def lines_of(process: Process, until: int | None = None) -> list[tuple[str, int]]:
    """What a child said: ``(word, number)``; until it has acknowledged so many, or to its end."""
    assert process.stdout is not None
    found: list[tuple[str, int]] = []
    async with asyncio.timeout(60):
        while line := (await process.stdout.readline()).decode():
            word, _, rest = line.strip().partition(" ")
            if word in ("ok", "failed"):
                found.append((word, int(rest)))
            if until is not None and len(found) >= until:
                break
    return found


def inbox_numbers(connection: Connection) -> set[int]:
    return {
        int(name.removeprefix("inbox-"))
        for name in connection.execute(select(source_cursor.c.inbox)).scalars()
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_was_acknowledged_survives_kill_9(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path}/k.db"
    async with child(url) as process:
        said = await lines_of(process, until=300)
        process.send_signal(signal.SIGKILL)
        said += await lines_of(process)
    database = connect(url)
    async with asyncio.timeout(20):
        while True:
            try:
                await database.open()
                break
            except StorageError:  # the server has not noticed yet that the other one is gone
                await asyncio.sleep(0.1)
                database = connect(url)
    kept = await database.read(inbox_numbers)
    acknowledged = {number for word, number in said if word == "ok"}
    assert len(acknowledged) >= 300 and acknowledged <= kept
    await database.close()


async def test_a_full_disk_acknowledges_nothing_that_is_not_stored(tmp_path: Path) -> None:
    async with child(f"sqlite:///{tmp_path}/f.db", str(3_000_000)) as process:
        said = await lines_of(process)
    good = {number for word, number in said if word == "ok"}
    bad = {number for word, number in said if word == "failed"}
    assert len(good) > 50 and len(bad) >= 20
    database = connect(f"sqlite:///{tmp_path}/f.db")
    await database.open()
    kept = await database.read(inbox_numbers)
    assert good == kept and not bad & kept
    await database.write(lambda c: inboxes.set_cursor(c, "there-is-room-again", "x"))
    await database.close()


@asynccontextmanager
async def server() -> AsyncIterator[Server]:
    try:
        running = await asyncio.to_thread(Server, find_binaries(), durable=True)
    except NoPostgres as problem:
        pytest.skip(str(problem))
    try:
        yield running
    finally:
        await asyncio.to_thread(running.remove)


async def test_postgresql_that_crashes_and_comes_back_loses_and_doubles_nothing() -> None:
    async with server() as running:
        database = connect(running.url)
        await database.open()
        await database.write(migrate)
        async with World(database) as world:
            await world.says("before", source="0")
            await world.until(world.desk.entries)
            await asyncio.to_thread(running.stop, signal.SIGQUIT)
            during = [
                asyncio.create_task(world.says(f"during {n}", source=f"d{n}", who=f"c{n % 3}@mail.example"))
                for n in range(12)
            ]
            async with asyncio.timeout(20):
                while database.problem is None:
                    await asyncio.sleep(0.02)
            assert not any(task.done() for task in during)
            with pytest.raises(StorageError):
                await database.read(names)
            await asyncio.to_thread(running.start)
            await asyncio.gather(*during)
            assert database.problem is None
            await world.quiet(20.0)
            words = sorted(entry.text.plain for entry in world.desk.entries())  # type: ignore[union-attr]
            assert words == sorted(["before", *(f"during {n}" for n in range(12))])
            # The lock that keeps a second bot away died with the old session; the new one holds it again.
            with pytest.raises(StorageError, match="in use by another onethread"):
                await connect(running.url).open()
        await database.close()


async def test_a_lock_that_somebody_else_took_meanwhile_stops_every_write(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.database.PATIENCE", 1.0)
    first, second = connect(postgres_url), connect(postgres_url)
    await first.open()
    await first.write(migrate)
    assert isinstance(first, PostgresDatabase)
    await first._drop_writer()  # the network cut its session off
    await second.open()
    with pytest.raises(StorageError, match="in use by another onethread"):
        await first.write(partial(put, name="x"))
    assert first.problem is not None and "another onethread" in first.problem
    await second.close()
    await first.write(partial(put, name="x"))
    assert await first.read(names) == ["x"]
    await first.close()


async def test_the_path_of_a_message_reads_no_table_from_end_to_end(tmp_path: Path) -> None:
    """What one message costs must not grow with how many customers and messages there are."""
    database = connect(f"sqlite:///{tmp_path}/t.db")
    await database.open()
    await database.write(migrate)
    assert isinstance(database, SqliteDatabase)
    seen: dict[str, object] = {}

    @event.listens_for(database._engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, sql: str, given: list[object], _x: object, many: bool) -> None:
        seen.setdefault(sql, given[0] if many else given)

    async with World(database) as world:
        for number in range(40):
            await world.says("hello", source=str(number), who=f"c{number % 20}@mail.example")
        await world.reply("C1", "hi")
        await world.quiet()

    def plans(connection: Connection) -> list[tuple[str, str]]:
        found = []
        for sql, given in list(seen.items()):
            if sql.startswith(("SELECT", "UPDATE")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)  # type: ignore[arg-type]
                found.extend((row[3], sql) for row in rows)
        return found

    explained = await database.write(plans)
    assert len(explained) > 40
    per_customer = (
        "FROM identity",
        "FROM customer LEFT",
        "ORDER BY route.last_used_at",
    )  # a lookup by an agent
    for plan, sql in explained:
        if any(words in sql for words in per_customer):
            continue
        # Held deliveries are those of the last seconds; all else is found by a key.
        assert "ix_delivery_held" in plan or not plan.startswith("SCAN"), (plan, sql)
        assert "ix_conversation_queue" not in plan, (plan, sql)
    await database.close()
