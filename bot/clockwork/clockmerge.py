"""Promises when two customers become one, and two again. Units.

* Merged: the clocks of a case that ends in favour of another stop. Of two that promise the same, the one that is due sooner
  counts: with the same policy that is the one that began first. Where only the case that ended had somebody waiting, the other
  gets a clock that began when that one did.
* Parted: what the merge had stopped goes on as if it never had been, and each side's clocks begin when they had begun. What
  was answered meanwhile is told by the cases, whose messages have been divided: who does not wait any more has been answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from bot.clockwork import clocks, recount
from bot.clockwork.book import ANSWERED, MERGED, NONE, PARTED, Book, book_of, facts_of
from bot.clockwork.promises import Kind, Terms
from bot.desk import Status
from bot.policy import CorePolicy
from bot.storage import clocks as rows
from bot.storage.clocks import RUNNING, Clock

_ANSWERS = (Kind.FIRST, Kind.NEXT)


def merged(
    connection: Connection, policy: CorePolicy, survivor_id: int, joined: Mapping[int, int], now: float
) -> None:
    """Two customers are one now. ``joined`` leads from a case that ended to the one that goes on instead."""
    for ended, goes_on in joined.items():
        was = book_of(connection, ended)
        book = book_of(connection, goes_on)
        _take_over(policy, book, was.open, ended, now)
        book.follow(now, MERGED)
        for one in was.open:
            was.stop(one, MERGED, now)
        was.close()
        book.close()
    recount.reapply_all(connection, policy, survivor_id, now, MERGED)


def _take_over(policy: CorePolicy, book: Book, theirs: list[Clock], ended: int, now: float) -> None:
    for kinds in (_ANSWERS, (Kind.RESOLUTION,)):
        other = min(
            (one for one in theirs if one.kind in kinds), key=lambda one: one.started_at, default=None
        )
        own = next((one for one in book.open if one.kind in kinds), None)
        if other is None:
            continue
        if own is None:
            kind = Kind.NEXT if kinds is _ANSWERS and book.case.clocks[0] != NONE else kinds[0]
            terms = policy.promises.terms(facts_of(book.connection, policy, book.case, other.inbox), kind)
            book.start(kind, terms, other.inbox, other.message_id, other.started_at)
        elif _sooner(other, own):
            detail = {
                "from": own.started_at,
                "to": other.started_at,
                "inbox": own.inbox,
                "terms": [own.policy, own.target, own.hours, list(own.steps)],
                "case": ended,
            }
            book.note(own, "joined", MERGED, now, detail=detail)
            taken = clocks.with_terms(own, clocks.terms_of(other))
            book.recount(replace(taken, started_at=other.started_at, inbox=other.inbox), now)


def _sooner(other: Clock, own: Clock) -> bool:
    """Whether the other is due before ours; where one of them rests, whether it began before."""
    if other.due_at is None or own.due_at is None:
        return other.started_at < own.started_at
    return other.due_at < own.due_at


def parted(
    connection: Connection, policy: CorePolicy, case_ids: Iterable[int], customers: Iterable[int], now: float
) -> None:
    """Two customers are two again. ``case_ids``: the cases in which both had a part, and those they have instead."""
    for case_id in sorted(set(case_ids)):
        _part(connection, policy, case_id, now)
    for customer_id in customers:
        recount.reapply_all(connection, policy, customer_id, now, PARTED)


def _part(connection: Connection, policy: CorePolicy, case_id: int, now: float) -> None:
    book = book_of(connection, case_id)
    every = rows.all_of(connection, case_id)
    for one in every:
        _own_start(book, book.latest(one), now)
    waits = book.case.waiting_since is not None and book.case.status != Status.RESOLVED
    answered_at = now if waits else min(book.case.last_out_at or now, now)
    for one in every:
        if one.cause == MERGED and one.stopped_at is not None and book.case.status != Status.RESOLVED:
            _again(book, book.latest(one), answered_at if one.kind in _ANSWERS else now)
    asked = [one for one in book.open if one.kind in _ANSWERS]
    if not waits:
        for one in asked:
            book.stop(one, ANSWERED if book.case.last_out_at else PARTED, answered_at)
    elif not asked:
        last = next((one for one in reversed(every) if one.kind in _ANSWERS and one.cause == ANSWERED), None)
        if last is not None and (last.stopped_at or 0.0) >= (book.case.waiting_since or now):
            _again(book, book.latest(last), now)
    book.follow(now, PARTED)
    book.close()
    recount.promise(connection, policy, case_id, now, book.case.waiting_since or now)


def _own_start(book: Book, one: Clock, now: float) -> None:
    """It begins when it had begun before the merge; late by the other's start it is not."""
    first = next((event for event in book.history(one) if event.what == "joined" and event.detail), None)
    if first is None or first.detail is None:
        return
    began = float(first.detail["from"])
    if began == one.started_at:
        return
    policy, target, packed, steps = first.detail["terms"]
    own = clocks.with_terms(one, Terms(policy, target, packed, tuple(steps)))
    book.note(one, "parted", PARTED, now, detail={"from": one.started_at, "to": began})
    at = one.stopped_at if one.stopped_at is not None else now
    book.recount(replace(own, started_at=began, inbox=first.detail["inbox"], breached_at=None), at)


def _again(book: Book, one: Clock, at: float) -> None:
    """A clock that the merge, or an answer to the other, had stopped; late by ``at`` or not at all."""
    now = max(at, one.stopped_at or at)
    stop = next(event for event in reversed(book.history(one)) if event.what == "stop")
    was = stop.detail or {}
    book.note(one, "back", PARTED, now, message_id=stop.message_id)
    back = replace(
        one, state=was.get("state", RUNNING), cause=was.get("cause"), stopped_at=None, stopped_by=None
    )
    book.recount(back, at)
