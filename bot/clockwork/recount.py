"""What is open is counted anew where other terms hold now: other rules, priority, attributes, tags, team. Units.

A promise that is broken stays as it was broken. What ended because nothing was promised any more goes on as if it never had,
where something is again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from bot.clockwork import clocks
from bot.clockwork.book import ENDED, NO_PROMISE, NONE, UNPROMISED, Book, book_of, facts_of
from bot.clockwork.promises import Kind
from bot.desk import Status
from bot.policy import CorePolicy
from bot.storage import clocks as rows
from bot.storage.clocks import Clock


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
