"""Ratings: what customers are asked after a case, and what they say.

due → asked → answered; declined (an agent does not want it asked), skipped (it was not asked, and why), failed (it did not
arrive). The figures count those with ``asked_at``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, literal_column, select, update

from bot.storage.schema import conversation, message
from bot.storage.schema_stats import rating

DUE, ASKED, ANSWERED = "due", "asked", "answered"
DECLINED, SKIPPED, FAILED = "declined", "skipped", "failed"
RECENT = 5_000
"""So many of the newest rows are looked at for how many were asked in the last hour."""

_NEXT = select(func.min(rating.c.due_at)).where(rating.c.state == literal_column("'due'"))
_DUE = (
    select(rating)
    .where(rating.c.state == literal_column("'due'"), rating.c.due_at <= bindparam("now"))
    .order_by(rating.c.due_at)
    .limit(bindparam("most"))
)
_OF = select(rating).where(rating.c.conversation_id == bindparam("which")).order_by(rating.c.id.desc())
_ONE = select(rating).where(rating.c.id == bindparam("which"))
_BY_TOKEN = select(rating).where(rating.c.token.in_(bindparam("tokens", expanding=True)))
_BY_MESSAGE = (
    select(rating)
    .where(
        rating.c.conversation_id == bindparam("conversation"),
        rating.c.message_id == bindparam("which"),
    )
    .limit(1)
)
_LAST_ASKED = (
    select(func.max(rating.c.asked_at))
    .join(conversation, conversation.c.id == rating.c.conversation_id)
    .where(conversation.c.customer_id.in_(bindparam("whose", expanding=True)))
)
_OPEN_TO = (
    select(rating, conversation.c.status, conversation.c.team)
    .join(conversation, conversation.c.id == rating.c.conversation_id)
    .join(
        message,
        and_(
            message.c.conversation_id == rating.c.conversation_id,
            message.c.route_id == bindparam("route"),
            message.c.direction == "outbound",
            message.c.automated == "rating",  # the question, or where it was brought
        ),
    )
    .where(
        conversation.c.customer_id.in_(bindparam("whose", expanding=True)),
        rating.c.asked_at > bindparam("since"),
        rating.c.state.in_([literal_column("'asked'"), literal_column("'answered'")]),
        message.c.inbox == bindparam("inbox"),
    )
    .order_by(rating.c.id.desc())
    .limit(1)
)
_OF_CUSTOMERS = (
    select(rating)
    .join(conversation, conversation.c.id == rating.c.conversation_id)
    .where(
        conversation.c.customer_id.in_(bindparam("whose", expanding=True)),
        conversation.c.team == bindparam("which"),
    )
    .order_by(rating.c.id.desc())
    .limit(bindparam("most"))
)
_COUNT = select(func.count()).where(
    rating.c.id > select(func.coalesce(func.max(rating.c.id), 0)).scalar_subquery() - RECENT,
    rating.c.asked_at > bindparam("since"),
)
_SAID = (
    select(message.c.route_id, message.c.identity_id, message.c.inbox)
    .where(
        message.c.conversation_id == bindparam("which"),
        message.c.direction == "inbound",
        message.c.automated.is_(None),
        message.c.route_id.is_not(None),
    )
    .order_by(message.c.id.desc())
    .limit(1)
)
_ARRIVED = ("accepted", "delivered", "seen")
_ON_ITS_WAY = ("held", "pending", "sending")
_HELPED = (
    select(message.c.agent, message.c.state)
    .where(
        message.c.conversation_id == bindparam("which"),
        message.c.direction == "outbound",
        message.c.automated.is_(None),
        message.c.state.in_([literal_column(f"'{one}'") for one in (*_ARRIVED, *_ON_ITS_WAY)]),
    )
    .order_by(message.c.state.in_(_ON_ITS_WAY), message.c.id.desc())
    .limit(1)
)
_ANSWERED_BY = (
    select(message.c.id)
    .where(
        message.c.conversation_id == bindparam("which"),
        message.c.route_id == bindparam("route"),
        message.c.direction == "outbound",
        message.c.automated.is_(None),
        message.c.state.not_in([literal_column("'cancelled'"), literal_column("'failed'")]),
    )
    .limit(1)
)
_ADD = insert(rating).returning(rating.c.id)


def next_at(connection: Connection) -> float | None:
    """When the first customer is to be asked; None where nobody waits for it."""
    return connection.execute(_NEXT).scalar()


def due(connection: Connection, now: float, most: int) -> Sequence[Any]:
    """Ratings whose time has come, the earliest first."""
    return connection.execute(_DUE, {"now": now, "most": most}).all()


def get(connection: Connection, rating_id: int) -> Any | None:
    """One rating."""
    return connection.execute(_ONE, {"which": rating_id}).one_or_none()


def of_case(connection: Connection, conversation_id: int) -> Sequence[Any]:
    """The ratings of a case, the newest first."""
    return connection.execute(_OF, {"which": conversation_id}).all()


def of_customers(connection: Connection, customers: Iterable[int], team: str, most: int) -> Sequence[Any]:
    """The ratings of these customers' cases with a team, the newest first."""
    return connection.execute(_OF_CUSTOMERS, {"whose": list(customers), "which": team, "most": most}).all()


