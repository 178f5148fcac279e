"""Customers whose words are not shown: in quarantine, or marked as spam; and the messages that nobody has seen yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, exists, func, null, select, update

from bot.storage.hot import Hot
from bot.storage.schema import audit, conversation, customer, delivery, identity, message
from bot.storage.schema import lane as lane_table

NEWEST = 1000
"""Messages of a customer that are looked at for some that nobody has seen."""

MANY = 100
"""Senders in quarantine are counted up to so many: a flood must not make each of its messages dear."""
_UNSEEN = ~exists().where(delivery.c.message_id == message.c.id, delivery.c.op == "say")

_LAST = Hot(
    select(message.c.direction, message.c.created_at, message.c.automated)
    .where(message.c.customer_id == bindparam("which"))
    .order_by(message.c.id.desc())
    .limit(bindparam("count"))
)
_HOLD = (
    update(customer)
    .where(customer.c.id == bindparam("which"), customer.c.quarantine.is_(None))
    .values(quarantine=bindparam("why"))
)
_FREE = (
    update(customer)
    .where(customer.c.id == bindparam("which"), customer.c.quarantine.is_not(None))
    .values(quarantine=null())
)


def last(connection: Connection, customer_id: int, count: int) -> list[tuple[str, float, str | None]]:
    """(direction, time, why it was automatic) of a customer's newest messages, newest first."""
    return [(row[0], row[1], row[2]) for row in _LAST.run(connection, {"which": customer_id, "count": count})]


def hold(connection: Connection, customer_id: int, why: str) -> bool:
    """Puts a customer into quarantine; False where they are in it already."""
    return connection.execute(_HOLD, {"which": customer_id, "why": why}).rowcount == 1


def free(connection: Connection, customer_id: int) -> bool:
    """Takes a customer out of quarantine; False where they are not in it."""
    return connection.execute(_FREE, {"which": customer_id}).rowcount == 1


def set_spam(connection: Connection, customer_id: int, on: bool) -> bool:
    """Marks a customer as spam, or not any more; they are blocked, or not, with it. False where it is so already."""
    values: dict[str, Any] = {"spam": on, "blocked": on}
    if on:
        values["quarantine"] = None
    found = update(customer).where(customer.c.id == customer_id, customer.c.spam != on).values(**values)
    return connection.execute(found).rowcount == 1


