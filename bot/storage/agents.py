"""Who is on duty, how much each agent has, and the cases that wait for somebody to have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, or_, select, update

from bot.storage.schema import RESOLVED, conversation, customer, message
from bot.storage.schema_desk import duty

_ON = select(duty).where(duty.c.on_duty).order_by(duty.c.agent)
_ONE = select(duty).where(duty.c.agent == bindparam("who"))


def on_duty(connection: Connection) -> Sequence[Any]:
    """Everybody who is on duty: agent, since, when they were given a case last."""
    return connection.execute(_ON).all()


def duty_of(connection: Connection, agent: str) -> Any | None:
    """Whether somebody is on duty, and since when; None: they never said."""
    return connection.execute(_ONE, {"who": agent}).one_or_none()


def set_duty(connection: Connection, agent: str, on: bool, now: float) -> bool:
    """Says that somebody is on or off duty; whether that is a change."""
    before = duty_of(connection, agent)
    if before is None:
        connection.execute(insert(duty).values(agent=agent, on_duty=on, since=now, assigned_at=0.0))
        return True
    if bool(before.on_duty) == on:
        return False
    connection.execute(update(duty).where(duty.c.agent == agent).values(on_duty=on, since=now))
    return True


def was_given(connection: Connection, agent: str, now: float) -> None:
    """Somebody was given a case just now."""
    connection.execute(update(duty).where(duty.c.agent == agent).values(assigned_at=now))


_INBOX = (
    select(message.c.inbox)
    .where(message.c.conversation_id == conversation.c.id, message.c.direction == "inbound")
    .order_by(message.c.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("inbox")
)
_URGENCY = case({"urgent": 0, "high": 1, "normal": 2, "low": 3}, value=conversation.c.priority, else_=2)


def unowned(connection: Connection, team: str, limit: int) -> Sequence[Any]:
    """Cases of a team that wait and that nobody has, in the order in which they should be answered."""
    return connection.execute(
        select(conversation.c.id, conversation.c.customer_id, conversation.c.excerpt, _INBOX)
        .join(customer, customer.c.id == conversation.c.customer_id)
        .where(
            conversation.c.team == team,
            conversation.c.owner.is_(None),
            conversation.c.status != RESOLVED,
            conversation.c.status == "open",
            conversation.c.waiting_since.is_not(None),
            ~customer.c.blocked,
            customer.c.quarantine.is_(None),
        )
        .order_by(
            _URGENCY, conversation.c.due_at.is_(None), conversation.c.due_at, conversation.c.waiting_since
        )
        .limit(limit)
    ).all()


def left_behind(connection: Connection, team: str, limit: int) -> Sequence[Any]:
    """Cases that wait and whose owner has gone off duty: id, customer, owner."""
    return connection.execute(
        select(conversation.c.id, conversation.c.customer_id, conversation.c.owner)
        .join(duty, duty.c.agent == conversation.c.owner)
        .where(
            conversation.c.team == team,
            conversation.c.status != RESOLVED,
            conversation.c.status == "open",
            conversation.c.waiting_since.is_not(None),
            ~duty.c.on_duty,
        )
        .limit(limit)
    ).all()


def load(connection: Connection, agents: Iterable[str]) -> Sequence[Any]:
    """The open cases of agents over all teams: owner and the inbox by which the customer wrote last."""
    return connection.execute(
        select(conversation.c.owner, _INBOX).where(
            conversation.c.owner.in_(list(agents)),
            conversation.c.status != RESOLVED,
            conversation.c.status == "open",
        )
    ).all()


def last_owner(connection: Connection, customer_ids: Sequence[int], team: str, before: int) -> str | None:
    """Who had the customer's last case before this one with a team."""
    return connection.execute(
        select(conversation.c.owner)
        .where(
            conversation.c.customer_id.in_(list(customer_ids)),
            conversation.c.team == team,
            conversation.c.id < before,
            conversation.c.owner.is_not(None),
        )
        .order_by(conversation.c.id.desc())
        .limit(1)
    ).scalar()


def waiting_cases_of(connection: Connection, agent: str) -> Sequence[Any]:
    """An agent's cases in which the customer waits for us: id, customer, team."""
    return connection.execute(
        select(conversation.c.id, conversation.c.customer_id, conversation.c.team).where(
            conversation.c.owner == agent,
            conversation.c.status != RESOLVED,
            conversation.c.status == "open",
            conversation.c.waiting_since.is_not(None),
        )
    ).all()


_SAID = (
    select(
        message.c.id,
        message.c.direction,
        message.c.automated,
        message.c.text,
        message.c.author,
        message.c.state,
        message.c.created_at,
        conversation.c.id.label("conversation_id"),
        conversation.c.customer_id,
        conversation.c.team,
        conversation.c.owner,
        conversation.c.status,
        conversation.c.waiting_since,
    )
    .join(conversation, conversation.c.id == message.c.conversation_id)
    .where(message.c.direction.in_(("inbound", "outbound")))
)


def said_since(connection: Connection, after: int, limit: int) -> Sequence[Any]:
    """What was said after a message, oldest first, with the case it was said in."""
    return connection.execute(_SAID.where(message.c.id > after).order_by(message.c.id).limit(limit)).all()


def said_in(connection: Connection, case_id: int, until: int, limit: int) -> Sequence[Any]:
    """What was said last in a case, up to a message, oldest first."""
    rows = connection.execute(
        _SAID.where(conversation.c.id == case_id, message.c.id <= until)
        .order_by(message.c.id.desc())
        .limit(limit)
    ).all()
    return rows[::-1]


def newest_message(connection: Connection) -> int:
    """The number of the newest message; 0: there is none."""
    return int(connection.execute(select(func.max(message.c.id))).scalar() or 0)


def answered_by_agent(connection: Connection, conversation_ids: Iterable[int]) -> set[int]:
    """Those of the cases in which nobody waits for us any more, or that are at an end."""
    ids = list(conversation_ids)
    if not ids:
        return set()
    rows = connection.execute(
        select(conversation.c.id).where(
            conversation.c.id.in_(ids),
            or_(conversation.c.waiting_since.is_(None), conversation.c.status == RESOLVED),
        )
    )
    return set(rows.scalars())


def newest_of(connection: Connection, customer_ids: Iterable[int], limit: int) -> Sequence[Any]:
    """The newest messages of a customer, by all their numbers, newest first."""
    return connection.execute(
        select(message)
        .where(message.c.customer_id.in_(list(customer_ids)))
        .order_by(message.c.id.desc())
        .limit(limit)
    ).all()
