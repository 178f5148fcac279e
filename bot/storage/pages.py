"""A customer's history page by page, and what it can be narrowed down to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal, select

from bot.storage.schema import conversation, message
from bot.storage.schema_stats import rating

MANY = 10_000
"""Messages are counted up to this many: beyond it nobody needs to know, and counting would take longer than reading."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which messages. Times are epoch seconds of when it was said: ``since`` ≤ it < ``until``.

    ``inboxes``, ``directions`` None: all. ``agent``: said by them. ``files``: only with files. ``teams``: the teams whose
    cases may be seen, None for all; a message belongs to the team of its conversation.
    """

    inboxes: frozenset[str] | None = None
    since: float | None = None
    until: float | None = None
    agent: str | None = None
    files: bool = False
    directions: frozenset[str] | None = None
    teams: frozenset[str] | None = None


ALL = Filters()


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """The filters as conditions on ``message``."""
    made: list[ColumnElement[bool]] = []
    if filters.inboxes is not None:
        made.append(message.c.inbox.in_(sorted(filters.inboxes)))
    if filters.since is not None:
        made.append(message.c.sent_at >= filters.since)
    if filters.until is not None:
        made.append(message.c.sent_at < filters.until)
    if filters.agent is not None:
        made.append(message.c.agent == filters.agent)
    if filters.files:
        made.append(message.c.file_names.is_not(None))
    if filters.directions is not None:
        made.append(message.c.direction.in_(sorted(filters.directions)))
    if filters.teams is not None:
        # A scalar subquery, not a join: both databases look it up for the rows that pass, and plan nothing else.
        team = select(conversation.c.team).where(conversation.c.id == message.c.conversation_id)
        made.append(team.scalar_subquery().in_(sorted(filters.teams)))
    return made


def page(
    connection: Connection,
    customers: Sequence[int],
    filters: Filters = ALL,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 10,
) -> list[Any]:
    """Messages of a family of customers, newest first: the newest before one, or the oldest after one.

    A short walk along the index for each of them, and the newest of what was found: however long a history is, no more
    than ``limit`` rows a customer are read (more where filters leave rows out).
    """
    found: list[Any] = []
    for one in customers:
        statement = select(message).where(message.c.customer_id == one, *conditions(filters))
        if before is not None:
            statement = statement.where(message.c.id < before)
        if after is not None:
            statement = statement.where(message.c.id > after)
        order = message.c.id.desc() if after is None else message.c.id.asc()
        found += connection.execute(statement.order_by(order).limit(limit)).all()
    found.sort(key=lambda row: row.id, reverse=after is None)
    kept = found[:limit]
    return kept if after is None else kept[::-1]


def around(
    connection: Connection, customers: Sequence[int], message_id: int, filters: Filters = ALL, limit: int = 10
) -> list[Any]:
    """A message of theirs with what was said right before and after it, newest first."""
    newer = page(connection, customers, filters, after=message_id, limit=limit // 2)
    older = page(connection, customers, filters, before=message_id + 1, limit=limit - len(newer))
    if len(newer) + len(older) < limit:
        newer = page(connection, customers, filters, after=message_id, limit=limit - len(older))
    return newer + older


def count(connection: Connection, customers: Sequence[int], filters: Filters = ALL) -> int:
    """How many messages they have, at most ``MANY`` and one."""
    total = 0
    for one in customers:
        some = (
            select(literal(1))
            .select_from(message)
            .where(message.c.customer_id == one, *conditions(filters))
            .limit(MANY + 1 - total)
        )
        total += int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())
        if total > MANY:
            break
    return total


def open_since(
    connection: Connection, customers: Sequence[int], teams: frozenset[str] | None
) -> float | None:
    """When the oldest of their cases that are not resolved was opened; None where all are."""
    statement = select(func.min(conversation.c.opened_at)).where(
        conversation.c.customer_id.in_(list(customers)), conversation.c.status != "resolved"
    )
    if teams is not None:
        statement = statement.where(conversation.c.team.in_(sorted(teams)))
    return connection.execute(statement).scalar()


def has_written(connection: Connection, customers: Sequence[int], agent: str) -> bool:
    """Whether an agent has ever sent them a reply that was not taken back."""
    return any(
        connection.execute(
            select(message.c.id)
            .where(
                message.c.customer_id == one,
                message.c.direction == "outbound",
                message.c.agent == agent,
                message.c.state != "cancelled",
            )
            .limit(1)
        ).scalar()
        is not None
        for one in customers
    )


def last_rating(connection: Connection, customers: Sequence[int], teams: Iterable[str] | None) -> Any | None:
    """What a customer rated last: score, comment, answered_at. ``teams``: only of their cases; None: of all."""
    wanted = (
        select(rating.c.score, rating.c.comment, rating.c.answered_at)
        .where(rating.c.customer_id.in_(list(customers)), rating.c.score.is_not(None))
        .order_by(rating.c.answered_at.desc())
        .limit(1)
    )
    if teams is not None:
        wanted = wanted.join(conversation, conversation.c.id == rating.c.conversation_id).where(
            conversation.c.team.in_(list(teams))
        )
    return connection.execute(wanted).one_or_none()
