"""Finding words in everything that was said: one function, two bodies.

SQLite: FTS5; PostgreSQL: tsvectors with a GIN index; both beside ``message``, in a table ``fts_message``. Changes and deletions
reach it by triggers (migration 0003), so nobody who changes a message has to think of the index; new messages are put in a
moment later (``bot.storage.indexing``). Newest first, by the message's number, which is also how one pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
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

NEAR = 3_000
"""On PostgreSQL so many of the newest messages are looked at first: a usual word is there, and of others there are few."""

_FTS = table("fts_message", column("rowid"))
_WORDS = table("fts_message", column("id"), column("words"))
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
    if connection.dialect.name == "sqlite":
        return _sqlite(connection, queries.sqlite(wanted), more, customers, before, limit)
    return _postgresql(connection, queries.postgresql(wanted), more, customers, before, limit)


def _nobody_s_spam() -> ColumnElement[bool]:
    spam = select(customer.c.spam).where(customer.c.id == message.c.customer_id)
    return ~spam.scalar_subquery()


def _newest(
    connection: Connection,
    statement: Select[Any],
    words: str,
    before: int | None,
    limit: int,
    by: ColumnElement[int],
) -> list[int]:
    if before is not None:
        statement = statement.where(by < before)
    rows = connection.execute(statement.order_by(by.desc()).limit(limit), {"words": words})
    return [int(one) for one in rows.scalars()]


def _sqlite(
    connection: Connection,
    words: str,
    more: list[ColumnElement[bool]],
    customers: Sequence[int] | None,
    before: int | None,
    limit: int,
) -> list[int]:
    by_index = (
        select(message.c.id)
        .select_from(_FTS.join(message, message.c.id == _FTS.c.rowid))
        .where(_MATCHES, *more)
    )
    if customers is None:
        return _newest(connection, by_index.where(_nobody_s_spam()), words, before, limit, _FTS.c.rowid)
    found: list[int] = []
    for one in customers:
        if _has_few(connection, one):
            there = exists().select_from(_FTS).where(_MATCHES, _FTS.c.rowid == message.c.id)
            theirs = select(message.c.id).where(message.c.customer_id == one, there, *more)
            found += _newest(connection, theirs, words, before, limit, message.c.id)
        else:
            theirs = by_index.where(message.c.customer_id == one)
            found += _newest(connection, theirs, words, before, limit, _FTS.c.rowid)
    return sorted(found, reverse=True)[:limit]


def _has_few(connection: Connection, customer_id: int) -> bool:
    some = select(message.c.id).where(message.c.customer_id == customer_id).limit(FEW + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one()) <= FEW


def _postgresql(
    connection: Connection,
    words: str,
    more: list[ColumnElement[bool]],
    customers: Sequence[int] | None,
    before: int | None,
    limit: int,
) -> list[int]:
    there = _WORDS.c.words.op("@@", is_comparison=True)(func.to_tsquery("simple", bindparam("words")))
    if customers is None:
        more = [*more, _nobody_s_spam()]
        top = before or _top(connection)
        near = _joined(_WORDS).where(there, _WORDS.c.id >= top - NEAR, *more)
        found = _newest(connection, near, words, top, limit, _WORDS.c.id)
        if len(found) == limit:
            return found
        # A CTE of its own, so that the order by number does not tempt the planner to look for a rare word by reading
        # everything from the newest on.
        hits = select(_WORDS.c.id).where(there).cte("hits").prefix_with("materialized")
        return _newest(connection, _joined(hits).where(*more), words, before, limit, hits.c.id)
    found = []
    for one in customers:
        theirs = _joined(_WORDS).where(message.c.customer_id == one, there, *more)
        found += _newest(connection, theirs, words, before, limit, message.c.id)
    return sorted(found, reverse=True)[:limit]


def _joined(index: FromClause) -> Select[Any]:
    return select(message.c.id).select_from(index.join(message, message.c.id == index.c.id))


def _top(connection: Connection) -> int:
    return int(connection.execute(select(func.max(_WORDS.c.id))).scalar() or 0) + 1
