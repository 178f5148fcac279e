"""Units that share a transaction: run together, told apart when one of them raises, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from bot.errors import StorageError

log = structlog.get_logger(__name__)

T = TypeVar("T")
Unit = Callable[[Connection], T]


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
        if is_database_fault(error):
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


def is_database_fault(error: BaseException) -> bool:
    """Whether the database, not the unit, is to blame: lost, locked, full, failing. A broken constraint is the unit's."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state)[:2] in _SERVERS_FAULT
    return isinstance(error, OperationalError)


def deliver(jobs: list[Job]) -> None:
    """Gives the callers what came of their units."""
    for job in jobs:
        if job.future.done() or job.outcome is None:
            continue
        result, error = job.outcome
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)


def fail(jobs: list[Job], error: BaseException) -> None:
    """Tells the callers of jobs that were not committed."""
    waiting = [job for job in jobs if job.outcome is None]
    log.error("storage.commit_failed", error=words(error), units=len(waiting))
    for job in waiting:
        job.outcome = (None, StorageError(f"Nothing was stored: {words(error)}."))


def words(error: BaseException) -> str:
    """The database's own words, without the statement and its values: those may hold what customers wrote."""
    origin = cast("BaseException | None", getattr(error, "orig", None))
    return str(origin or error).split("\n")[0][:200]
