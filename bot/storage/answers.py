"""What decides about automatic answers: which were sent, to whom, and how long a first answer has taken of late."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from bot.storage.schema import RESOLVED, conversation, customer, identity
from bot.storage.schema_clocks import clock
from bot.storage.schema_people import attribute
from bot.storage.schema_reminders import auto_answer

RECENT = 5_000
"""So many of the newest clocks are looked at for how long a first answer takes."""
WAITING = 50
"""So many of those who wait are looked at for how busy a team is."""

_SENT = select(auto_answer.c.id).where(
    auto_answer.c.conversation_id == bindparam("case"), auto_answer.c.kind == bindparam("which")
)
_TO = select(func.count()).where(
    auto_answer.c.identity_id == bindparam("whom"), auto_answer.c.at > bindparam("since")
)
_ALL = select(func.count()).where(auto_answer.c.at > bindparam("since"))
_ADD = insert(auto_answer)
_CUSTOMER = select(customer.c.blocked, customer.c.spam, customer.c.quarantine, customer.c.erased_at).where(
    customer.c.id == bindparam("which")
)
_SAID = select(attribute.c.name, attribute.c.value).where(
    attribute.c.customer_id == bindparam("which"), attribute.c.name.in_(("language", "zone"))
)
_READS = (
    select(identity.c.language)
    .where(identity.c.customer_id == bindparam("which"), identity.c.language.is_not(None))
    .order_by((identity.c.id == bindparam("at")).desc(), identity.c.id.desc())
    .limit(1)
)
_FIRST = select(clock.c.started_at, clock.c.stopped_at).where(
    clock.c.id > select(func.coalesce(func.max(clock.c.id), 0)).scalar_subquery() - RECENT,
    clock.c.inbox == bindparam("which"),
    clock.c.kind == "first",
    clock.c.stopped_by.is_not(None),
    clock.c.started_at > bindparam("since"),
)
_WAITING = (
    select(conversation.c.waiting_since)
    .where(
        conversation.c.team == bindparam("which"),
        conversation.c.status != RESOLVED,
        conversation.c.waiting_since.is_not(None),
        conversation.c.id != bindparam("but"),
    )
    .order_by(conversation.c.waiting_since.desc())
    .limit(WAITING)
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer: whether they may be answered, and their language and zone.

    The language is what was noted of them, else what the channel tells of the identity that is written to, else what another
    of their channels tells.
    """

    welcome: bool
    language: str | None
    zone: str | None


def sent(connection: Connection, conversation_id: int, kind: str) -> bool:
    """Whether this conversation has had an answer of this kind."""
    return connection.execute(_SENT, {"case": conversation_id, "which": kind}).first() is not None


def count_to(connection: Connection, identity_id: int, since: float) -> int:
    """How many answers an address has had since a time."""
    return int(connection.execute(_TO, {"whom": identity_id, "since": since}).scalar_one())


def count(connection: Connection, since: float) -> int:
    """How many answers were sent since a time, to all together."""
    return int(connection.execute(_ALL, {"since": since}).scalar_one())


def add(
    connection: Connection, conversation_id: int, kind: str, identity_id: int, message_id: int, now: float
) -> None:
    """Keeps that an answer was sent."""
    values = {
        "conversation_id": conversation_id,
        "kind": kind,
        "identity_id": identity_id,
        "message_id": message_id,
        "at": now,
    }
    connection.execute(_ADD, values)


def known_of(connection: Connection, customer_id: int, identity_id: int | None = None) -> Known:
    """What is known of a customer who would be written to at an identity."""
    row = connection.execute(_CUSTOMER, {"which": customer_id}).one_or_none()
    welcome = row is not None and not (row.blocked or row.spam or row.quarantine or row.erased_at)
    said = {one.name: _plain(one.value) for one in connection.execute(_SAID, {"which": customer_id})}
    language = said.get("language")
    if language is None:
        language = connection.execute(_READS, {"which": customer_id, "at": identity_id or 0}).scalar()
    return Known(welcome, language, said.get("zone"))


def _plain(stored: str) -> str | None:
    """An attribute's value, as it is stored (JSON), where it is words."""
    try:
        value = json.loads(stored)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def first_answers(connection: Connection, inbox: str, since: float) -> Sequence[Any]:
    """When recent customers of an inbox wrote first, and when they were answered."""
    return connection.execute(_FIRST, {"which": inbox, "since": since}).all()


def waiting(connection: Connection, team: str, but: int) -> list[float]:
    """Since when a team's customers wait, the newest first, without one case."""
    return list(connection.execute(_WAITING, {"which": team, "but": but}).scalars())