def by_token(connection: Connection, hashes: Iterable[str]) -> Any | None:
    """The rating that a token is for. ``hashes``: of the token, by each key."""
    tokens = list(hashes)
    return connection.execute(_BY_TOKEN, {"tokens": tokens}).first() if tokens else None


def by_message(connection: Connection, conversation_id: int, message_id: int) -> Any | None:
    """The rating that a message asked for."""
    return connection.execute(
        _BY_MESSAGE, {"conversation": conversation_id, "which": message_id}
    ).one_or_none()


def last_asked(connection: Connection, customers: Iterable[int]) -> float | None:
    """When one of these customers was asked last, on any channel."""
    return connection.execute(_LAST_ASKED, {"whose": list(customers)}).scalar()


def open_to(
    connection: Connection, customers: Iterable[int], inbox: str, route_id: int, since: float
) -> Any | None:
    """The newest rating that was asked of these customers by this way since then, with its case's status and team."""
    given = {"whose": list(customers), "inbox": inbox, "route": route_id, "since": since}
    return connection.execute(_OPEN_TO, given).one_or_none()


def asked_since(connection: Connection, since: float) -> int:
    """How many were asked since then, all together."""
    return int(connection.execute(_COUNT, {"since": since}).scalar_one())


def last_way(connection: Connection, conversation_id: int) -> Any | None:
    """By which route, as whom and to which inbox the customer wrote last; None where only machines wrote."""
    return connection.execute(_SAID, {"which": conversation_id}).one_or_none()


@dataclass(frozen=True, slots=True)
class Helped:
    """The last reply to a customer that arrived, else the last one on its way: who wrote it."""

    agent: str | None
    arrived: bool


def helped(connection: Connection, conversation_id: int) -> Helped | None:
    """By whom a customer was answered; None where nobody's answer arrived, or may yet."""
    row = connection.execute(_HELPED, {"which": conversation_id}).one_or_none()
    return Helped(row.agent, row.state in _ARRIVED) if row is not None else None


def answered_by(connection: Connection, conversation_id: int, route_id: int) -> bool:
    """Whether a person has answered this case by this way."""
    return connection.execute(_ANSWERED_BY, {"which": conversation_id, "route": route_id}).first() is not None


def add(connection: Connection, **values: Any) -> int:
    """A new rating."""
    return int(connection.execute(_ADD, values).scalar_one())


def change(connection: Connection, rating_id: int, **values: Any) -> None:
    """Changes columns of a rating."""
    connection.execute(update(rating).where(rating.c.id == rating_id).values(**values))
