"""Deliveries that are held back for a time: replies in their undo window, and their echoes.

A held delivery has no number in its lane yet. Undo, edit, delete and release meet at one compare-and-set on ``held``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bot.desk import State
from bot.storage import lanes
from bot.storage.lanes import NewDelivery
from bot.storage.schema import HELD, delivery


@dataclass(frozen=True, slots=True)
class Released:
    """What a look at the held deliveries came to: buckets with new work, messages whose replies go out, the next time."""

    buckets: set[str]
    messages: list[int]
    next_at: float | None


_HELD = (
    select(delivery.c.id, delivery.c.lane_id, delivery.c.op, delivery.c.hold_until, delivery.c.message_id)
    .where(delivery.c.state == HELD)
    .order_by(delivery.c.lane_id, delivery.c.order_at, delivery.c.id)
)
_HELD_OF = select(delivery.c.id, delivery.c.lane_id).where(
    delivery.c.message_id == bindparam("which"),
    delivery.c.op == bindparam("operation"),
    delivery.c.state == HELD,
)
_CHANGE = update(delivery).where(
    delivery.c.message_id == bindparam("which"),
    delivery.c.op == bindparam("operation"),
    delivery.c.state == HELD,
)
_CANCEL = _CHANGE.values(state=State.CANCELLED)
_EXTEND = _CHANGE.values(hold_until=bindparam("until"))
_NUMBER = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(state=State.PENDING, seq=bindparam("number"))
)


_HOLD = insert(delivery)


def hold(
    connection: Connection, lane_id: int, item: NewDelivery, now: float, *, until: float, order: float
) -> None:
    """Keeps a delivery back until a time; it gets its number in the lane when it is released."""
    values = lanes.values_of(lane_id, item, now, seq=None, state=State.HELD)
    connection.execute(_HOLD, values | {"hold_until": until, "order_at": order})


def release_due(connection: Connection, now: float) -> Released:
    """Gives held deliveries whose time has come their place in their lane, in the order in which they were written.

    One that is due waits for an earlier one of the same lane that is still held (it was edited, say); ``next_at`` is when
    the first of some lane is due. Few are held at any time: those of the last seconds.
    """
    buckets: set[str] = set()
    messages: list[int] = []
    blocked: dict[int, float] = {}
    for row in connection.execute(_HELD).all():
        if row.lane_id in blocked:
            continue
        if row.hold_until > now:
            blocked[row.lane_id] = row.hold_until
            continue
        buckets.add(_release(connection, row, now))
        if row.op == "send":
            messages.append(row.message_id)
    return Released(buckets, messages, min(blocked.values(), default=None))


def _release(connection: Connection, row: Any, now: float) -> str:
    number, bucket = lanes.take_numbers(connection, row.lane_id, 1, now, now)
    connection.execute(_NUMBER, {"which": row.id, "number": number})
    return bucket


def release(connection: Connection, message_id: int, op: str, now: float) -> str | None:
    """Releases one held operation of a message before its time and lets its lane go first; None where there is none."""
    row = connection.execute(_HELD_OF, {"which": message_id, "operation": op}).one_or_none()
    if row is None:
        return None
    bucket = _release(connection, row, now)
    lanes.promote(connection, row.lane_id)
    return bucket


def cancel(connection: Connection, message_id: int, op: str) -> bool:
    """Takes back a held operation; False where it is not held any more."""
    return connection.execute(_CANCEL, {"which": message_id, "operation": op}).rowcount == 1


def extend(connection: Connection, message_id: int, op: str, until: float) -> bool:
    """Moves the end of a hold; False where it is not held any more."""
    values = {"which": message_id, "operation": op, "until": until}
    return connection.execute(_EXTEND, values).rowcount == 1
