"""Lanes and deliveries: the queue, as rows in the history's own transaction.

A lane is an ordered queue to one target. ``append`` takes the next number of the lane with ``tail + 1 … RETURNING``: the
row lock makes the order of commits the order of the queue. ``claim`` takes lanes, never rows. ``head`` moves in ``settle``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from bot.desk import State
from bot.storage.schema import delivery, lane

DESK, CARD, MARK, ROUTE = "desk", "card", "mark", "route"
"""The kinds of lanes: posts into a customer's thread, its card, marks on what is there, and a route to a customer."""

NORMAL, PROMPT = 10, 0
"""Priorities: a lane that holds an agent's echo goes first."""

RUN = 40
"""The most deliveries that one claim of a lane loads."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane that this worker has claimed."""

    id: int
    kind: str
    bucket: str
    customer_id: int | None
    team: str | None
    route_id: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery of a claimed lane. ``key`` is set where an earlier attempt was cut short."""

    id: int
    seq: int
    op: str
    message_id: int | None
    attachment_id: int | None
    state: State
    attempts: int
    key: str | None
    attempted_at: float | None
    payload: dict[str, Any]
    progress: str | None
    created_at: float


_CREATE = insert(lane).returning(lane.c.id)
_IDLE_TAIL = (
    update(lane)
    .where(
        lane.c.id == bindparam("lane"),
        or_(lane.c.head > lane.c.tail, and_(lane.c.head == lane.c.tail, lane.c.owner.is_not(None))),
    )
    .values(tail=lane.c.tail + 1, head_at=bindparam("now"), due_at=bindparam("due"))
    .returning(lane.c.tail, lane.c.bucket)
)
_ENQUEUE = insert(delivery)


def create_lane(
    connection: Connection,
    kind: str,
    bucket: str,
    *,
    customer_id: int | None = None,
    team: str | None = None,
    route_id: int | None = None,
) -> int:
    """A new, empty lane."""
    values = {
        "kind": kind,
        "bucket": bucket,
        "customer_id": customer_id,
        "team": team,
        "route_id": route_id,
    }
    return int(connection.execute(_CREATE, values).scalar_one())


_APPEND = (
    update(lane)
    .where(lane.c.id == bindparam("lane"))
    .values(tail=lane.c.tail + bindparam("more"))
    .returning(lane.c.tail, lane.c.head, lane.c.bucket)
)
_WAKE = (
    update(lane)
    .where(lane.c.id == bindparam("lane"))
    .values(head_at=bindparam("now"), due_at=bindparam("due"))
)


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """Something to be done. ``payload`` is what the operation needs beyond its message."""

    op: str
    message_id: int | None = None
    attachment_id: int | None = None
    payload: dict[str, Any] | None = None


def append(
    connection: Connection, lane_id: int, items: Sequence[NewDelivery], now: float, *, delay: float = 0.0
) -> str:
    """Puts deliveries at the end of a lane, at once pending; returns the lane's bucket. ``delay`` counts for an idle lane."""
    row = connection.execute(_APPEND, {"lane": lane_id, "more": len(items)}).one()
    tail, head, bucket = row
    first = tail - len(items) + 1
    if head == first:  # it was idle: its head waits since now
        connection.execute(_WAKE, {"lane": lane_id, "now": now, "due": now + delay})
    connection.execute(
        _ENQUEUE,
        [_values(lane_id, item, now, seq=first + at, state=State.PENDING) for at, item in enumerate(items)],
    )
    return str(bucket)


def append_once(
    connection: Connection, lane_id: int, item: NewDelivery, now: float, *, delay: float = 0.0
) -> str | None:
    """Puts a delivery into a lane unless one waits there already that will do the same (a card refresh)."""
    row = connection.execute(_IDLE_TAIL, {"lane": lane_id, "now": now, "due": now + delay}).one_or_none()
    if row is None:
        return None
    connection.execute(_ENQUEUE, [_values(lane_id, item, now, seq=row[0], state=State.PENDING)])
    return str(row[1])


