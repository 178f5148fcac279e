"""After a change of app.yaml: every case that is not resolved is counted anew, in chunks, once.

The digest of what is promised is kept with how far the pass has come, so a crash in between loses nothing and a start with the
same app.yaml does nothing. Cases from before there were promises get their clocks then, from that moment on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy import Connection

from bot import replies
from bot.clockwork import recount
from bot.policy import CorePolicy
from bot.storage import cases, jobs
from bot.storage import clocks as rows
from bot.storage.database import Database

log = structlog.get_logger(__name__)

JOB = "promises"
"""The kind of the job, and its subject: there is one."""
CHUNK = 100
"""Cases that one transaction counts anew."""
AGAIN = 60.0
"""Seconds until a pass that failed goes on."""
CHANGED = "app.yaml was changed"


class Recounting:
    """The pass. ``clock`` gives epoch seconds, ``wake`` tells the outbox."""

    def __init__(
        self,
        database: Database,
        policy: CorePolicy,
        wake: Callable[[set[str]], None] = lambda buckets: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._policy = policy
        self._wake = wake
        self._clock = clock

    async def keep(self) -> None:
        """Until it is done: a pass that fails goes on in a minute."""
        while True:
            try:
                await self.run()
            except Exception as error:
                log.exception("promises.pass_failed", error=type(error).__name__)
                await asyncio.sleep(AGAIN)
            else:
                return

    async def run(self) -> int:
        """Returns how many cases were counted anew."""
        changed = 0
        more = await self._database.write(partial(begin, policy=self._policy, now=self._clock()))
        while more:
            unit = partial(chunk, policy=self._policy, now=self._clock())
            here, buckets, more = await self._database.write(unit)
            changed += here
            if buckets:
                self._wake(buckets)
            await asyncio.sleep(0)
        if changed:
            log.info("promises.counted_anew", cases=changed)
        return changed


def begin(connection: Connection, *, policy: CorePolicy, now: float) -> bool:
    """Whether there is something to go over: app.yaml promises something else, or the last pass was not finished."""
    digest = policy.promises.digest()
    known = jobs.find(connection, JOB, JOB)
    if known is None:
        jobs.add(connection, JOB, JOB, {"digest": digest, "after": 0}, now)
        return True
    if json.loads(known.progress)["digest"] != digest:
        jobs.progressed(connection, known.id, {"digest": digest, "after": 0}, now)
        return True
    return bool(known.state == jobs.WAITING)


def chunk(connection: Connection, *, policy: CorePolicy, now: float) -> tuple[int, set[str], bool]:
    """Goes over the next cases: how many changed, what to wake, and whether there are more."""
    job = jobs.find(connection, JOB, JOB)
    if job is None or job.state != jobs.WAITING:
        return 0, set(), False
    progress = json.loads(job.progress)
    found = rows.unresolved_after(connection, progress["after"], CHUNK)
    changed, buckets = 0, set[str]()
    for case_id in found:
        anew = recount.reapply(connection, policy, case_id, now, CHANGED)
        if recount.promise(connection, policy, case_id, now, now) or anew:
            changed += 1
            buckets |= _card(connection, policy, case_id, now)
    more = len(found) == CHUNK
    progress["after"] = found[-1] if found else progress["after"]
    jobs.progressed(connection, job.id, progress, now, state=jobs.WAITING if more else jobs.DONE)
    return changed, buckets, more


def _card(connection: Connection, policy: CorePolicy, case_id: int, now: float) -> set[str]:
    case = cases.case(connection, case_id)
    return replies.refresh_card(connection, policy, case.customer_id, case.team, now) if case else set()
