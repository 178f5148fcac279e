"""The search index forgets what was taken out of it.

SQLite's FTS5 only notes that words are gone; they lie on in older segments until those are merged. All segments are joined
into one here, some pages at a time. PostgreSQL's index holds no words of a row that VACUUM has cleared; nothing is done here.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from bot.storage import indexing

PAGES = 64
"""Pages of the index that are written at a time."""

_THERE = text("select 1 from sqlite_master where name = 'fts_message'")


def wipe(connection: Connection, *, first: bool) -> bool:
    """A unit: joins some of the index's segments. ``first``: of a new round. True: the round is done."""
    if connection.dialect.name != "sqlite" or connection.execute(_THERE).scalar() is None:
        return True
    if first:
        indexing.merge_from(connection, 2)
    if indexing.merge_some(connection, -PAGES if first else PAGES):
        return False
    indexing.merge_from(connection)
    return True
