"""What is open is counted anew where other terms hold now: other rules, priority, attributes, tags, team. Units, and a pass.

A promise that is broken stays as it was broken. The pass at the start of the bot goes over every case that is not resolved
where app.yaml promises something else than when the bot ran last; cases that have no clocks yet get them then.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot import clocks
from bot.book import ENDED, NO_PROMISE, NONE, UNPROMISED, Book, book_of, facts_of
from bot.desk import Status
from bot.policy import CorePolicy
from bot.promises import Kind
from bot.storage import clocks as rows
from bot.storage import jobs
from bot.storage.clocks import Clock
from bot.storage.database import Database

log = structlog.get_logger(__name__)

JOB = "promises"
"""The kind of the job, and its subject: there is one."""
CHUNK = 100
"""Cases that one transaction counts anew."""
CHANGED = "app.yaml was changed"


def reapply(
    connection: Connection,
    policy: CorePolicy,
    case_id: int,
    now: float,
    reason: str,
    agent: str | None = None,
) -> bool:
    """Counts what is open of a case anew, where other terms hold now. Returns whether anything changed.

    ``reason`` in a few words, for the ledger.
    """
    book = book_of(connection, case_id)
    changed = [_reapply(policy, book, one, now, reason, agent) for one in book.open]
    if ENDED in book.case.clocks:
        changed += _promised_again(policy, book, now, reason)
    if any(changed):
        book.close()
    if UNPROMISED in book.case.clocks:
        changed.append(promise(connection, policy, case_id, now, now))
    return any(changed)


def _promised_again(policy: CorePolicy, book: Book, now: float, reason: str) -> list[bool]:
    """What had ended because nothing was promised any more goes on as if it never had, where something is again."""
    case = book.case
    if case.status == Status.RESOLVED:
        return []
    newest = {one.kind: one for one in rows.all_of(book.connection, case.id)}
    back: list[bool] = []
    for one in newest.values():
        asked = one.kind != Kind.RESOLUTION
        if one.cause != NO_PROMISE or book.of(one.kind) is not None or (asked and case.waiting_since is None):
            continue
        terms = policy.promises.terms(facts_of(book.connection, policy, case, one.inbox), Kind(one.kind))
        if terms is None:
            continue
        stop = next(event for event in reversed(book.history(one)) if event.what == "stop")
        was = stop.detail or {}
        book.note(one, "back", reason, now)
        again = replace(
            clocks.with_terms(one, terms),
            state=was.get("state", "running"),
            cause=was.get("cause"),
            stopped_at=None,
        )
        book.recount(again, now, late_from=now)
        back.append(True)
    book.follow(now, reason)
    return back


def _reapply(policy: CorePolicy, book: Book, one: Clock, now: float, reason: str, agent: str | None) -> bool:
    if one.breached_at is not None or clocks.late_by(one, now) is not None:
        return False
    terms = policy.promises.terms(facts_of(book.connection, policy, book.case, one.inbox), Kind(one.kind))
    if terms is None:
        book.stop(one, NO_PROMISE, now, agent=agent)
        return True
    if terms == clocks.terms_of(one):
        return False
    anew = clocks.with_terms(one, terms)
    book.note(one, "policy", reason, now, agent=agent, detail={"from": _told(one), "to": _told(anew)})
    book.recount(anew, now, late_from=now)
    return True


def _told(one: Clock) -> dict[str, Any]:
    return {"policy": one.policy, "target": one.target, "hours": one.hours}


def reapply_all(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    now: float,
    reason: str,
    agent: str | None = None,
) -> None:
    """The same for every case of a customer that is not resolved: their attributes have changed."""
    for case_id in rows.open_cases(connection, customer_id):
        reapply(connection, policy, case_id, now, reason, agent)


def promise(connection: Connection, policy: CorePolicy, case_id: int, now: float, since: float) -> bool:
    """Starts the clocks that an open case should have and has not: nothing was promised before. ``since``: from when."""
    book = book_of(connection, case_id)
    case = book.case
    if case.status != Status.OPEN or case.waiting_since is None:
        return False
    inbox = rows.newest_inbox(connection, case_id)
    if inbox is None:
        return False
    kinds = [Kind.RESOLUTION] if case.clocks[2] in (NONE, UNPROMISED) else []
    if book.of(Kind.FIRST) is None and book.of(Kind.NEXT) is None:
        fresh = case.clocks[0] in (NONE, UNPROMISED) and case.first_out_at is None
        kinds.append(Kind.FIRST if fresh else Kind.NEXT)
    facts = facts_of(connection, policy, case, inbox)
    found = {kind: policy.promises.terms(facts, kind) for kind in kinds}
    if found.get(Kind.FIRST, True) is None:
        found[Kind.NEXT] = policy.promises.terms(facts, Kind.NEXT)
    if not any(found.values()):
        return False
    for kind, terms in found.items():
        book.start(kind, terms, inbox, None, since)
    book.close()
    return True


class Recounting:
    """The pass at the start. ``clock`` gives epoch seconds."""

    def __init__(
        self, database: Database, policy: CorePolicy, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock

    async def run(self) -> int:
        """Returns how many cases were counted anew. Ended by a crash it goes on where it was."""
        changed, more = 0, await self._database.write(partial(begin, policy=self._policy, now=self._clock()))
        while more:
            here, more = await self._database.write(partial(chunk, policy=self._policy, now=self._clock()))
            changed += here
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


def chunk(connection: Connection, *, policy: CorePolicy, now: float) -> tuple[int, bool]:
    """Goes over the next cases: how many changed, and whether there are more."""
    job = jobs.find(connection, JOB, JOB)
    if job is None or job.state != jobs.WAITING:
        return 0, False
    progress = json.loads(job.progress)
    found = rows.unresolved_after(connection, progress["after"], CHUNK)
    changed = 0
    for case_id in found:
        anew = reapply(connection, policy, case_id, now, CHANGED)
        changed += promise(connection, policy, case_id, now, now) or anew
    more = len(found) == CHUNK
    progress["after"] = found[-1] if found else progress["after"]
    jobs.progressed(connection, job.id, progress, now, state=jobs.WAITING if more else jobs.DONE)
    return changed, more
