"""How long threads are: the lane of a customer's posts goes on through all threads, so a thread notes where it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from bot.storage.schema import lane, thread

_LENGTH = lane.c.tail - thread.c.began_at_seq


def length(connection: Connection, thread_id: int) -> int:
    """How many posts and files a thread has had."""
    joined = select(_LENGTH).join(lane, lane.c.id == thread.c.desk_lane).where(thread.c.id == thread_id)
    return int(connection.execute(joined).scalar() or 0)


def began(connection: Connection, thread_id: int) -> None:
    """A thread begins here."""
    joined = select(lane.c.tail).join(thread, thread.c.desk_lane == lane.c.id).where(thread.c.id == thread_id)
    tail = connection.execute(joined).scalar_one()
    connection.execute(update(thread).where(thread.c.id == thread_id).values(began_at_seq=tail))


def too_long(connection: Connection, posts: int, limit: int) -> Sequence[Any]:
    """Current threads that have had more posts than that."""
    return connection.execute(
        select(thread)
        .join(lane, lane.c.id == thread.c.desk_lane)
        .where(lane.c.tail > posts, posts < (_LENGTH), thread.c.current, thread.c.ts.is_not(None))
        .order_by(thread.c.id)
        .limit(limit)
    ).all()