def unseen(connection: Connection, customer_id: int) -> Sequence[Any]:
    """Messages of theirs that were kept and not shown, oldest first: of the newest thousand."""
    newest = (
        select(message.c.id)
        .where(message.c.customer_id == customer_id, message.c.direction == "inbound")
        .order_by(message.c.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    return connection.execute(
        select(
            message.c.id,
            message.c.inbox,
            message.c.text,
            message.c.subject,
            message.c.created_at,
            conversation.c.team,
        )
        .join(newest, newest.c.id == message.c.id)
        .join(conversation, conversation.c.id == message.c.conversation_id)
        .where(_UNSEEN)
        .order_by(message.c.id)
    ).all()


def drop_waiting(connection: Connection, customer_id: int) -> None:
    """What waits to be shown in their threads is not shown; ``unseen`` finds it again."""
    theirs = connection.execute(
        select(lane_table.c.id, lane_table.c.head).where(
            lane_table.c.customer_id == customer_id, lane_table.c.kind == "desk"
        )
    ).all()
    said = delivery.alias()
    for one in theirs:
        waits = and_(said.c.lane_id == one.id, said.c.seq >= one.head, said.c.state == "pending")
        unposted = select(said.c.message_id).where(waits, said.c.op == "say")
        connection.execute(
            update(delivery)
            .where(
                delivery.c.lane_id == one.id,
                delivery.c.seq >= one.head,
                delivery.c.state == "pending",
                delivery.c.op.in_(("say", "file", "rest")),
                delivery.c.message_id.in_(unposted),  # the files of what is posted already follow it
            )
            .values(op="dropped")
        )


def open_cases(connection: Connection, customer_id: int) -> Sequence[Any]:
    """Cases of a customer that are not resolved, with any team."""
    return connection.execute(
        select(conversation).where(
            conversation.c.customer_id == customer_id, conversation.c.status != "resolved"
        )
    ).all()


def closed_at(connection: Connection, customer_id: int, at: float) -> Sequence[Any]:
    """Cases of a customer that were resolved at exactly that moment."""
    return connection.execute(
        select(conversation).where(
            conversation.c.customer_id == customer_id, conversation.c.resolved_at == at
        )
    ).all()


def marked_at(connection: Connection, customer_id: int) -> float | None:
    """When a customer was marked as spam last."""
    return connection.execute(
        select(audit.c.at)
        .where(audit.c.customer_id == customer_id, audit.c.action == "spam")
        .order_by(audit.c.id.desc())
        .limit(1)
    ).scalar()


_THEIRS = (
    select(customer.c.id)
    .join(conversation, conversation.c.customer_id == customer.c.id)
    .where(customer.c.quarantine.is_not(None), conversation.c.team == bindparam("team"))
)


def page(connection: Connection, team: str, before: int | None, limit: int) -> Sequence[Any]:
    """Customers in quarantine who wrote to a team, newest first: id, name, why, since, how many messages, an address."""
    theirs = _THEIRS.where(customer.c.id < bindparam("before")).distinct()
    ids = theirs.order_by(customer.c.id.desc()).limit(limit).subquery()
    counted = (
        select(func.count())
        .where(message.c.customer_id == customer.c.id, message.c.direction == "inbound", _UNSEEN)
        .correlate(customer)
        .scalar_subquery()
    )
    first = (
        select(func.min(message.c.id))
        .where(message.c.customer_id == customer.c.id, message.c.direction == "inbound")
        .correlate(customer)
        .scalar_subquery()
    )
    address = (
        select(func.min(identity.c.address))
        .where(identity.c.customer_id == customer.c.id)
        .correlate(customer)
        .scalar_subquery()
    )
    return connection.execute(
        select(
            customer.c.id,
            customer.c.name,
            customer.c.quarantine,
            counted.label("count"),
            address.label("address"),
            message.c.text,
            message.c.subject,
            message.c.created_at,
        )
        .join(ids, ids.c.id == customer.c.id)
        .outerjoin(message, message.c.id == first)
        .order_by(customer.c.id.desc()),
        {"team": team, "before": before or 2**62},
    ).all()


_WAITING = select(func.count()).select_from(
    select(customer.c.id)
    .where(
        customer.c.quarantine.is_not(None),
        exists().where(
            conversation.c.customer_id == customer.c.id, conversation.c.team == bindparam("which")
        ),
    )
    .limit(MANY)
    .subquery()
)


def waiting(connection: Connection, team: str) -> int:
    """How many senders to a team wait in quarantine; ``MANY`` and more count as ``MANY``."""
    return int(connection.execute(_WAITING, {"which": team}).scalar_one())


_NOTICE = (
    select(delivery.c.id, delivery.c.lane_id, delivery.c.created_at, delivery.c.payload)
    .where(delivery.c.about == bindparam("what"), delivery.c.op == "ask")
    .order_by(delivery.c.id.desc())
    .limit(1)
)


def newest_notice(connection: Connection, about: str) -> Any | None:
    """The newest prompt about something: its id, lane, when it was made, and what it says."""
    return connection.execute(_NOTICE, {"what": about}).one_or_none()


def leave_notices(connection: Connection, about: str) -> None:
    """Older prompts about something stay as they are: they are not shown anew any more."""
    connection.execute(update(delivery).where(delivery.c.about == about).values(about=None))


def renewal_waits(connection: Connection, lane_id: int, op: str) -> bool:
    """Whether something of that lane waits to be shown anew already; what is being shown just now does not count."""
    begun = case((lane_table.c.owner.is_not(None), 1), else_=0)
    head = select(lane_table.c.head + begun).where(lane_table.c.id == lane_id).scalar_subquery()
    found = select(delivery.c.id).where(
        delivery.c.lane_id == lane_id,
        delivery.c.seq >= head,
        delivery.c.op == op,
        delivery.c.state == "pending",
    )
    return connection.execute(found.limit(1)).scalar() is not None
