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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.errors import ConfigError, StorageError

log = structlog.get_logger(__name__)

T = TypeVar("T")
Unit = Callable[[Connection], T]

GROUP = 256
"""The most units that share a transaction: bounds how long the first one waits for the last."""
PATIENCE = 60.0
"""Seconds that a unit waits for a locked or lost database before its caller is told."""
BUSY = 1.0
"""Seconds that SQLite waits for another process's lock before we hear of it."""


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


@dataclass(slots=True)
class Job:
    """A unit that waits, and its caller. ``outcome`` is set once it is settled: a group that runs again leaves it out."""

    unit: Unit[Any]
    future: asyncio.Future[Any]
    outcome: tuple[Any, BaseException | None] | None = None


def run_group(connection: Connection, jobs: list[Job], begin: str | None = None) -> None:
    """Runs the units of jobs in one transaction, or each in its own when one of them raises.

    Raises only what is the database's own fault; jobs that have no outcome then were not committed.
    ``begin`` is the statement that begins a transaction where the driver does not.
    """
    try:
        with connection.begin():
            if begin is not None:
                connection.exec_driver_sql(begin)
            results = [job.unit(connection) for job in jobs]
    except BaseException as error:
        if _is_database_fault(error):
            raise
        if len(jobs) == 1:
            jobs[0].outcome = (None, error)
            return
    else:
        for job, result in zip(jobs, results, strict=True):
            job.outcome = (result, None)
        return
    for job in jobs:
        run_group(connection, [job], begin)


_SERVERS_FAULT = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE: connection, rollback, resources (disk full), locks, shutdown, system, internal."""


def _is_database_fault(error: BaseException) -> bool:
    """Whether the database, not the unit, is to blame: lost, locked, full, failing. A broken constraint is the unit's."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state)[:2] in _SERVERS_FAULT
    return isinstance(error, OperationalError)


def _deliver(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future.done() or job.outcome is None:
            continue
        result, error = job.outcome
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)


def _fail(jobs: list[Job], error: BaseException) -> None:
    """Tells the callers of jobs that were not committed."""
    waiting = [job for job in jobs if job.outcome is None]
    log.error("storage.commit_failed", error=_words(error), units=len(waiting))
    for job in waiting:
        job.outcome = (None, StorageError(f"Nothing was stored: {_words(error)}."))


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
            if not _is_database_fault(error):
                raise
            raise StorageError(f"The database cannot be read: {_words(error)}.") from error

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
                loop.call_soon_threadsafe(_deliver, jobs)
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
                self.problem = f"the database cannot commit: {_words(error)}"
                if _is_locked(error) and time.monotonic() < until and not self._closing:
                    continue  # it waited for the lock BUSY seconds already
                _fail(jobs, error)
            else:
                self.problem = None
            return


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
                f"Cannot reach PostgreSQL: {_words(error)}. Check database.url and that the server runs."
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
            if isinstance(error, DBAPIError) and not _is_database_fault(error):
                raise
            raise StorageError(f"The database cannot be read: {_words(error)}.") from error

    async def _run(self) -> None:
        while True:
            jobs = [await self._jobs.get()]
            while len(jobs) < GROUP and not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            try:
                await self._run_patiently(jobs)
                _deliver(jobs)
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
                self.problem = f"the database cannot commit: {_words(error)}"
                if time.monotonic() < until and not self._closing:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 1.0)
                    continue
                _fail(jobs, error)
            else:
                self.problem = None
            return


_TRY_LOCK = text("select pg_try_advisory_lock(7010301)")
_SESSION = text("select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()")
_END_SESSION = text(
    "select pg_terminate_backend(pid) from pg_stat_activity where pid = :pid and backend_start = :started"
)


def _words(error: BaseException) -> str:
    """The database's own words, without the statement and its values: those may hold what customers wrote."""
    origin = cast("BaseException | None", getattr(error, "orig", None))
    return str(origin or error).split("\n")[0][:200]
