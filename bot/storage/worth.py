"""Cases that are worth reading: with the lowest ratings, the longest waits, the most words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, case, func, select

from bot.storage.schema import conversation, message
from bot.storage.schema_clocks import clock
from bot.storage.schema_stats import rating

EACH = 3
LOW = 2


def candidates(connection: Connection, team: str, since: float, until: float) -> Iterator[tuple[str, Any]]:
    """(why, row with customer_id and amount), the one most worth it first; first one of each kind, then the others."""
    found = {"rating": _ratings, "waited": _waits, "words": _words}
    rows = {why: list(query(connection, team, since, until)) for why, query in found.items()}
    for number in range(EACH):
        for why, some in rows.items():
            if number < len(some):
                yield why, some[number]


def _ratings(connection: Connection, team: str, since: float, until: float) -> Any:
    return connection.execute(
        select(conversation.c.customer_id, rating.c.score.label("amount"))
        .join(rating, rating.c.conversation_id == conversation.c.id)
        .where(
            conversation.c.team == team,
            rating.c.answered_at >= since,
            rating.c.answered_at < until,
            rating.c.score <= LOW,
        )
        .order_by(rating.c.score, rating.c.answered_at)
        .limit(EACH)
    )


def _waits(connection: Connection, team: str, since: float, until: float) -> Any:
    """By the clock, until the answer or the end of the days."""
    waited = case((clock.c.stopped_at < until, clock.c.stopped_at), else_=until) - clock.c.started_at
    return connection.execute(
        select(conversation.c.customer_id, waited.label("amount"))
        .join(clock, clock.c.conversation_id == conversation.c.id)
        .where(
            conversation.c.team == team,
            clock.c.kind.in_(("first", "next")),
            clock.c.breached_at >= since,
            clock.c.breached_at < until,
        )
        .order_by(waited.desc(), clock.c.id)
        .limit(EACH)
    )


def _words(connection: Connection, team: str, since: float, until: float) -> Any:
    count = func.count().label("amount")
    return connection.execute(
        select(conversation.c.customer_id, count)
        .join(message, message.c.conversation_id == conversation.c.id)
        .where(
            conversation.c.team == team,
            conversation.c.last_in_at >= since,
            message.c.created_at >= since,
            message.c.created_at < until,
            message.c.direction.in_(("inbound", "outbound")),
            message.c.automated.is_(None),
        )
        .group_by(conversation.c.id, conversation.c.customer_id)
        .having(count >= 10)
        .order_by(count.desc(), conversation.c.id)
        .limit(EACH)
    )
