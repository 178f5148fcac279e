"""What belongs to inboxes rather than to customers: cursors, adapters' own values, how they are; and acts that had effect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.storage.base import metadata
from bot.storage.schema import act, adapter_state, audit, delivery, inbox_status, source_cursor


def _upsert(connection: Connection, table: Any, values: dict[str, Any], keys: list[str]) -> None:
    connection.execute(_upsert_of(connection.dialect.name, table.name, tuple(values), tuple(keys)), values)


@cache
def _upsert_of(dialect: str, name: str, columns: tuple[str, ...], keys: tuple[str, ...]) -> Executable:
    made: Any = (postgresql if dialect == "postgresql" else sqlite).insert(metadata.tables[name])
    bound = made.values({column: bindparam(column) for column in columns})
    changed = {column: bound.excluded[column] for column in columns if column not in keys}
    statement: Executable = bound.on_conflict_do_update(index_elements=list(keys), set_=changed)
    return statement


def get_cursor(connection: Connection, inbox: str) -> str | None:
    """How far an inbox has been read."""
    return connection.execute(select(source_cursor.c.cursor).where(source_cursor.c.inbox == inbox)).scalar()


def set_cursor(connection: Connection, inbox: str, cursor: str) -> None:
    """Stores how far an inbox has been read."""
    _upsert(connection, source_cursor, {"inbox": inbox, "cursor": cursor}, ["inbox"])


def get_state(connection: Connection, inbox: str, key: str) -> str | None:
    """One of an adapter's own values."""
    return connection.execute(
        select(adapter_state.c.value).where(adapter_state.c.inbox == inbox, adapter_state.c.key == key)
    ).scalar()


def set_state(connection: Connection, inbox: str, key: str, value: str) -> None:
    """Replaces one of an adapter's own values."""
    _upsert(connection, adapter_state, {"inbox": inbox, "key": key, "value": value}, ["inbox", "key"])


def report(
    connection: Connection, inbox: str, problem: str | None, now: float
) -> tuple[str | None, float | None]:
    """Stores how an inbox is; returns the problem it had before, and since when. ``since`` keeps the first moment."""
    row = connection.execute(select(inbox_status).where(inbox_status.c.inbox == inbox)).one_or_none()
    before = (row.problem, row.since) if row is not None else (None, None)
    same = before[0] is not None and problem is not None
    since = before[1] if same else (now if problem else None)
    _upsert(connection, inbox_status, {"inbox": inbox, "problem": problem, "since": since}, ["inbox"])
    return before


def statuses(connection: Connection) -> dict[str, Any]:
    """How all inboxes are."""
    return {row.inbox: row for row in connection.execute(select(inbox_status))}


def first_time(connection: Connection, source: str, now: float) -> bool:
    """Whether an act (an event, a trigger) has its effect now; False where it had it before."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(act).values(source=source, at=now).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1


def keep_early(connection: Connection, inbox: str, remote_id: str, level: str, now: float) -> None:
    """A receipt came before the send that it is for was stored: it waits for it."""
    first_time(connection, f"early:{inbox}:{remote_id}:{level}", now)


def early_level(connection: Connection, inbox: str, remote_ids: Sequence[str]) -> str | None:
    """The furthest level that receipts told of these messages before they were stored; None where none came."""
    for level in ("seen", "delivered"):
        sources = [f"early:{inbox}:{remote_id}:{level}" for remote_id in remote_ids]
        if connection.execute(select(act.c.source).where(act.c.source.in_(sources)).limit(1)).scalar():
            return level
    return None


def forget_acts(connection: Connection, before: float) -> int:
    """Forgets acts that cannot come again."""
    return connection.execute(delete(act).where(act.c.at < before)).rowcount


def write_audit(
    connection: Connection, agent: str, action: str, customer_id: int | None, detail: str | None, now: float
) -> None:
    """Writes down who did what."""
    connection.execute(
        insert(audit),
        {"at": now, "agent": agent, "action": action, "customer_id": customer_id, "detail": detail},
    )


def troubles(connection: Connection, since: float) -> tuple[int, int, str | None, float | None]:
    """Failed since a time, uncertain now, and the newest error with its time."""
    failed = connection.execute(
        select(func.count()).where(delivery.c.state == "failed", delivery.c.settled_at >= since)
    ).scalar_one()
    uncertain = connection.execute(select(func.count()).where(delivery.c.state == "uncertain")).scalar_one()
    newest = connection.execute(
        select(delivery.c.error, delivery.c.settled_at)
        .where(delivery.c.state.in_(("failed", "uncertain")))
        .order_by(delivery.c.settled_at.desc())
        .limit(1)
    ).one_or_none()
    return int(failed), int(uncertain), newest[0] if newest else None, newest[1] if newest else None
