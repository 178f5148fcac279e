"""Single deliveries: what became of them, how far they are. Their place in a lane is the business of ``lanes``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from bot.desk import State
from bot.storage import lanes
from bot.storage.schema import delivery

_COUNT = update(delivery).where(delivery.c.id == bindparam("which")).values(attempts=delivery.c.attempts + 1)


def count_attempt(connection: Connection, delivery_id: int) -> None:
    """Counts an attempt at something that a delivery waits for (its thread's card)."""
    connection.execute(_COUNT, {"which": delivery_id})


def alone(connection: Connection, run: Sequence[lanes.Delivery]) -> None:
    """Each of these goes by itself from now on: together they were refused, and only one of them may be to blame."""
    connection.execute(
        update(delivery).where(delivery.c.id.in_([one.id for one in run])).values(progress=lanes.ALONE)
    )


_PROGRESS = update(delivery).where(delivery.c.id == bindparam("which")).values(progress=bindparam("how_far"))


def save_progress(connection: Connection, delivery_id: int, progress: str) -> None:
    """Stores how far a multi-step operation has come."""
    connection.execute(_PROGRESS, {"which": delivery_id, "how_far": progress})


_OF_MESSAGE = (
    select(delivery)
    .where(delivery.c.message_id == bindparam("which"), delivery.c.op == bindparam("operation"))
    .order_by(delivery.c.id.desc())
)


def deliveries_of(connection: Connection, message_id: int, op: str) -> list[Any]:
    """The deliveries of a message with one operation, newest first."""
    return list(connection.execute(_OF_MESSAGE, {"which": message_id, "operation": op}))


def set_state(connection: Connection, delivery_id: int, state: State, why: str | None = None) -> None:
    """Says by hand what became of a delivery."""
    connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(state=state, error=why))


_UNDER_WAY = (
    select(delivery.c.id)
    .where(
        delivery.c.message_id == bindparam("which"),
        delivery.c.op.in_(("say", "echo", "note")),
        delivery.c.state == State.SENDING,
    )
    .limit(1)
)


def being_shown(connection: Connection, message_id: int) -> bool:
    """Whether a post that shows a message is under way just now."""
    return connection.execute(_UNDER_WAY, {"which": message_id}).scalar() is not None


_BETWEEN = update(delivery).where(delivery.c.id == bindparam("which")).values(state=State.PENDING)


def between_parts(connection: Connection, delivery_id: int) -> None:
    """A part was accepted and is stored; the next one has not been attempted."""
    connection.execute(_BETWEEN, {"which": delivery_id})
