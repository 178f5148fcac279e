"""Who waits, in the order in which they should be answered; what is put aside, what is late, and who has how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal_column, or_, select, text

from bot.storage.schema import GOING, HIDDEN, RESOLVED, conversation, customer, message

_URGENCY = case({"urgent": 0, "high": 1, "normal": 2, "low": 3}, value=conversation.c.priority, else_=2)
_SHOWN = ~exists().where(customer.c.id == conversation.c.customer_id, text(f"({HIDDEN})"))
"""Of customers whom the team is shown."""
_UNRESOLVED = conversation.c.status != RESOLVED
"""As the index of the queue says it, so that a planner sees that it fits."""
_ON_ITS_WAY = exists().where(
    message.c.conversation_id == conversation.c.id,
    text(f"({GOING})"),
    message.c.agent.is_not(None),
    message.c.automated.is_(None),
    message.c.created_at >= func.coalesce(conversation.c.last_in_at, 0.0),
)
"""Somebody's answer to their last words has not been accepted yet: nobody has to write another one, unless it fails."""
_UNANSWERED = and_(conversation.c.status == "open", conversation.c.waiting_since.is_not(None))
_WAITS = and_(_UNRESOLVED, _UNANSWERED, ~_ON_ITS_WAY)
_SNOOZED = conversation.c.status == literal_column("'snoozed'")
_ROW = (
    conversation.c.customer_id,
    conversation.c.team,
    conversation.c.owner,
    conversation.c.excerpt,
    conversation.c.priority,
    conversation.c.waiting_since,
    conversation.c.due_at,
    conversation.c.due_kind,
    conversation.c.snoozed_until,
)
_ORDER = (conversation.c.waiting_since, conversation.c.id)
_DUE_FIRST = (conversation.c.due_at.is_(None), conversation.c.due_at, _URGENCY, *_ORDER)


def _waiting(teams: Sequence[str], agent: str) -> list[ColumnElement[bool]]:
    return [
        _WAITS,
        conversation.c.team.in_(list(teams)),
        or_(conversation.c.owner == agent, conversation.c.owner.is_(None)),
        _SHOWN,
    ]


def next_waiting(
    connection: Connection, teams: Sequence[str], agent: str, skip: int
) -> tuple[Any | None, int]:
    """The case to answer now after ``skip`` others, and how many wait in all.

    An agent's own come before nobody's; then the urgent ones; then what is due first, then who waits longest.
    """
    wanted = _waiting(teams, agent)
    row = connection.execute(
        select(
            conversation.c.customer_id,
            conversation.c.team,
            conversation.c.owner,
            conversation.c.priority,
            conversation.c.due_at,
            conversation.c.due_kind,
            conversation.c.waiting_since,
        )
        .where(*wanted)
        .order_by(
            conversation.c.owner.is_(None),
            _URGENCY,
            conversation.c.due_at.is_(None),
            conversation.c.due_at,
            *_ORDER,
        )
        .limit(1)
        .offset(skip)
    ).one_or_none()
    return row, _count(connection, *wanted)


def _of(owner: str | None) -> ColumnElement[bool]:
    return conversation.c.owner == owner if owner is not None else conversation.c.owner.is_(None)


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count(conversation.c.id)).where(*conditions)).scalar_one())


def _first(
    connection: Connection,
    limit: int,
    order: Sequence[ColumnElement[Any]],
    *conditions: ColumnElement[bool],
) -> Sequence[Any]:
    """The first cases of an order."""
    return connection.execute(select(*_ROW).where(*conditions).order_by(*order).limit(limit)).all()


def waiting_of(connection: Connection, team: str, owner: str | None, limit: int) -> tuple[Sequence[Any], int]:
    """A team's cases that wait for us, of one agent or (None) of nobody: what is due first, and how many there are."""
    wanted = (_WAITS, conversation.c.team == team, _of(owner), _SHOWN)
    return _first(connection, limit, _DUE_FIRST, *wanted), _count(connection, *wanted)


def quiet_of(connection: Connection, team: str, owner: str) -> int:
    """How many of an agent's cases are not resolved, and wait for the customer, for an answer to go out, or for nothing."""
    rest = or_(
        conversation.c.status == "pending",
        and_(conversation.c.status == "open", or_(conversation.c.waiting_since.is_(None), _ON_ITS_WAY)),
    )
    return _count(connection, _UNRESOLVED, conversation.c.team == team, _of(owner), rest, _SHOWN)


def snoozed_of(
    connection: Connection, teams: Sequence[str], owner: str, until: float, limit: int
) -> tuple[Sequence[Any], int]:
    """An agent's cases that come back before a time, the next first; and how many they have put aside in all."""
    wanted = (_UNRESOLVED, _SNOOZED, conversation.c.team.in_(list(teams)), _of(owner), _SHOWN)
    back = conversation.c.snoozed_until
    return _first(connection, limit, (back, conversation.c.id), *wanted, back < until), _count(
        connection, *wanted
    )


def late(connection: Connection, team: str, now: float, limit: int) -> tuple[Sequence[Any], int]:
    """A team's cases with a promise that is late, the latest first; and how many there are."""
    wanted = (
        _UNRESOLVED,
        conversation.c.team == team,
        conversation.c.due_at.is_not(None),
        conversation.c.due_at < now,
        _SHOWN,
    )
    order = (conversation.c.due_at, conversation.c.id)
    return _first(connection, limit, order, *wanted), _count(connection, *wanted)


def loads(connection: Connection, team: str, now: float) -> Sequence[Any]:
    """Who of a team has how much, most waiting first: owner, ``open`` (not resolved), ``waiting``, ``late``."""
    waits = func.sum(case((_UNANSWERED, 1)))
    overdue = func.sum(case((conversation.c.due_at < now, 1)))
    found = (
        select(
            conversation.c.owner,
            func.count(conversation.c.id).label("open"),
            func.coalesce(waits, 0).label("waiting"),
            func.coalesce(overdue, 0).label("late"),
        )
        .where(_UNRESOLVED, conversation.c.team == team, conversation.c.owner.is_not(None), _SHOWN)
        .group_by(conversation.c.owner)
        .order_by(func.coalesce(waits, 0).desc(), func.count(conversation.c.id).desc(), conversation.c.owner)
    )
    return connection.execute(found).all()