def hold(
    connection: Connection, lane_id: int, item: NewDelivery, now: float, *, until: float, order: float
) -> None:
    """Keeps a delivery back until a time; it gets its number in the lane when it is released."""
    values = _values(lane_id, item, now, seq=None, state=State.HELD)
    connection.execute(_ENQUEUE, [values | {"hold_until": until, "order_at": order}])


def _values(lane_id: int, item: NewDelivery, now: float, *, seq: int | None, state: State) -> dict[str, Any]:
    return {
        "lane_id": lane_id,
        "seq": seq,
        "op": item.op,
        "message_id": item.message_id,
        "attachment_id": item.attachment_id,
        "state": state,
        "payload": json.dumps(item.payload) if item.payload else None,
        "created_at": now,
    }


def release_due(connection: Connection, now: float) -> tuple[set[str], list[int]]:
    """Gives held deliveries whose time has come their place in their lane, in the order in which they were written.

    Returns the buckets that have work now and the messages whose replies go out. One that is due waits for an earlier one of
    the same lane that is still held (it was edited, say).
    """
    due = connection.execute(
        select(delivery.c.lane_id)
        .where(delivery.c.state == State.HELD, delivery.c.hold_until <= now)
        .distinct()
    ).scalars()
    buckets: set[str] = set()
    messages: list[int] = []
    for lane_id in sorted(due):
        held = connection.execute(
            select(delivery.c.id, delivery.c.hold_until, delivery.c.message_id)
            .where(delivery.c.lane_id == lane_id, delivery.c.state == State.HELD)
            .order_by(delivery.c.order_at, delivery.c.id)
        ).all()
        for row in held:
            if row.hold_until > now:
                break
            buckets.add(_release(connection, lane_id, row.id, now))
            messages.append(row.message_id)
    return buckets, messages


def _release(connection: Connection, lane_id: int, delivery_id: int, now: float) -> str:
    tail, head, bucket = connection.execute(_APPEND, {"lane": lane_id, "more": 1}).one()
    if head == tail:
        connection.execute(_WAKE, {"lane": lane_id, "now": now, "due": now})
    connection.execute(
        update(delivery).where(delivery.c.id == delivery_id).values(state=State.PENDING, seq=tail)
    )
    return str(bucket)


def release_held(
    connection: Connection, message_id: int, op: str, now: float, *, prompt: bool = False
) -> str | None:
    """Releases one held operation of a message before its time; None where there is none. ``prompt`` promotes the lane."""
    row = connection.execute(
        select(delivery.c.id, delivery.c.lane_id).where(
            delivery.c.message_id == message_id, delivery.c.op == op, delivery.c.state == State.HELD
        )
    ).one_or_none()
    if row is None:
        return None
    bucket = _release(connection, row.lane_id, row.id, now)
    if prompt:
        promote(connection, row.lane_id)
    return bucket


def promote(connection: Connection, lane_id: int) -> None:
    """Lets a lane go before others of its bucket until it is empty."""
    connection.execute(update(lane).where(lane.c.id == lane_id).values(priority=PROMPT))


def cancel_held(connection: Connection, message_id: int, op: str) -> bool:
    """Takes back a held operation: the one compare-and-set at which undo, edit, delete and claim meet."""
    done = connection.execute(
        update(delivery)
        .where(delivery.c.message_id == message_id, delivery.c.op == op, delivery.c.state == State.HELD)
        .values(state=State.CANCELLED)
    )
    return done.rowcount == 1


def extend_held(connection: Connection, message_id: int, op: str, until: float) -> bool:
    """Moves the end of a hold; False where it is not held any more."""
    done = connection.execute(
        update(delivery)
        .where(delivery.c.message_id == message_id, delivery.c.op == op, delivery.c.state == State.HELD)
        .values(hold_until=until)
    )
    return done.rowcount == 1


def next_hold(connection: Connection) -> float | None:
    """When the next held delivery is due."""
    return connection.execute(
        select(func.min(delivery.c.hold_until)).where(delivery.c.state == State.HELD)
    ).scalar()


