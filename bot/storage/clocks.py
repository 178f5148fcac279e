"""Clocks of promises, and the ledger of what happened to them. ``bot/sla.py`` knows the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy import case as case_when

from bot.storage.hot import Hot
from bot.storage.schema import RESOLVED, conversation, message
from bot.storage.schema_clocks import clock, clock_event
from bot.storage.schema_people import attribute

RUNNING, PAUSED, STOPPED = "running", "paused", "stopped"


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise. Times in epoch seconds, ``target`` and ``used`` in seconds of ``hours`` (packed)."""

    id: int
    conversation_id: int
    kind: str
    number: int
    state: str
    cause: str | None
    policy: str
    target: float
    hours: str
    steps: tuple[float, ...]
    step: int
    next_at: float | None
    inbox: str
    message_id: int | None
    started_at: float
    used: float
    since: float | None
    due_at: float | None
    breached_at: float | None
    stopped_at: float | None
    stopped_by: int | None


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of a clock's ledger: ``what`` (pause, resume, stop, back, breach, step, policy, joined, parted) and why."""

    clock_id: int
    at: float
    what: str
    reason: str
    agent: str | None = None
    message_id: int | None = None
    detail: Mapping[str, Any] | None = None


_COLUMNS = tuple(clock.c[name] for name in Clock.__slots__)
_OPEN = select(*_COLUMNS).where(
    clock.c.conversation_id == bindparam("case"), clock.c.state.in_(("running", "paused"))
)
_OF = (
    select(*_COLUMNS)
    .where(clock.c.conversation_id == bindparam("case"))
    .order_by(clock.c.started_at, clock.c.id)
)
_NUMBER = (
    select(func.coalesce(func.max(clock.c.number), 0) + 1)
    .where(clock.c.conversation_id == bindparam("case"), clock.c.kind == bindparam("which"))
    .scalar_subquery()
)
_ADD = Hot(
    insert(clock).values(
        conversation_id=bindparam("case"),
        kind=bindparam("which"),
        number=_NUMBER,
        state=RUNNING,
        policy=bindparam("policy"),
        target=bindparam("target"),
        hours=bindparam("hours"),
        steps=bindparam("steps"),
        next_at=bindparam("next_at"),
        inbox=bindparam("inbox"),
        message_id=bindparam("message"),
        started_at=bindparam("since"),
        since=bindparam("since"),
        due_at=bindparam("due_at"),
    )
)
_SHOW = Hot(
    update(conversation)
    .where(conversation.c.id == bindparam("case"))
    .values(clocks=bindparam("letters"), due_at=bindparam("due"), due_kind=bindparam("kind"))
)


_ATTRIBUTES = select(attribute.c.name, attribute.c.value).where(
    attribute.c.customer_id == bindparam("customer")
)
_OPEN_CASES = select(conversation.c.id).where(
    conversation.c.customer_id == bindparam("customer"), conversation.c.status != RESOLVED
)
_UNRESOLVED = (
    select(conversation.c.id)
    .where(conversation.c.id > bindparam("after"), conversation.c.status != RESOLVED)
    .order_by(conversation.c.id)
    .limit(bindparam("most"))
)
_INBOX = (
    select(message.c.inbox)
    .where(
        message.c.conversation_id == bindparam("case"),
        message.c.direction == "inbound",
        message.c.inbox.is_not(None),
    )
    .order_by(message.c.id.desc())
    .limit(1)
)


def _clock(row: Any) -> Clock:
    values = dict(zip(Clock.__slots__, row, strict=True))
    return Clock(**values | {"steps": tuple(json.loads(values["steps"]))})


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New clocks that run. Each row: case, which, policy, target, hours, steps, next_at, inbox, message, since, due_at."""
    _ADD.run_many(connection, rows)


def show(connection: Connection, case_id: int, letters: str, due: float | None, kind: str | None) -> None:
    """Keeps with a case what its clocks do and what comes due next."""
    _SHOW.run(connection, {"case": case_id, "letters": letters, "due": due, "kind": kind})


def open_of(connection: Connection, case_id: int) -> list[Clock]:
    """The clocks of a case that are not stopped."""
    return [_clock(row) for row in connection.execute(_OPEN, {"case": case_id})]


def all_of(connection: Connection, case_id: int) -> list[Clock]:
    """Every clock that a case has had, in the order of their start."""
    return [_clock(row) for row in connection.execute(_OF, {"case": case_id})]


def one(connection: Connection, clock_id: int) -> Clock | None:
    """One clock."""
    row = connection.execute(select(*_COLUMNS).where(clock.c.id == clock_id)).one_or_none()
    return _clock(row) if row is not None else None


def stopped_by(connection: Connection, message_id: int) -> list[Clock]:
    """The clocks that a reply stopped."""
    rows = connection.execute(select(*_COLUMNS).where(clock.c.stopped_by == message_id))
    return [_clock(row) for row in rows]


def attributes_of(connection: Connection, customer_id: int) -> dict[str, str]:
    """What is noted of a customer, values as they are stored."""
    return {row.name: row.value for row in connection.execute(_ATTRIBUTES, {"customer": customer_id})}


def split_attributes(said: str | None) -> dict[str, str]:
    """The same from what ``cases.heard`` returns of them: name=value, a line each."""
    pairs = (line.partition("=") for line in (said or "").split("\n") if line)
    return {name: value for name, _, value in pairs}


def open_cases(connection: Connection, customer_id: int) -> list[int]:
    """The cases of a customer that are not resolved."""
    return list(connection.execute(_OPEN_CASES, {"customer": customer_id}).scalars())


def unresolved_after(connection: Connection, after: int, most: int) -> list[int]:
    """The next cases that are not resolved, by number."""
    return list(connection.execute(_UNRESOLVED, {"after": after, "most": most}).scalars())


def newest_inbox(connection: Connection, case_id: int) -> str | None:
    """The inbox of the customer's newest message in a case."""
    return connection.execute(_INBOX, {"case": case_id}).scalar()


