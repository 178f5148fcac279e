"""What comes at its time: one loop that sleeps until the nearest of all jobs, and does what is due.

Promises
--------
* Whatever is due is done once. A job's unit finds what is due in the database, does it and notes that it did, in ONE
  transaction; what it shows are deliveries of that same transaction. So a crash before the commit leaves it due, a crash
  after it leaves it done, and the outbox shows it once or says that it is uncertain.
* What came due while the bot was down, or while the machine's clock stood elsewhere, is done at the next look.
* Nothing is kept in memory: a look asks the database what comes next. ``poke`` says that this may have changed; without it
  the loop looks every few seconds all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from bot.storage.database import Database

log = structlog.get_logger(__name__)

LONGEST = 10.0
"""Seconds between looks at most: so a clock that was set forward is noticed."""
PASSES = 5
"""So often a look begins anew for what has come of what it did."""
GATHER = 0.25
"""Seconds in which pokes are gathered into one look."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a job did: buckets with new work, and whether more is due than it did in one go."""

    buckets: set[str]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done at its time.

    ``next_at`` is a unit that tells when the next comes (epoch seconds), None where nothing waits. ``run`` is a unit that does
    what is due at ``now``, a few at a time: a writer is never held for long.
    """

    name: str
    next_at: Callable[[Connection], float | None]
    run: Callable[[Connection, float], Done]


class Timers:
    """The loop. ``clock`` gives epoch seconds; ``wake`` tells the outbox."""

    def __init__(
        self,
        database: Database,
        jobs: Sequence[Job],
        wake: Callable[[set[str]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._jobs = tuple(jobs)
        self._wake = wake
        self._clock = clock
        self._woken = asyncio.Event()

    def poke(self) -> None:
        """Something may come sooner than was known."""
        self._woken.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            self._woken.clear()
            try:
                pause = await self.look()
            except Exception as error:
                log.exception("timers.failed", error=type(error).__name__)
                pause = LONGEST
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(pause, 0.0), LONGEST)):
                    await self._woken.wait()
                    await asyncio.sleep(GATHER)

    async def look(self) -> float:
        """Does everything that is due. Returns the seconds until the next comes, at most ``LONGEST``.

        One job that fails disturbs no other; it is tried again at the next look.
        """
        for _ in range(PASSES):
            did, pause = await self._pass()
            if not did:
                return pause
        return GATHER

    async def _pass(self) -> tuple[bool, float]:
        """Every job that is due, once. What one of them did may be due for another."""
        now = self._clock()
        coming = await self._database.read(self._coming)
        did, pause = False, LONGEST
        for job, at in zip(self._jobs, coming, strict=True):
            if at is not None and at > now:
                pause = min(pause, at - now)
            elif at is not None:
                try:
                    await self._do(job, now)
                    did = True
                except Exception as error:
                    log.exception("timers.job_failed", job=job.name, error=type(error).__name__)
        return did, pause

    def _coming(self, connection: Connection) -> list[float | None]:
        return [job.next_at(connection) for job in self._jobs]

    async def _do(self, job: Job, now: float) -> None:
        more = True
        while more:
            done = await self._database.write(lambda connection: job.run(connection, now))
            if done.buckets:
                self._wake(done.buckets)
            more = done.more
