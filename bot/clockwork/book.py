"""The open clocks of one case while they are changed: every change is a line in the ledger, all are written together.

A breach that has come and that nobody has noted yet is noted before anything else happens to its clock, so it does not depend
on when somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from bot.clockwork import clocks
from bot.clockwork.promises import KINDS, Facts, Kind, Terms
from bot.desk import Status
from bot.errors import UserError
from bot.messages import InboxId
from bot.policy import CorePolicy
from bot.storage import cases, people, tags, waits
from bot.storage import clocks as rows
from bot.storage.clocks import PAUSED, RUNNING, STOPPED, Clock, Happened

NONE, UNPROMISED, RUNS, RESTS, HELD, ENDED = "-", "n", "r", "p", "h", "s"
"""The letters of ``conversation.clocks``."""
FRESH = NONE * len(KINDS)

WAITING, SNOOZED, BY_HAND, BLOCKED = "waiting", "snoozed", "by hand", "blocked"
"""Why a clock rests. The first two end with the customer's words or a wake-up, the others by a person."""
_RESTING = {Status.PENDING: WAITING, Status.SNOOZED: SNOOZED}

ANSWERED, RESOLVED, NO_PROMISE, ERASED, SUPERSEDED = (
    "answered",
    "resolved",
    "no promise",
    "erased",
    "superseded",
)
MERGED, PARTED = "merged", "parted"
"""Why a clock ended."""
CAME_BACK, TAKEN_BACK = "the reply came back", "the reply was taken back"
"""Why a reply does not count any more."""


def letter(one: Clock) -> str:
    """What a clock does, in a letter."""
    if one.state == RUNNING:
        return RUNS
    if one.state == STOPPED:
        return ENDED
    return RESTS if one.cause in (WAITING, SNOOZED) else HELD


def nearest(open_clocks: list[Clock]) -> tuple[float | None, str | None]:
    """What comes due next, and of which kind."""
    due = [(one.due_at, one.kind) for one in open_clocks if one.state == RUNNING and one.due_at is not None]
    return min(due, default=(None, None))