_READY = and_(lane.c.owner.is_(None), lane.c.head <= lane.c.tail)
_CANDIDATES = (
    select(
        lane.c.id, lane.c.kind, lane.c.bucket, lane.c.customer_id, lane.c.team, lane.c.route_id, lane.c.head
    )
    .where(lane.c.bucket == bindparam("which"), _READY, lane.c.due_at <= bindparam("now"))
    .order_by(lane.c.priority, lane.c.head_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_TAKE = update(lane).where(lane.c.id == bindparam("lane")).values(owner=bindparam("me"))
_HEADS = (
    select(
        delivery.c.lane_id,
        delivery.c.id,
        delivery.c.seq,
        delivery.c.op,
        delivery.c.message_id,
        delivery.c.attachment_id,
        delivery.c.state,
        delivery.c.attempts,
        delivery.c.key,
        delivery.c.attempted_at,
        delivery.c.payload,
        delivery.c.progress,
        delivery.c.created_at,
    )
    .where(
        delivery.c.lane_id == bindparam("lane"),
        delivery.c.seq >= bindparam("head"),
        delivery.c.seq < bindparam("stop"),
    )
    .order_by(delivery.c.seq)
)


def claim(
    connection: Connection, bucket: str, worker: str, now: float, most: int
) -> list[tuple[Lane, list[Delivery]]]:
    """Takes up to ``most`` lanes of a bucket that are due, and loads the deliveries at their heads."""
    rows = connection.execute(_CANDIDATES, {"which": bucket, "now": now, "most": most}).all()
    if not rows:
        return []
    connection.execute(_TAKE, [{"lane": row.id, "me": worker} for row in rows])
    claimed = []
    for row in rows:
        heads = connection.execute(_HEADS, {"lane": row.id, "head": row.head, "stop": row.head + RUN}).all()
        owned = Lane(row.id, row.kind, row.bucket, row.customer_id, row.team, row.route_id)
        claimed.append((owned, [_delivery(head) for head in heads]))
    return claimed


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row.id,
        row.seq,
        row.op,
        row.message_id,
        row.attachment_id,
        State(row.state),
        row.attempts,
        row.key,
        row.attempted_at,
        json.loads(row.payload) if row.payload else {},
        row.progress,
        row.created_at,
    )


_SENDING = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(
        state=State.SENDING,
        attempts=delivery.c.attempts + 1,
        key=bindparam("attempt"),
        attempted_at=bindparam("now"),
    )
)


def mark_sending(connection: Connection, ids: Iterable[int], key: str, now: float) -> None:
    """Says, durably and before it happens, that an attempt is under way; after a crash this is what is ambiguous."""
    connection.execute(_SENDING, [{"which": one, "attempt": key, "now": now} for one in ids])


_SETTLED = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(state=bindparam("became"), error=bindparam("why"), settled_at=bindparam("now"))
)
_ADVANCE = (
    update(lane)
    .where(lane.c.id == bindparam("lane"), lane.c.owner == bindparam("me"))
    .values(head=bindparam("next"), head_at=bindparam("now"), due_at=bindparam("due"), owner=None)
)
_CALM = (
    update(lane)
    .where(lane.c.id == bindparam("lane"), lane.c.head > lane.c.tail, lane.c.priority != NORMAL)
    .values(priority=NORMAL)
)


def advance(
    connection: Connection,
    lane_id: int,
    worker: str,
    done: Sequence[Delivery],
    state: State,
    why: str | None,
    now: float,
) -> bool:
    """Settles a run and moves the head behind it. False: the lane is not ours any more (fencing), nothing was changed."""
    moved = connection.execute(
        _ADVANCE, {"lane": lane_id, "me": worker, "next": done[-1].seq + 1, "now": now, "due": now}
    )
    if moved.rowcount != 1:
        return False
    connection.execute(_SETTLED, [{"which": one.id, "became": state, "why": why, "now": now} for one in done])
    connection.execute(_CALM, {"lane": lane_id})
    return True


