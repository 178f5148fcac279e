"""Who has been answered by whom, read from what was said. ``bot/clockwork/unanswered.py`` knows the rules.

A *moment* is a time and the number of a message, so two things of one time have an order. A reply *stands* while the channel
has it: accepted, delivered or seen, and neither come back nor taken back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from bot.storage.merges import WENT_OUT
from bot.storage.schema import conversation, delivery, message

Moment = tuple[float, int]

_OF = message.c.conversation_id == bindparam("case")
_HUMAN_REPLY = and_(message.c.direction == "outbound", message.c.automated.is_(None))
_TAKEN = (
    select(func.max(delivery.c.settled_at))
    .where(delivery.c.message_id == message.c.id, delivery.c.op == "send", delivery.c.state == "accepted")
    .correlate(message)
    .scalar_subquery()
)
_ACCEPTED_AT = func.coalesce(_TAKEN, message.c.created_at)
_STANDING = (
    select(message.c.id, _ACCEPTED_AT.label("at"))
    .where(_OF, _HUMAN_REPLY, message.c.state.in_(WENT_OUT))
    .subquery("standing")
)
_ENDED = select(conversation.c.id, conversation.c.joined_to, conversation.c.resolved_at).where(
    conversation.c.customer_id.in_(bindparam("customers", expanding=True)),
    conversation.c.joined_to.is_not(None),
)
_MOMENT = select(_ACCEPTED_AT).where(message.c.id == bindparam("which"))
_FIRST = (
    select(_STANDING.c.at, _STANDING.c.id)
    .where(
        or_(
            _STANDING.c.at > bindparam("since"),
            and_(_STANDING.c.at == bindparam("since"), _STANDING.c.id > bindparam("after")),
        )
    )
    .order_by(_STANDING.c.at, _STANDING.c.id)
    .limit(1)
)
_LAST = (
    select(_STANDING.c.at, _STANDING.c.id)
    .where(_STANDING.c.at > bindparam("since"), _STANDING.c.id <= bindparam("newest"))
    .order_by(_STANDING.c.at.desc(), _STANDING.c.id.desc())
    .limit(1)
)
_WORDS = (
    select(message.c.created_at)
    .where(
        _OF,
        message.c.direction == "inbound",
        message.c.automated.is_(None),
        or_(
            message.c.created_at > bindparam("since"),
            and_(message.c.created_at == bindparam("since"), message.c.id > bindparam("after")),
        ),
        or_(
            message.c.created_at < bindparam("until"),
            and_(message.c.created_at == bindparam("until"), message.c.id < bindparam("before")),
        ),
    )
    .order_by(message.c.id)
    .limit(1)
)


def ended(connection: Connection, customers: Collection[int]) -> dict[int, tuple[int, float]]:
    """The cases of customers that merges have ended: case → (the one that goes on, when)."""
    rows = connection.execute(_ENDED, {"customers": list(customers)})
    return {row.id: (row.joined_to, row.resolved_at or 0.0) for row in rows}


def accepted(connection: Connection, message_id: int) -> Moment:
    """When the channel took a reply, whatever became of it; where that is not known, when it was written."""
    at = connection.execute(_MOMENT, {"which": message_id}).scalar()
    return float(at or 0.0), message_id


def first_reply(connection: Connection, case_id: int, after: Moment) -> Moment | None:
    """The first human reply in a case that was accepted after a moment and stands."""
    row = connection.execute(_FIRST, {"case": case_id, "since": after[0], "after": after[1]}).first()
    return None if row is None else (float(row.at), int(row.id))


def last_reply(connection: Connection, case_id: int, since: float, newest: int) -> Moment | None:
    """The last human reply in a case, no newer than a message, that was accepted after a time and stands."""
    row = connection.execute(_LAST, {"case": case_id, "since": since, "newest": newest}).first()
    return None if row is None else (float(row.at), int(row.id))


def first_words(connection: Connection, case_id: int, after: Moment, before: Moment) -> float | None:
    """When a customer said the first thing in a case, between two moments, that a person has to answer."""
    values: dict[str, Any] = {"case": case_id, "since": after[0], "after": after[1]}
    return connection.execute(_WORDS, {**values, "until": before[0], "before": before[1]}).scalar()


def settled_since(connection: Connection, case_ids: Collection[int], newest: int, at: float) -> bool:
    """Whether a human reply, no newer than a message, was accepted since a time, or had been and stands no more since then."""
    stands = message.c.state.in_(WENT_OUT)
    wanted = select(message.c.id).where(
        message.c.conversation_id.in_(list(case_ids)),
        message.c.id <= newest,
        _HUMAN_REPLY,
        _TAKEN.is_not(None),
        or_(and_(stands, at <= _TAKEN), and_(~stands, message.c.state_at >= at)),
    )
    return connection.execute(wanted.limit(1)).first() is not None


def fallen(connection: Connection, message_ids: Collection[int]) -> list[int]:
    """Those of these replies that do not stand, the oldest first."""
    if not message_ids:
        return []
    wanted = select(message.c.id).where(message.c.id.in_(list(message_ids)), message.c.state.not_in(WENT_OUT))
    return list(connection.execute(wanted.order_by(message.c.id)).scalars())
