"""Cases that are put aside until a time. The case itself says until when; here is who did it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select, update

from bot.storage.schema import conversation
from bot.storage.schema_reminders import snooze

_SNOOZED = conversation.c.status == literal_column("'snoozed'")
_NEXT = select(func.min(conversation.c.snoozed_until)).where(_SNOOZED)
_DUE = (
    select(conversation)
    .where(_SNOOZED, conversation.c.snoozed_until <= bindparam("now"))
    .order_by(conversation.c.snoozed_until)
    .limit(bindparam("most"))
)
_NEWEST = (
    select(snooze).where(snooze.c.conversation_id == bindparam("case")).order_by(snooze.c.id.desc()).limit(1)
)
_LAST_ENDED = _NEWEST.where(snooze.c.ended_why == "time")
_ADD = insert(snooze)


def next_at(connection: Connection) -> float | None:
    """When the first snooze ends; None where nothing is snoozed."""
    return connection.execute(_NEXT).scalar()


def due(connection: Connection, now: float, most: int) -> Sequence[Any]:
    """Cases whose snooze is over, the longest over first."""
    return connection.execute(_DUE, {"now": now, "most": most}).all()


def add(
    connection: Connection,
    conversation_id: int,
    agent: str,
    agent_name: str,
    until: float,
    reason: str,
    now: float,
) -> None:
    """Keeps who put a case aside, and why."""
    values = {
        "conversation_id": conversation_id,
        "agent": agent,
        "agent_name": agent_name,
        "reason": reason,
        "until": until,
        "created_at": now,
    }
    connection.execute(_ADD, values)


def newest(connection: Connection, conversation_id: int) -> Any | None:
    """The newest snooze of a case."""
    return connection.execute(_NEWEST, {"case": conversation_id}).one_or_none()


def last_ended(connection: Connection, conversation_id: int) -> Any | None:
    """The newest snooze of a case that came to its end, so that somebody was told."""
    return connection.execute(_LAST_ENDED, {"case": conversation_id}).one_or_none()


def end(connection: Connection, snooze_id: int, why: str, now: float) -> None:
    """A snooze is over: "time", or "hand"."""
    connection.execute(update(snooze).where(snooze.c.id == snooze_id).values(ended_at=now, ended_why=why))
