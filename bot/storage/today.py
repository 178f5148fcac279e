"""An agent's day: what they did since it began, and which replies did not arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, literal_column, or_, select

from bot.storage.schema import audit, conversation, customer, delivery, identity, message, route
from bot.storage.schema_clocks import clock

_MOST = 2_000
"""Replies of one agent in one day of which promises are looked at."""


def troubles(
    connection: Connection, teams: Sequence[str], agent: str, since: float, limit: int
) -> tuple[Sequence[Any], int]:
    """Replies that failed or may have, and were not sent again: the agent's, and in cases that are theirs or nobody's.

    The newest first, and how many there are.
    """
    both = message.join(conversation, conversation.c.id == message.c.conversation_id).join(
        customer, customer.c.id == message.c.customer_id
    )
    wanted = (
        message.c.state.in_([literal_column("'failed'"), literal_column("'uncertain'")]),
        message.c.state_at > since,
        conversation.c.team.in_(list(teams)),
        or_(message.c.agent == agent, conversation.c.owner == agent, conversation.c.owner.is_(None)),
        message.c.automated.is_(None),
        customer.c.erased_at.is_(None),
    )
    found = (
        select(
            message.c.id,
            message.c.customer_id,
            message.c.text,
            message.c.state,
            message.c.state_at,
            message.c.detail,
            conversation.c.team,
        )
        .select_from(both)
        .where(*wanted)
        .order_by(message.c.state_at.desc(), message.c.id.desc())
        .limit(limit)
    )
    count = select(func.count()).select_from(both).where(*wanted)
    return connection.execute(found).all(), int(connection.execute(count).scalar_one())


def done(connection: Connection, agent: str, since: float) -> tuple[int, int, tuple[int, ...]]:
    """What an agent did since a time: customers whom they replied to, cases that they resolved, and their replies."""
    rows = connection.execute(
        select(audit.c.action, audit.c.customer_id, audit.c.detail)
        .where(audit.c.agent == agent, audit.c.at >= since, audit.c.action.in_(("reply", "resolve")))
        .order_by(audit.c.at.desc())
        .limit(_MOST)
    ).all()
    replies = [row for row in rows if row.action == "reply"]
    numbers = [(row.detail or "").removeprefix("message ") for row in replies]
    return (
        len({row.customer_id for row in replies}),
        sum(1 for row in rows if row.action == "resolve"),
        tuple(int(number) for number in numbers if number.isdigit()),
    )


def first_replies(connection: Connection, replies: Sequence[int]) -> tuple[int, int]:
    """Of these replies: first ones to a customer that came in time, and that came late."""
    if not replies:
        return 0, 0
    wanted = clock.c.stopped_by.in_(list(replies))
    rows = connection.execute(
        select(clock.c.breached_at.is_(None), func.count())
        .where(clock.c.stopped_by.is_not(None), wanted, clock.c.kind == "first")
        .group_by(clock.c.breached_at.is_(None))
    )
    counts = {bool(kept): int(count) for kept, count in rows}
    return counts.get(True, 0), counts.get(False, 0)


def last_inboxes(connection: Connection, customer_ids: Sequence[int]) -> dict[int, list[str]]:
    """The inboxes that customers are reached by, the one they used last first."""
    found: dict[int, list[str]] = {one: [] for one in customer_ids}
    rows = connection.execute(
        select(identity.c.customer_id, route.c.inbox)
        .join(route, route.c.identity_id == identity.c.id)
        .where(identity.c.customer_id.in_(list(customer_ids)))
        .order_by(route.c.last_used_at.desc())
    )
    for row in rows:
        if row.inbox not in found[row.customer_id]:
            found[row.customer_id].append(row.inbox)
    return found


_PULSE = select(
    select(func.max(message.c.id)).scalar_subquery(),
    select(func.max(delivery.c.id)).scalar_subquery(),
    select(func.max(audit.c.id)).scalar_subquery(),
)


def pulse(connection: Connection) -> str:
    """Another whenever something was said, done, or is to be shown."""
    return "/".join(str(number or 0) for number in connection.execute(_PULSE).one())
