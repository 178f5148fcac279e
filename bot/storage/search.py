"""Finding words in everything that was said: one function, two bodies.

SQLite: an FTS5 index beside ``message``; PostgreSQL: a generated tsvector in it with a GIN index. Both are kept in step by the
database itself (migration 0003), so nobody who changes or deletes a message has to think of the index. Newest first, by the
message's number, which is also how one pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    column,
    exists,
    func,
    literal_column,
    select,
    table,
)

from bot.storage import query as queries
from bot.storage.pages import ALL, Filters, conditions
from bot.storage.query import Query
from bot.storage.schema import customer, message

FEW = 2_000
"""Of a customer with no more messages than this each is looked up in the index; of others the index is read and filtered."""

_FTS = table("fts_message", column("rowid"))
_MATCHES: ColumnElement[bool] = literal_column("fts_message").op("match", is_comparison=True)(
    bindparam("words")
)


def search(
    connection: Connection,
    wanted: Query,
    filters: Filters = ALL,
    *,
    customers: Sequence[int] | None = None,
    before: int | None = None,
    limit: int = 20,
) -> list[int]:
    """The newest messages with these words: their numbers, newest first.

    ``customers``: only of these; None: of everybody but those who were marked as spam. ``before``: only older than this one.
    Nothing where the query has no word.
    """
    if not wanted:
        return []
    more = conditions(filters)
    if before is not None:
        more.append(message.c.id < before)
    if connection.dialect.name == "sqlite":
        return _sqlite(connection, queries.sqlite(wanted), more, customers, limit)
    return _postgresql(connection, queries.postgresql(wanted), more, customers, limit)


def _nobody_s_spam() -> ColumnElement[bool]:
    spam = select(customer.c.spam).where(customer.c.id == message.c.customer_id)
    return ~spam.scalar_subquery()


def _newest(
    connection: Connection, statement: Select[Any], words: str, limit: int, by: ColumnElement[int]
) -> list[int]:
    rows = connection.execute(statement.order_by(by.desc()).limit(limit), {"words": words})
    return [int(one) for one in rows.scalars()]


def _sqlite(
    connection: Connection,
    words: str,
    more: list[ColumnElement[bool]],
    customers: Sequence[int] | None,
    limit: int,
) -> list[int]:
    by_index = (
        select(message.c.id)
        .select_from(_FTS.join(message, message.c.id == _FTS.c.rowid))
        .where(_MATCHES, *more)
    )
    if customers is None:
        return _newest(connection, by_index.where(_nobody_s_spam()), words, limit, _FTS.c.rowid)
    found: list[int] = []
    for one in customers:
        if _has_few(connection, one):
            there = exists().select_from(_FTS).where(_MATCHES, _FTS.c.rowid == message.c.id)
            theirs = select(message.c.id).where(message.c.customer_id == one, there, *more)
            found += _newest(connection, theirs, words, limit, message.c.id)
        else:
            theirs = by_index.where(message.c.customer_id == one)
            found += _newest(connection, theirs, words, limit, _FTS.c.rowid)
    return sorted(found, reverse=True)[:limit]


def _has_few(connection: Connection, customer_id: int) -> bool:
    some = select(message.c.id).where(message.c.customer_id == customer_id).limit(FEW + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one()) <= FEW


def _postgresql(
    connection: Connection,
    words: str,
    more: list[ColumnElement[bool]],
    customers: Sequence[int] | None,
    limit: int,
) -> list[int]:
    there = literal_column("message.fts_words").op("@@", is_comparison=True)(
        func.to_tsquery("simple", bindparam("words"))
    )
    statement = select(message.c.id).where(there, *more)
    if customers is None:
        return _newest(connection, statement.where(_nobody_s_spam()), words, limit, message.c.id)
    found: list[int] = []
    for one in customers:
        theirs = statement.where(message.c.customer_id == one)
        found += _newest(connection, theirs, words, limit, message.c.id)
    return sorted(found, reverse=True)[:limit]
