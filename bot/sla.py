"""Promises to customers: which clock starts, rests, goes on and ends when. Units, called where the case itself changes.

* **First response**: from the first message of a case that a person has to answer until the first human reply that the channel
  has accepted. **Next response**: from the oldest message that nobody has answered until such a reply; one at a time.
  **Resolution**: from the same first message until the case is resolved; a case that is opened again starts another.
* Notes, automatic answers and automated mail answer nothing and start nothing; nor does a blocked customer.
* A reply that comes back, or that an agent takes back after it was sent, counts as never sent: what it had stopped goes on as
  if it had not been, and may be late at once.
* Next response and resolution rest while the case waits for the customer (pending, snoozed); first response does not. All rest
  while a lead has paused them.
* Where nothing is promised first, the promise of a next response holds from the first message on.
* Late is late: a promise that was broken stays so, whoever answers then and whatever the rules become.
* What is open is counted anew when other terms hold (``recount.py``), and follows merges (``clockmerge.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from bot.clockwork import clockmerge, clocks, recount
from bot.clockwork.book import (
    ANSWERED,
    BLOCKED,
    BY_HAND,
    ENDED,
    ERASED,
    FRESH,
    NONE,
    RESOLVED,
    RESTS,
    RUNS,
    SUPERSEDED,
    UNPROMISED,
    Book,
    book_of,
    facts_of,
    goes_on,
    new_row,
)
from bot.clockwork.clocks import Passed
from bot.clockwork.promises import KINDS, Facts, Kind
from bot.clockwork.unanswered import Void
from bot.desk import Status
from bot.errors import UserError
from bot.policy import CorePolicy, InboxPolicy
from bot.storage import clocks as rows
from bot.storage import tags
from bot.storage.clocks import PAUSED, Clock, Happened


@dataclass(frozen=True, slots=True)
class Opening:
    """What is promised with a new case, before it has a number. ``columns`` go with the row of the case."""

    columns: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...] = ()


_NOTHING = Opening({})


def opening(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    customer_id: int | None,
    now: float,
) -> Opening:
    """What is promised to somebody whose message opens a case. ``customer_id`` None: nobody knows anything of them."""
    promises = policy.promises
    if not promises.rules:
        return _NOTHING
    said: Mapping[str, str] = {}
    if customer_id is not None and promises.by_attribute:
        said = rows.attributes_of(connection, customer_id)
    facts = Facts(inbox.id, inbox.channel, inbox.team, attributes=said)
    made: list[Mapping[str, Any]] = []
    letters = dict.fromkeys(KINDS, NONE)
    for kind in (Kind.FIRST, Kind.RESOLUTION):
        _promise(policy, facts, kind, now, made, letters)
    if letters[Kind.FIRST] == UNPROMISED:
        _promise(policy, facts, Kind.NEXT, now, made, letters)
    due, of = min(((row["due_at"], row["which"]) for row in made), default=(None, None))
    return Opening({"clocks": "".join(letters.values()), "due_at": due, "due_kind": of}, tuple(made))


def _promise(
    policy: CorePolicy,
    facts: Facts,
    kind: Kind,
    now: float,
    made: list[Mapping[str, Any]],
    letters: dict[Kind, str],
) -> None:
    terms = policy.promises.terms(facts, kind)
    letters[kind] = UNPROMISED if terms is None else RUNS
    if terms is not None:
        made.append(new_row(0, kind, terms, facts.inbox, None, now))


def said(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    case: Any | Opening | None,
    case_id: int,
    message_id: int,
    now: float,
) -> None:
    """A customer said something. ``case``: what ``opening`` gave for a new one, what ``cases.heard`` gave for an open one,
    None where nobody has to answer. Where everything runs already it costs nothing.
    """
    if isinstance(case, Opening):
        rows.add(connection, [{**row, "case": case_id, "message": message_id} for row in case.rows])
    elif case is not None:
        _heard(connection, policy, inbox, case, message_id, now)


def _heard(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, case: Any, message_id: int, now: float
) -> None:
    first, following, resolution = case.clocks
    if not policy.promises.rules and case.clocks == FRESH:
        return
    wanted = [Kind.RESOLUTION] if resolution in (NONE, ENDED) else []
    if first == NONE:
        wanted.append(Kind.FIRST)
    elif first in (ENDED, UNPROMISED) and following in (NONE, ENDED):
        wanted.append(Kind.NEXT)
    if RESTS in case.clocks:
        book = book_of(connection, case.id)
        book.follow(now, "they wrote", message_id=message_id)
        _start(book, policy, inbox, _facts(connection, policy, inbox, case), wanted, message_id, now)
        book.close()
    elif wanted:
        _start_only(connection, policy, inbox, case, wanted, message_id, now)


def _start_only(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    case: Any,
    wanted: list[Kind],
    message_id: int,
    now: float,
) -> None:
    """Clocks start beside others that run: those are not looked at."""
    facts = _facts(connection, policy, inbox, case)
    made: list[Mapping[str, Any]] = []
    letters = dict(zip(KINDS, case.clocks, strict=True))
    for kind in wanted:
        _promise(policy, facts, kind, now, made, letters)
    if Kind.FIRST in wanted and letters[Kind.FIRST] == UNPROMISED:
        _promise(policy, facts, Kind.NEXT, now, made, letters)
    rows.add(connection, [{**row, "case": case.id, "message": message_id} for row in made])
    due = [(row["due_at"], row["which"]) for row in made]
    if case.due_at is not None:
        due.append((case.due_at, case.due_kind))
    at, kind_due = min(due, default=(None, None))
    rows.show(connection, case.id, "".join(letters.values()), at, kind_due)


def _start(
    book: Book,
    policy: CorePolicy,
    inbox: InboxPolicy,
    facts: Facts,
    wanted: Iterable[Kind],
    message_id: int | None,
    now: float,
) -> None:
    for kind in wanted:
        terms = policy.promises.terms(facts, kind)
        book.start(kind, terms, inbox.id, message_id, now)
        if kind is Kind.FIRST and terms is None:
            book.start(Kind.NEXT, policy.promises.terms(facts, Kind.NEXT), inbox.id, message_id, now)


def _facts(connection: Connection, policy: CorePolicy, inbox: InboxPolicy, case: Any) -> Facts:
    """What rules look at, from what ``cases.heard`` returned."""
    tagged = frozenset(tags.tags_of(connection, case.id)) if policy.promises.by_tag else frozenset[str]()
    said = rows.split_attributes(case.said)
    return Facts(inbox.id, inbox.channel, case.team, case.priority, said, tagged)


def answered(connection: Connection, row: Any, now: float) -> None:
    """A reply has been accepted by the channel. ``row`` is its message; the status of the case says already what follows."""
    if row.automated is not None:
        return
    case = goes_on(connection, row.conversation_id)
    if case is None or case.clocks == FRESH:
        return
    book = Book(connection, case)
    for one in book.open:
        if one.kind != Kind.RESOLUTION:
            book.stop(one, ANSWERED, now, message_id=row.id)
    if case.status == Status.RESOLVED and row.created_at < (case.resolved_at or 0.0):
        _answered_after_all(connection, book, row.id, now)
    book.follow(now, ANSWERED, message_id=row.id)
    book.close()


def _answered_after_all(connection: Connection, book: Book, message_id: int, now: float) -> None:
    """A case was resolved while its answer was on its way: the promise was kept all the same."""
    ended = [
        one
        for one in rows.all_of(connection, book.case.id)
        if one.kind != Kind.RESOLUTION and one.cause == RESOLVED and one.stopped_at == book.case.resolved_at
    ]
    for one in ended:
        book.note(one, "stop", ANSWERED, now, message_id=message_id)
        book.put(replace(one, cause=ANSWERED, stopped_by=message_id))


def void(connection: Connection, policy: CorePolicy, row: Any, left: Void, now: float, reason: str) -> None:
    """A reply that had been accepted does not count any more. The status of the case says already whether they wait again.

    What it had ended in a case that a merge has ended since goes on in the one that goes on instead.
    """
    case = left.case
    stopped = rows.stopped_by(connection, row.id)
    if case.clocks == FRESH and not stopped:
        return
    book = Book(connection, case)
    for one in stopped:
        if one.conversation_id == case.id:
            _put_back(book, one, row.id, left.other, now, reason)
    resolution = book.of(Kind.RESOLUTION)
    if resolution is not None and left.since is not None:
        book.void(resolution, left.since, reason, now, now)
    book.follow(now, reason)
    book.close()
    for ended in sorted({row.conversation_id, *(one.conversation_id for one in stopped)} - {case.id}):
        clockmerge.void(connection, policy, ended, row.id, left, now, reason)


def _put_back(
    book: Book, one: Clock, message_id: int, other: tuple[int, float] | None, now: float, reason: str
) -> None:
    """A clock that this reply had stopped: it goes on, or another reply has stopped it."""
    back = book.again(one, reason, now, message_id)
    if book.case.status == Status.RESOLVED:
        book.put(replace(one, cause=RESOLVED, stopped_by=None))
        return
    book.recount(back, now if other is None else other[1])
    again = book.find(one.id)
    if other is not None:
        book.stop(again, ANSWERED, other[1], message_id=other[0])
        return
    for newer in book.open:
        if newer.id != one.id and newer.kind != Kind.RESOLUTION:
            book.stop(newer, SUPERSEDED, now)


def moved(
    connection: Connection,
    policy: CorePolicy,
    case_id: int,
    now: float,
    reason: str,
    agent: str | None = None,
) -> None:
    """The status of a case has changed (resolved, reopened, pending, snoozed, woken): its clocks follow.

    ``reason`` in a few words, for the ledger. A case that is opened again starts another clock for its resolution.
    """
    book = book_of(connection, case_id)
    if book.case.clocks == FRESH:
        return
    over = book.case.clocks[2] == ENDED and book.case.status != Status.RESOLVED
    book.follow(now, reason, agent=agent)
    ended = [one for one in rows.all_of(connection, case_id) if one.kind == Kind.RESOLUTION] if over else []
    if ended and ended[-1].cause == RESOLVED:
        newest = ended[-1]
        facts = facts_of(connection, policy, book.case, newest.inbox)
        book.start(Kind.RESOLUTION, policy.promises.terms(facts, Kind.RESOLUTION), newest.inbox, None, now)
    book.close()


def changed(
    connection: Connection, policy: CorePolicy, case_id: int, now: float, reason: str, agent: str | None
) -> None:
    """An agent changed something of a case: its status, or what rules look at. ``reason``: what they did, in a word."""
    moved(connection, policy, case_id, now, reason, agent)
    recount.reapply(connection, policy, case_id, now, reason, agent)


def hold(connection: Connection, case_id: int, now: float, reason: str, agent: str) -> int:
    """A lead pauses every open clock of a case. Returns how many. ``UserError`` where there is nothing to pause."""
    book = book_of(connection, case_id)
    held = [one for one in book.open if not (one.state == PAUSED and one.cause == BY_HAND)]
    if not held:
        raise UserError("No clock runs for this customer, so there is nothing to pause.")
    for one in held:
        book.pause(one, BY_HAND, now, reason=reason, agent=agent)
    book.close()
    return len(held)


def go_on(
    connection: Connection, case_id: int, now: float, agent: str, cause: str = BY_HAND, reason: str = BY_HAND
) -> int:
    """What a lead had paused goes on; where the case waits for the customer, it rests for that. Returns how many."""
    book = book_of(connection, case_id)
    held = [one for one in book.open if one.state == PAUSED and one.cause == cause]
    for one in held:
        book.resume(one, now, reason, agent=agent)
    book.follow(now, reason, agent=agent)
    book.close()
    return len(held)


def kept_apart(
    connection: Connection,
    customer_id: int,
    on: bool,
    now: float,
    reason: str | None = None,
    agent: str = "",
) -> None:
    """A customer was blocked, quarantined or called spam, or is not any more: their clocks rest, or go on."""
    for case_id in rows.open_cases(connection, customer_id):
        if not on:
            go_on(connection, case_id, now, agent, BLOCKED, reason or "let in again")
            continue
        book = book_of(connection, case_id)
        for one in book.open:
            book.pause(one, BLOCKED, now, reason=reason or BLOCKED, agent=agent or None)
        book.close()


def erased(connection: Connection, customer_id: int, now: float) -> None:
    """A customer was erased: what is open ends."""
    for case_id in rows.open_cases(connection, customer_id):
        book = book_of(connection, case_id)
        for one in book.open:
            book.stop(one, ERASED, now)
        book.close()


def due(connection: Connection, now: float, most: int = 200) -> tuple[Passed, ...]:
    """The steps that have come, each noted in the ledger in this transaction: so each is returned once, ever.

    At most ``most`` clocks are looked at; call it again while it returns something.
    """
    found: list[Passed] = []
    moved_on: list[tuple[int, int, float | None, float | None]] = []
    events: list[Happened] = []
    for one in rows.claim_due(connection, now, most):
        after, steps = clocks.passed(one, now)
        moved_on.append((after.id, after.step, after.next_at, after.breached_at))
        found += steps
        events += [_noted(step, now) for step in steps]
    rows.stepped(connection, moved_on)
    rows.write(connection, events)
    return tuple(found)


def _noted(step: Passed, now: float) -> Happened:
    if step.new:
        return Happened(step.clock.id, step.at, "breach", "not answered in time")
    return Happened(step.clock.id, now, "step", f"{step.percent:g} %", detail={"due": step.at})
