"""One database behind two engines, and group commit.

``write(unit)`` runs a synchronous function on a ``Connection`` and returns when what it wrote is durable. Units that wait
at the same time share one transaction: they run in the order of the calls, then one COMMIT makes all of them durable.

A unit must be re-runnable and free of side effects: when one unit of a group raises, the group is rolled back and each unit
runs again in a transaction of its own, so a bad message never poisons its neighbours; and when PostgreSQL goes away in the
middle, the group runs again after it came back. Units are idempotent by their unique keys, so a commit whose answer was
lost does no harm.

SQLite: one writer thread owns every commit (WAL, synchronous=FULL, BEGIN IMMEDIATE); readers are ``query_only``.
PostgreSQL: one connection is the writer, reads have a small pool (asyncpg, ``run_sync``).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.errors import ConfigError, StorageError
from bot.storage.group import Job, Unit, deliver, fail, is_database_fault, run_group, words

T = TypeVar("T")

GROUP = 256
"""The most units that share a transaction: bounds how long the first one waits for the last."""
PATIENCE = 60.0
"""Seconds that a unit waits for a locked or lost database before its caller is told."""
BUSY = 1.0
"""Seconds that SQLite waits for another process's lock before we hear of it."""
TIDY = 20
"""Milliseconds that emptying the log waits for readers."""


class Database(Protocol):
    """What the core knows of a database."""

    dialect: str
    problem: str | None

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, unit: Unit[T]) -> T:
        """Runs a unit durably. Raises what the unit raised, or ``StorageError`` when nothing was committed."""
        ...

    async def read(self, unit: Unit[T]) -> T:
        """Runs a unit that only reads, on a snapshot of what was committed."""
        ...

    async def tidy(self) -> bool:
        """What was deleted is not in the database's own log any more. False: somebody reads just now, try again."""
        ...


