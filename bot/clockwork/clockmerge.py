"""Promises when two customers become one, and two again. Units.

* Merged: the clocks of a case that ends in favour of another stop. Of two that promise the same, the one that is due sooner
  counts: with the same policy that is the one that began first. Where only the case that ended had somebody waiting, the other
  gets a clock that began when that one did.
* A reply that comes back, or is taken back, after its case was merged away: as if that had been before the merge.
* Parted: what the merge had stopped goes on as if it never had been, and each side's clocks begin when they had begun. What
  was answered meanwhile is told by the cases, whose messages have been divided: who does not wait any more has been answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from bot.clockwork import clocks, recount
from bot.clockwork.book import (
    ANSWERED,
    MERGED,
    NONE,
    PARTED,
    RESOLVED,
    SUPERSEDED,
    Book,
    book_of,
    facts_of,
    goes_on,
)
from bot.clockwork.promises import Kind, Terms
from bot.clockwork.unanswered import Void
from bot.desk import Status
from bot.policy import CorePolicy
from bot.storage import cases, history
from bot.storage import clocks as rows
from bot.storage.clocks import Clock

_ANSWERS = (Kind.FIRST, Kind.NEXT)


def merged(
    connection: Connection, policy: CorePolicy, survivor_id: int, joined: Mapping[int, int], now: float
) -> None:
    """Two customers are one now. ``joined`` leads from a case that ended to the one that goes on instead."""
    for ended, instead in joined.items():
        was = book_of(connection, ended)
        book = book_of(connection, instead)
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


def void(
    connection: Connection,
    policy: CorePolicy,
    ended: int,
    message_id: int,
    left: Void,
    now: float,
    reason: str,
) -> None:
    """A reply in a case that a merge has ended does not count any more. As if it never had when the merge happened: what it had
    ended is taken over by the case that goes on, and begins when it had begun.
    """
    merged_away = cases.case(connection, ended)
    instead = goes_on(connection, ended)
    if merged_away is None or instead is None or instead.id != left.case.id:
        return  # an unmerge has given it back since, and told its clocks
    was, book = Book(connection, merged_away), Book(connection, left.case)
    over = merged_away.resolved_at or now
    for one in rows.stopped_by(connection, message_id):
        if one.conversation_id == ended:
            _not_answered(policy, was, book, one, message_id, left, over, now, reason)
    if left.since is not None and left.case.status != Status.RESOLVED:
        for one in rows.all_of(connection, ended):
            if one.kind == Kind.RESOLUTION and one.cause == MERGED:
                was.void(one, left.since, reason, now, over)
    was.close()
    book.close()
    again = book_of(connection, left.case.id)
    again.follow(now, reason)
    again.close()
    recount.reapply(connection, policy, left.case.id, now, MERGED)


def _not_answered(
    policy: CorePolicy,
    was: Book,
    book: Book,
    one: Clock,
    message_id: int,
    left: Void,
    over: float,
    now: float,
    reason: str,
) -> None:
    """A clock of the case that ended: another reply has stopped it, or it goes on where the case does."""
    back = was.again(one, reason, now, message_id)
    if left.case.status == Status.RESOLVED:
        was.put(replace(one, cause=RESOLVED, stopped_by=None))
        return
    was.recount(back, over if left.other is None else left.other[1])
    again = was.find(one.id)
    if left.other is not None:
        was.stop(again, ANSWERED, left.other[1], message_id=left.other[0])
        return
    _take_over(policy, book, [again], one.conversation_id, now)
    was.stop(again, MERGED, over)
    for newer in rows.all_of(was.connection, one.conversation_id):
        if newer.id != one.id and newer.kind in _ANSWERS and newer.cause == MERGED:
            was.note(newer, "stop", SUPERSEDED, now)
            was.put(replace(newer, cause=SUPERSEDED))


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
    for one in book.open:
        if one.kind == Kind.NEXT and _of_other(connection, one):
            book.stop(one, PARTED, now)
    asked = [one for one in book.open if one.kind in _ANSWERS]
    if not waits:
        for one in asked:
            book.stop(one, ANSWERED if book.case.last_out_at else PARTED, answered_at)
    elif not asked:
        since = book.case.waiting_since or now
        ends = [one for one in map(book.latest, every) if one.kind in _ANSWERS and one.cause == ANSWERED]
        last = next((one for one in reversed(ends) if one.started_at <= since), None)
        if last is not None and (last.stopped_at or 0.0) >= since:
            _again(book, last, now)
    book.follow(now, PARTED)
    book.close()
    recount.promise(connection, policy, case_id, now, book.case.waiting_since or now)


def _of_other(connection: Connection, one: Clock) -> bool:
    """Whether a clock began with words that are somebody else's again."""
    said = history.get(connection, one.message_id) if one.message_id is not None else None
    case = goes_on(connection, said.conversation_id) if said is not None else None
    return case is not None and case.id != one.conversation_id


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
    book.recount(book.again(one, PARTED, max(at, one.stopped_at or at)), at)
