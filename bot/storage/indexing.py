"""The index of words is brought up to date here, some messages at a time.

While a message is stored nothing is indexed. In FTS5 each would become a segment of its own, and all of these have to be merged
again: measured, 330 µs of CPU a message where storing it takes 40, and now and then 300 ms in which nothing else is stored; on
PostgreSQL storing took four times as long. So new messages are put in together, a moment after they were stored, and
segments are merged a few pages at a time. Changes and deletions of messages that are in the index are its triggers'
business (migration 0003). One bot stores messages, so their numbers come in order, and the newest in the index says
where it goes on.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

MESSAGES = {"sqlite": 200, "postgresql": 40}
"""Messages that are put into the index at once: about 10 and 40 ms."""
CHARACTERS = 200_000
"""Characters at once; a longer message goes in alone."""
PAGES = 16
"""Pages of the index that are written at once where segments are merged: about 10 ms."""
SEGMENTS = 8
"""Segments of one size that are merged into one."""

_NEWEST = {
    "sqlite": "coalesce((select max(id) from fts_message_docsize), 0)",
    "postgresql": "coalesce((select max(id) from fts_message), 0)",
}
_BEHIND = {
    name: text(f"select 1 from message where id > {newest} limit 1") for name, newest in _NEWEST.items()
}
_LENGTHS = {
    name: text(f"select id, length(text) from message where id > {newest} order by id limit :most")
    for name, newest in _NEWEST.items()
}
_PUT = {
    "sqlite": text(
        "insert into fts_message(rowid, text, subject, author, file_names) "
        "select id, text, subject, author, file_names from message "
        f"where id > {_NEWEST['sqlite']} and id <= :last order by id"
    ),
    "postgresql": text(
        "insert into fts_message(id, words) select id, fts_words(subject, author, file_names, text) from message "
        f"where id > {_NEWEST['postgresql']} and id <= :last order by id"
    ),
}
_MERGE = text("insert into fts_message(fts_message, rank) values ('merge', :pages)")
_LEAST = text("insert into fts_message(fts_message, rank) values ('usermerge', :segments)")


def behind(connection: Connection) -> bool:
    """Whether there are messages that are not in the index yet."""
    return connection.execute(_BEHIND[connection.dialect.name]).scalar() is not None


def index_some(connection: Connection) -> bool:
    """A unit: puts some new messages into the index. True: there may be more."""
    name = connection.dialect.name
    last, total, count = 0, 0, 0
    for number, length in connection.execute(_LENGTHS[name], {"most": MESSAGES[name]}).all():
        total += length
        if count and total > CHARACTERS:
            break
        last, count = number, count + 1
    if count:
        connection.execute(_PUT[name], {"last": last})
    return count > 0 and (count == MESSAGES[name] or total > CHARACTERS)


def merge_some(connection: Connection, pages: int = PAGES) -> bool:
    """A unit: merges some segments of FTS5. True: there is more to merge. ``pages`` < 0 begins to join all of them."""
    if connection.dialect.name != "sqlite":
        return False
    raw = connection.connection.dbapi_connection
    before = getattr(raw, "total_changes", 0)
    connection.execute(_MERGE, {"pages": pages})
    return bool(getattr(raw, "total_changes", 0) - before >= 2)


def merge_from(connection: Connection, segments: int = SEGMENTS) -> None:
    """From how many segments of one size on they are merged: 2 until an erasure has joined them all."""
    connection.execute(_LEAST, {"segments": segments})