def connect(url: str) -> Database:
    """The database behind a URL: ``sqlite:///path`` or ``postgresql://…``."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteDatabase(Path(parsed.database or "data/onethread.db"))
    if parsed.get_backend_name() == "postgresql":
        return PostgresDatabase(
            parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        )
    raise ConfigError(
        f"database.url: {parsed.get_backend_name()} is not supported. Use sqlite or postgresql."
    )


class SqliteDatabase:
    """SQLite in a file: the embedded default."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._opened: list[Connection] = []
        self._lock_file: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self._tidy: bool | None = None
        self._engine = self._make_engine(read_only=False)
        self._read_engine = self._make_engine(read_only=True)

    def _make_engine(self, *, read_only: bool) -> Engine:
        engine = create_engine(
            f"sqlite:///{self.path}",
            poolclass=NullPool,
            connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY},
        )

        @event.listens_for(engine, "connect")
        def configure(connection: Any, record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA mmap_size=0")
            cursor.execute("PRAGMA cache_size=-16384")
            cursor.execute("PRAGMA secure_delete=ON")  # what was erased does not lie on in freed pages
            if read_only:
                cursor.execute("PRAGMA query_only=ON")
            cursor.close()

        return engine

    async def open(self) -> None:
        """Opens the file, alone: a second bot on the same file is refused with a clear error."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._lock)
        started: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop, started), name="storage-writer", daemon=True
        )
        self._thread.start()
        try:
            await started
        except StorageError:
            self._thread = None
            self._lock_file.close()
            raise
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="storage-reader")

    def _lock(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_file = Path(f"{self.path}.lock").open("w")  # noqa: SIM115 - held until close()
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock_file.close()
            raise StorageError(
                f"{self.path} is in use by another onethread. Stop that one first; two cannot share an SQLite file."
            ) from None

    async def close(self) -> None:
        self._closing = True
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        if self._readers is not None:
            await asyncio.to_thread(self._readers.shutdown)
            self._readers = None
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._engine.dispose()
        self._read_engine.dispose()
        if self._lock_file is not None:
            self._lock_file.close()

    async def write(self, unit: Unit[T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._thread is None:
            raise StorageError("The database is closed.")
        self._jobs.put(Job(unit, future))
        return await future

    async def read(self, unit: Unit[T]) -> T:
        if self._readers is None:
            raise StorageError("The database is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, unit)

    async def tidy(self) -> bool:
        self._tidy = False
        await self.write(_nothing)  # after its group the log is emptied…
        await self.write(_nothing)  # … and before the next one
        return bool(self._tidy)

    def _read(self, unit: Unit[T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._read_engine.connect()
            self._local.connection = connection
            self._opened.append(connection)
        try:
            with connection.begin():
                connection.exec_driver_sql("BEGIN")
                return unit(connection)
        except DBAPIError as error:
            if not is_database_fault(error):
                raise
            raise StorageError(f"The database cannot be read: {words(error)}.") from error

    def _run(self, loop: asyncio.AbstractEventLoop, started: asyncio.Future[None]) -> None:
        try:
            connection = self._engine.connect()
        except Exception as error:
            problem = StorageError(f"Cannot open the database {self.path}: {error}")
            loop.call_soon_threadsafe(started.set_exception, problem)
            return
        loop.call_soon_threadsafe(started.set_result, None)
        while (jobs := self._next_group()) is not None:
            self._run_patiently(connection, jobs)
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(deliver, jobs)
            if self._tidy is False:
                self._tidy = _emptied(connection)
        connection.close()

    def _next_group(self) -> list[Job] | None:
        first = self._jobs.get()
        if first is None:
            return None
        jobs = [first]
        while len(jobs) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            jobs.append(job)
        return jobs

    def _run_patiently(self, connection: Connection, jobs: list[Job]) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                run_group(connection, [job for job in jobs if job.outcome is None], "BEGIN IMMEDIATE")
            except Exception as error:
                self.problem = f"the database cannot commit: {words(error)}"
                if _is_locked(error) and time.monotonic() < until and not self._closing:
                    continue  # it waited for the lock BUSY seconds already
                fail(jobs, error)
            else:
                self.problem = None
            return


def _nothing(connection: Connection) -> None:
    """A unit that only waits for its turn."""


def _emptied(connection: Connection) -> bool:
    """Moves the log into the file and empties it; does not wait for readers. False: one was in the way."""
    run = connection.exec_driver_sql
    try:
        run(f"PRAGMA busy_timeout={TIDY}")
        return bool(run("PRAGMA wal_checkpoint(TRUNCATE)").one()[0] == 0)
    except DBAPIError:
        return False
    finally:
        run(f"PRAGMA busy_timeout={BUSY * 1000:.0f}")
        connection.rollback()  # SQLAlchemy's own bookkeeping: none of these is in a transaction


def _is_locked(error: Exception) -> bool:
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


class PostgresDatabase:
    """PostgreSQL, when one machine is not enough."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self.problem: str | None = None
        self._engine: AsyncEngine = create_async_engine(url, pool_size=4, max_overflow=2, pool_pre_ping=True)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._writer: AsyncConnection | None = None
        self._session: tuple[int, Any] | None = None
        self._closing = False

    async def open(self) -> None:
        """Connects, alone: an advisory lock keeps a second bot away (several replicas are not built yet)."""
        try:
            self._writer = await self._connect()
        except StorageError:
            await self._engine.dispose()
            raise
        except Exception as error:
            raise StorageError(
                f"Cannot reach PostgreSQL: {words(error)}. Check database.url and that the server runs."
            ) from error
        self._task = asyncio.create_task(self._run(), name="storage-writer")

    async def _connect(self) -> AsyncConnection:
        """The one connection that writes. It holds the lock that keeps a second bot away: who has lost it cannot write."""
        writer = await self._engine.connect()
        try:
            if (
                self._session is not None
            ):  # our own session of before may linger at the server and hold the lock
                await writer.execute(_END_SESSION, {"pid": self._session[0], "started": self._session[1]})
            if not await self._lock(writer):
                raise StorageError("This database is in use by another onethread. Stop that one first.")
            pid, started = (await writer.execute(_SESSION)).one()
            await writer.commit()
        except BaseException:
            await writer.close()
            raise
        self._session = (pid, started)
        return writer

    async def _lock(self, writer: AsyncConnection) -> bool:
        tries = 1 if self._session is None else 20
        for _ in range(tries):
            if (await writer.execute(_TRY_LOCK)).scalar():
                return True
            await asyncio.sleep(0.1 if tries > 1 else 0.0)
        return False

    async def close(self) -> None:
        self._closing = True
        if self._task is not None:
            await self._jobs.join()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._drop_writer()
        await self._engine.dispose()

    async def write(self, unit: Unit[T]) -> T:
        if self._task is None:
            raise StorageError("The database is closed.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait(Job(unit, future))
        return await future

    async def read(self, unit: Unit[T]) -> T:
        try:
            async with self._reading.connect() as connection:
                return await connection.run_sync(unit)
        except (DBAPIError, OSError) as error:
            if isinstance(error, DBAPIError) and not is_database_fault(error):
                raise
            raise StorageError(f"The database cannot be read: {words(error)}.") from error

    async def tidy(self) -> bool:
        """PostgreSQL keeps old versions of rows until its own VACUUM, and its log for as long as it is set to."""
        return True

    async def _run(self) -> None:
        while True:
            jobs = [await self._jobs.get()]
            while len(jobs) < GROUP and not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            try:
                await self._run_patiently(jobs)
                deliver(jobs)
            finally:
                for _ in jobs:
                    self._jobs.task_done()

    async def _drop_writer(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2.0):
                    await writer.invalidate()
                    await writer.close()

    async def _run_patiently(self, jobs: list[Job]) -> None:
        until = time.monotonic() + PATIENCE
        pause = 0.05
        while True:
            try:
                if self._writer is None:
                    self._writer = await self._connect()
                await self._writer.run_sync(run_group, [job for job in jobs if job.outcome is None])
            except Exception as error:
                await self._drop_writer()
                self.problem = f"the database cannot commit: {words(error)}"
                if time.monotonic() < until and not self._closing:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 1.0)
                    continue
                fail(jobs, error)
            else:
                self.problem = None
            return


_TRY_LOCK = text("select pg_try_advisory_lock(7010301)")
_SESSION = text("select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()")
_END_SESSION = text(
    "select pg_terminate_backend(pid) from pg_stat_activity where pid = :pid and backend_start = :started"
)