_BACKOFF = (
    update(lane)
    .where(lane.c.id == bindparam("lane"), lane.c.owner == bindparam("me"))
    .values(owner=None, due_at=bindparam("due"))
)
_AGAIN = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(state=bindparam("became"), error=bindparam("why"))
)


def postpone(
    connection: Connection,
    lane_id: int,
    worker: str,
    run: Sequence[Delivery],
    why: str | None,
    due: float,
    *,
    certain: bool,
) -> bool:
    """Gives a lane back, to be tried again at ``due``. ``certain``: nothing was done, so the next attempt starts afresh."""
    freed = connection.execute(_BACKOFF, {"lane": lane_id, "me": worker, "due": due})
    if freed.rowcount != 1:
        return False
    if run:
        state = State.PENDING if certain else State.SENDING
        connection.execute(_AGAIN, [{"which": one.id, "became": state, "why": why} for one in run])
    return True


def free_abandoned(connection: Connection, active: set[int]) -> set[str]:
    """Gives back lanes that somebody claimed and nobody works on (after a crash, or a commit whose answer was lost)."""
    rows = connection.execute(select(lane.c.id, lane.c.bucket).where(lane.c.owner.is_not(None))).all()
    stale = [row for row in rows if row.id not in active]
    if stale:
        connection.execute(update(lane).where(lane.c.id.in_([row.id for row in stale])).values(owner=None))
    return {row.bucket for row in stale}


def ready_buckets(connection: Connection) -> dict[str, float]:
    """Buckets that have work, and when the first of it is due."""
    rows = connection.execute(
        select(lane.c.bucket, func.min(lane.c.due_at)).where(_READY).group_by(lane.c.bucket)
    )
    return {row[0]: row[1] for row in rows.all()}


def next_due(connection: Connection, bucket: str) -> float | None:
    """When the next lane of a bucket is due; None where none waits."""
    return connection.execute(select(func.min(lane.c.due_at)).where(lane.c.bucket == bucket, _READY)).scalar()


def save_progress(connection: Connection, delivery_id: int, progress: str) -> None:
    """Stores how far a multi-step operation has come."""
    connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(progress=progress))


def waiting(connection: Connection, now: float) -> dict[str, tuple[int, float]]:
    """How many deliveries are due and not done, by kind of lane, and the age in seconds of the oldest."""
    rows = connection.execute(
        select(lane.c.kind, func.sum(lane.c.tail - lane.c.head + 1), func.min(lane.c.head_at))
        .where(lane.c.head <= lane.c.tail)
        .group_by(lane.c.kind)
    )
    return {kind: (int(count), max(0.0, now - oldest)) for kind, count, oldest in rows}


def bind_route(connection: Connection, lane_id: int, route_id: int) -> None:
    """Says which route a new lane serves."""
    connection.execute(update(lane).where(lane.c.id == lane_id).values(route_id=route_id))


def move_bucket(connection: Connection, lane_id: int, bucket: str) -> None:
    """A lane's target is paced by another bucket now."""
    connection.execute(update(lane).where(lane.c.id == lane_id).values(bucket=bucket))


def lane_of(connection: Connection, lane_id: int) -> Any | None:
    """One lane."""
    return connection.execute(select(lane).where(lane.c.id == lane_id)).one_or_none()


def deliveries_of(connection: Connection, message_id: int, op: str) -> list[Any]:
    """The deliveries of a message with one operation, newest first."""
    return list(
        connection.execute(
            select(delivery)
            .where(delivery.c.message_id == message_id, delivery.c.op == op)
            .order_by(delivery.c.id.desc())
        )
    )


def set_state(connection: Connection, delivery_id: int, state: State, why: str | None = None) -> None:
    """Says by hand what became of a delivery."""
    connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(state=state, error=why))


def held_until(connection: Connection, message_id: int, op: str) -> float | None:
    """Until when an operation of a message is held; None where it is not."""
    return connection.execute(
        select(delivery.c.hold_until).where(
            delivery.c.message_id == message_id, delivery.c.op == op, delivery.c.state == State.HELD
        )
    ).scalar()
