"""Everything about one person, for an export: in chunks, oldest first. Units that only read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from bot.messages import Attachment
from bot.storage import history
from bot.storage.schema import conversation, customer, identity, message, message_version
from bot.storage.schema_people import attribute
from bot.storage.schema_stats import rating


@dataclass(frozen=True, slots=True)
class About:
    """Who somebody is: rows of customers, identities, attributes and cases."""

    customers: Sequence[Any]
    identities: Sequence[Any]
    attributes: Sequence[Any]
    cases: Sequence[Any]
    ratings: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message with its files, and what it said before it was changed."""

    row: Any
    files: tuple[Attachment, ...]
    versions: tuple[Any, ...]


def about(connection: Connection, ids: Collection[int]) -> About:
    """Who somebody is, under all their numbers."""
    of = (
        select(customer).where(customer.c.id.in_(ids)).order_by(customer.c.id),
        select(identity).where(identity.c.customer_id.in_(ids)).order_by(identity.c.id),
        select(attribute).where(attribute.c.customer_id.in_(ids)).order_by(attribute.c.name),
        select(conversation).where(conversation.c.customer_id.in_(ids)).order_by(conversation.c.id),
        select(rating)
        .join(conversation, conversation.c.id == rating.c.conversation_id)
        .where(conversation.c.customer_id.in_(ids), rating.c.asked_at.is_not(None))
        .order_by(rating.c.id),
    )
    customers, identities, attributes, cases, ratings = [connection.execute(one).all() for one in of]
    return About(customers, identities, attributes, cases, ratings)


def spoken(
    connection: Connection, ids: Collection[int], after: int, most: int, *, notes: bool
) -> list[Spoken]:
    """The next messages. ``notes``: those that only the team sees too."""
    kinds = ("inbound", "outbound", "system", *(("note",) if notes else ()))
    rows = connection.execute(
        select(message)
        .where(message.c.customer_id.in_(ids), message.c.id > after, message.c.direction.in_(kinds))
        .order_by(message.c.id)
        .limit(most)
    ).all()
    numbers = [row.id for row in rows]
    files = history.attachments_of(connection, numbers) if numbers else {}
    versions: dict[int, list[Any]] = {}
    for one in connection.execute(
        select(message_version)
        .where(message_version.c.message_id.in_(numbers))
        .order_by(message_version.c.id)
    ):
        versions.setdefault(one.message_id, []).append(one)
    return [
        Spoken(row, tuple(file for _, file in files.get(row.id, ())), tuple(versions.get(row.id, ())))
        for row in rows
    ]