class Book:
    """The open clocks of a case. ``case`` is its row. Nothing is written before ``close``."""

    def __init__(self, connection: Connection, case: Any) -> None:
        self.connection = connection
        self.case = case
        self._before = {one.id: one for one in rows.open_of(connection, case.id)}
        self._now = dict(self._before)
        self._events: list[Happened] = []
        self._new: list[dict[str, Any]] = []
        self._letters: dict[str, str] = {}

    @property
    def open(self) -> list[Clock]:
        """Those that are not stopped, as they are now."""
        return [one for one in self._now.values() if one.state != STOPPED]

    def of(self, kind: str) -> Clock | None:
        """The open clock of a kind."""
        return next((one for one in self.open if one.kind == kind), None)

    def note(
        self,
        one: Clock,
        what: str,
        reason: str,
        at: float,
        *,
        agent: str | None = None,
        message_id: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """A line in the ledger of a clock."""
        self._events.append(Happened(one.id, at, what, reason, agent, message_id, detail))

    def find(self, clock_id: int) -> Clock:
        """A clock of this book as it is now."""
        return self._now[clock_id]

    def latest(self, one: Clock) -> Clock:
        """A clock as it is now, whether this book has it or not."""
        return self._now.get(one.id, one)

    def put(self, one: Clock) -> None:
        """The clock as it is from now on; one that had ended may be put back."""
        self._now[one.id] = one

    def history(self, one: Clock) -> list[Happened]:
        """The ledger of a clock, with the lines that are not written yet."""
        stored = rows.events_of(self.connection, [one.id])[one.id]
        return [*stored, *(event for event in self._events if event.clock_id == one.id)]

    def start(self, kind: Kind, terms: Terms | None, inbox: str, message_id: int | None, at: float) -> None:
        """A new clock of a kind, where something is promised."""
        if terms is None:
            self._letters[kind] = UNPROMISED
            return
        self._new.append(new_row(self.case.id, kind, terms, inbox, message_id, at))

    def _late(self, one: Clock, at: float) -> Clock:
        event = clocks.late_by(one, at)
        if event is None:
            return one
        self._events.append(event)
        return replace(one, breached_at=event.at)

    def pause(
        self,
        one: Clock,
        cause: str,
        at: float,
        *,
        reason: str | None = None,
        agent: str | None = None,
        message_id: int | None = None,
    ) -> None:
        """Stands still. One that rests already rests for this cause from now on."""
        if one.state == PAUSED and one.cause == cause:
            return
        one = self._late(one, at)
        self.note(one, "pause", reason or cause, at, agent=agent, message_id=message_id)
        self.put(clocks.paused(one, at, cause) if one.state == RUNNING else replace(one, cause=cause))

    def resume(self, one: Clock, at: float, reason: str, *, agent: str | None = None) -> None:
        """Goes on."""
        self.note(one, "resume", reason, at, agent=agent)
        self.put(clocks.running(one, at, one.used))

    def stop(
        self, one: Clock, cause: str, at: float, *, message_id: int | None = None, agent: str | None = None
    ) -> None:
        """Ends."""
        one = self._late(one, at)
        detail = {"state": one.state, "cause": one.cause} if one.state == PAUSED else None
        self.note(one, "stop", cause, at, message_id=message_id, agent=agent, detail=detail)
        self.put(clocks.stopped(one, at, cause, message_id))

    def again(self, one: Clock, reason: str, at: float, message_id: int | None = None) -> Clock:
        """A clock that has ended, as it was before; to be counted anew then. ``message_id``: the reply that ended it."""
        stop = next(event for event in reversed(self.history(one)) if event.what == "stop")
        was = stop.detail or {}
        self.note(
            one, "back", reason, at, message_id=message_id if message_id is not None else stop.message_id
        )
        return replace(
            one, state=was.get("state", RUNNING), cause=was.get("cause"), stopped_at=None, stopped_by=None
        )

    def void(self, one: Clock, since: float, reason: str, now: float, at: float) -> None:
        """Somebody has waited since a time: rest that began since then with a reply that does not count never was.

        Counted anew until ``at``.
        """
        rests: set[int] = set()
        for event in self.history(one):
            if event.what == "pause" and event.message_id is not None and event.at >= since:
                rests.add(event.message_id)
            elif event.what == "back" and event.message_id is not None:
                rests.discard(event.message_id)
        begun = waits.fallen(self.connection, rests)
        for message_id in begun:
            self.note(one, "back", reason, now, message_id=message_id)
        if begun:
            self.recount(one, at)

    def recount(self, one: Clock, at: float, *, late_from: float | None = None) -> None:
        """Counts a clock anew from its ledger. ``late_from``: it cannot have been late before that."""
        anew = clocks.recounted(one, self.history(one), at)
        if anew.breached_at is not None and one.breached_at is None:
            was = anew.breached_at
            anew = replace(anew, breached_at=max(was, late_from or was))
            self.note(anew, "breach", "late, counted anew", at, detail={"due": was})
        self.put(anew)

    def follow(
        self, at: float, reason: str, *, message_id: int | None = None, agent: str | None = None
    ) -> None:
        """Brings the clocks in line with the status of the case."""
        status = Status(self.case.status)
        for one in self.open:
            if status is Status.RESOLVED:
                self.stop(one, RESOLVED, at, agent=agent)
            elif status in _RESTING and one.kind != Kind.FIRST:
                if one.state == RUNNING or one.cause in (WAITING, SNOOZED):
                    self.pause(one, _RESTING[status], at, message_id=message_id, agent=agent)
            elif one.state == PAUSED and one.cause in (WAITING, SNOOZED):
                self.resume(one, at, reason, agent=agent)

    def close(self) -> None:
        """Writes everything down, and keeps with the case what comes due next."""
        for number, one in self._now.items():
            before = self._before.get(number)
            if one != before:
                rows.change(self.connection, number, changes(before, one))
        rows.write(self.connection, self._events)
        if self._new:
            rows.add(self.connection, self._new)
        self._show()

    def _show(self) -> None:
        letters = {
            kind: self.case.clocks[n] if self.case.clocks[n] in (NONE, UNPROMISED) else ENDED
            for n, kind in enumerate(KINDS)
        }
        known: dict[str, str] = {str(kind): value for kind, value in letters.items()}
        known |= {str(one.kind): letter(one) for one in self._now.values()}
        known |= {str(one.kind): letter(one) for one in self.open}
        known |= {row["which"]: RUNS for row in self._new} | self._letters
        due = [nearest(self.open), *((row["due_at"], row["which"]) for row in self._new)]
        at, kind = min((one for one in due if one[0] is not None), default=(None, None))
        rows.show(self.connection, self.case.id, "".join(known[str(kind)] for kind in KINDS), at, kind)


def changes(before: Clock | None, after: Clock) -> dict[str, Any]:
    """The columns that differ."""
    return {
        name: getattr(after, name)
        for name in Clock.__slots__
        if before is None or getattr(before, name) != getattr(after, name)
    }


def new_row(
    case_id: int, kind: str, terms: Terms, inbox: str, message_id: int | None, at: float
) -> dict[str, Any]:
    """A clock that starts."""
    due, first = clocks.started(kind, terms, at)
    return {
        "case": case_id,
        "which": str(kind),
        "policy": terms.policy,
        "target": terms.target,
        "hours": terms.hours,
        "steps": packed(terms.steps),
        "next_at": first,
        "inbox": inbox,
        "message": message_id,
        "since": at,
        "due_at": due,
    }


def packed(steps: tuple[float, ...]) -> str:
    """Steps as they are stored."""
    return "[" + ",".join(f"{step:g}" for step in steps) + "]"


def goes_on(connection: Connection, case_id: int) -> Any | None:
    """A case, or the one that goes on after a merge."""
    row = cases.case(connection, case_id)
    while row is not None and row.joined_to is not None:
        row = cases.case(connection, row.joined_to)
    return row


def book_of(connection: Connection, case_id: int) -> Book:
    """The open clocks of a case. ``UserError`` where there is no such case."""
    case = cases.case(connection, case_id)
    if case is None:
        raise UserError("This case is not known any more.")
    return Book(connection, case)


def facts_of(connection: Connection, policy: CorePolicy, case: Any, inbox: str) -> Facts:
    """What rules look at, from the database."""
    promises = policy.promises
    known = policy.inboxes.get(InboxId(inbox))
    final = people.final(connection, case.customer_id) or case.customer_id
    said = rows.attributes_of(connection, final) if promises.by_attribute else {}
    tagged = frozenset(tags.tags_of(connection, case.id)) if promises.by_tag else frozenset[str]()
    channel = known.channel if known is not None else ""
    return Facts(inbox, channel, case.team, case.priority, said, tagged)