def change(connection: Connection, clock_id: int, values: Mapping[str, Any]) -> None:
    """Changes columns of a clock."""
    given = dict(values)
    if "steps" in given:
        given["steps"] = json.dumps(given["steps"])
    connection.execute(update(clock).where(clock.c.id == clock_id).values(**given))


_STEPPED = (
    update(clock)
    .where(clock.c.id == bindparam("which"))
    .values({name: bindparam(f"new_{name}") for name in ("step", "next_at", "breached_at")})
)


def stepped(connection: Connection, rows: Sequence[tuple[int, int, float | None, float | None]]) -> None:
    """Moves clocks on: (clock, steps that have passed, when the next comes, since when it is late)."""
    if rows:
        connection.execute(
            _STEPPED,
            [
                {"which": one, "new_step": step, "new_next_at": at, "new_breached_at": late}
                for one, step, at, late in rows
            ],
        )


def write(connection: Connection, events: Iterable[Happened]) -> None:
    """Adds lines to ledgers, in this order."""
    rows = [
        {
            "clock_id": one.clock_id,
            "at": one.at,
            "what": one.what,
            "reason": one.reason,
            "agent": one.agent,
            "message_id": one.message_id,
            "detail": json.dumps(one.detail, separators=(",", ":")) if one.detail else None,
        }
        for one in events
    ]
    if rows:
        connection.execute(insert(clock_event), rows)


_EVENTS = (
    select(clock_event)
    .where(clock_event.c.clock_id.in_(bindparam("clocks", expanding=True)))
    .order_by(clock_event.c.id)
)


def events_of(connection: Connection, clock_ids: Iterable[int]) -> dict[int, list[Happened]]:
    """The ledgers of clocks, in the order in which they were written."""
    wanted = list(clock_ids)
    found: dict[int, list[Happened]] = {one: [] for one in wanted}
    if wanted:
        for row in connection.execute(_EVENTS, {"clocks": wanted}):
            detail = json.loads(row.detail) if row.detail else None
            found[row.clock_id].append(
                Happened(row.clock_id, row.at, row.what, row.reason, row.agent, row.message_id, detail)
            )
    return found


_NEXT_AT = select(func.min(clock.c.next_at)).where(clock.c.next_at.is_not(None))


def next_at(connection: Connection) -> float | None:
    """When the next step of any clock comes; None where none does."""
    found = connection.execute(_NEXT_AT).scalar()
    return None if found is None else float(found)


_DUE = (
    select(*_COLUMNS)
    .where(clock.c.next_at.is_not(None), clock.c.next_at <= bindparam("now"))
    .order_by(clock.c.next_at)
    .limit(bindparam("most"))
)


def claim_due(connection: Connection, now: float, most: int) -> list[Clock]:
    """Clocks of which a step has come, the earliest first."""
    return [_clock(row) for row in connection.execute(_DUE, {"now": now, "most": most})]


def next_due(connection: Connection, teams: Sequence[str], agent: str | None, limit: int) -> Sequence[Any]:
    """The cases of teams of which a promise runs, the next that is due first. ``agent``: only those they own."""
    wanted = select(conversation).where(*_due_of(teams, agent))
    return connection.execute(wanted.order_by(conversation.c.due_at, conversation.c.id).limit(limit)).all()


def count_due(connection: Connection, teams: Sequence[str], agent: str | None, now: float) -> tuple[int, int]:
    """How many of them are late, and how many there are."""
    late = func.coalesce(func.sum(case_when((conversation.c.due_at < now, 1), else_=0)), 0)
    row = connection.execute(select(late, func.count()).where(*_due_of(teams, agent))).one()
    return int(row[0]), int(row[1])


def _due_of(teams: Sequence[str], agent: str | None) -> list[Any]:
    conditions: list[Any] = [
        conversation.c.due_at.is_not(None),
        conversation.c.team.in_(list(teams)),
        conversation.c.status != RESOLVED,
    ]
    return [*conditions, conversation.c.owner == agent] if agent is not None else conditions


def authors_of(connection: Connection, message_ids: Iterable[int]) -> dict[int, str]:
    """Who wrote messages."""
    wanted = list(message_ids)
    if not wanted:
        return {}
    found = connection.execute(select(message.c.id, message.c.author).where(message.c.id.in_(wanted)))
    return {row.id: row.author for row in found}
