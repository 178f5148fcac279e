"""Lanes and deliveries: the queue, as rows in the history's own transaction.

A lane is an ordered queue to one target. ``append`` takes the next number of the lane with ``tail + 1 … RETURNING``: the
row lock makes the order of commits the order of the queue. ``claim`` takes lanes, never rows. ``head`` moves in ``settle``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Double, and_, bindparam, case, func, insert, null, or_, select, update

from bot.desk import State
from bot.storage.hot import Hot
from bot.storage.schema import HELD, delivery, lane

DESK, CARD, MARK, ROUTE, NOTICE = "desk", "card", "mark", "route", "notice"
"""The kinds of lanes: posts into a customer's thread, its card, marks on what is there, a route to a customer, and notices to
one person (by direct message) or Slack channel."""

NORMAL, PROMPT = 10, 0
"""Priorities: a lane that holds an agent's echo goes first."""

ALONE = "alone"
"""``progress`` of a delivery that shares no post with others."""

CERTAIN = "thread"
"""In the payload of what is for one certain thread, whoever its customer is today."""

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
    target: str | None = None


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
ENQUEUE = Hot(
    insert(delivery),
    ("lane_id", "seq", "op", "message_id", "attachment_id", "state", "payload", "created_at"),
)


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


_IDLE = lane.c.head > lane.c.tail
_APPEND = Hot(
    update(lane)
    .where(lane.c.id == bindparam("lane"))
    .values(
        tail=lane.c.tail + bindparam("more"),
        # A lane that was idle: its head waits since now.
        head_at=case((_IDLE, bindparam("now", type_=Double)), else_=lane.c.head_at),
        due_at=case((_IDLE, bindparam("due", type_=Double)), else_=lane.c.due_at),
    )
    .returning(lane.c.tail, lane.c.bucket)
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
    tail, bucket = take_numbers(connection, lane_id, len(items), now, now + delay)
    first = tail - len(items) + 1
    ENQUEUE.run_many(
        connection,
        [values_of(lane_id, item, now, seq=first + at, state=State.PENDING) for at, item in enumerate(items)],
    )
    return bucket


def take_numbers(connection: Connection, lane_id: int, count: int, now: float, due: float) -> tuple[int, str]:
    """The next ``count`` numbers of a lane, as the last of them; and its bucket. ``due`` counts for an idle lane."""
    values = {"lane": lane_id, "more": count, "now": now, "due": due}
    tail, bucket = _APPEND.run(connection, values).one()
    return int(tail), str(bucket)


def append_once(
    connection: Connection, lane_id: int, item: NewDelivery, now: float, *, delay: float = 0.0
) -> str | None:
    """Puts a delivery into a lane unless one waits there already that will do the same (a card refresh)."""
    row = connection.execute(_IDLE_TAIL, {"lane": lane_id, "now": now, "due": now + delay}).one_or_none()
    if row is None:
        return None
    ENQUEUE.run_many(connection, [values_of(lane_id, item, now, seq=row[0], state=State.PENDING)])
    return str(row[1])


def values_of(
    lane_id: int, item: NewDelivery, now: float, *, seq: int | None, state: State
) -> dict[str, Any]:
    """The row of a new delivery."""
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


_PROMOTE = update(lane).where(lane.c.id == bindparam("lane")).values(priority=PROMPT)


def promote(connection: Connection, lane_id: int) -> None:
    """Lets a lane go before others of its bucket until it is empty."""
    connection.execute(_PROMOTE, {"lane": lane_id})


_READY = and_(lane.c.owner.is_(None), lane.c.head <= lane.c.tail)
_CANDIDATES = (
    select(
        lane.c.id, lane.c.kind, lane.c.bucket, lane.c.customer_id, lane.c.team, lane.c.route_id, lane.c.target
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
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.id.in_(bindparam("lanes", expanding=True)),
        delivery.c.seq >= lane.c.head,
        delivery.c.seq < lane.c.head + RUN,
    )
    .order_by(delivery.c.lane_id, delivery.c.seq)
)


def claim(
    connection: Connection, bucket: str, worker: str, now: float, most: int
) -> list[tuple[Lane, list[Delivery]]]:
    """Takes up to ``most`` lanes of a bucket that are due, and loads the deliveries at their heads."""
    rows = connection.execute(_CANDIDATES, {"which": bucket, "now": now, "most": most}).all()
    if not rows:
        return []
    connection.execute(_TAKE, [{"lane": row.id, "me": worker} for row in rows])
    heads: dict[int, list[Delivery]] = {row.id: [] for row in rows}
    for head in connection.execute(_HEADS, {"lanes": list(heads)}):
        heads[head.lane_id].append(_delivery(head))
    return [
        (
            Lane(row.id, row.kind, row.bucket, row.customer_id, row.team, row.route_id, row.target),
            heads[row.id],
        )
        for row in rows
    ]


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
    .values(state=State.SENDING, key=bindparam("attempt"), attempted_at=bindparam("now"))
)


def mark_sending(connection: Connection, attempts: Sequence[tuple[int, str]], now: float) -> None:
    """Says, durably and before it happens, that attempts are under way; after a crash this is what is ambiguous.

    ``attempts`` are deliveries, each with the idempotency key of its attempt.
    """
    if attempts:
        connection.execute(_SENDING, [{"which": one, "attempt": key, "now": now} for one, key in attempts])


_SETTLED = Hot(
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(state=bindparam("became"), error=bindparam("why"), settled_at=bindparam("now"))
)
_ADVANCE = Hot(
    update(lane)
    .where(lane.c.id == bindparam("lane"), lane.c.owner == bindparam("me"))
    .values(
        head=bindparam("next"),
        head_at=bindparam("now"),
        owner=null(),
        priority=case((lane.c.tail < bindparam("next"), NORMAL), else_=lane.c.priority),
    )
    .returning(lane.c.tail, lane.c.bucket)
)


@dataclass(frozen=True, slots=True)
class Advanced:
    """A lane after its head moved: its bucket, and whether more waits in it."""

    bucket: str
    more: bool

    @property
    def woken(self) -> set[str]:
        """The bucket that has work because of this."""
        return {self.bucket} if self.more else set()


def advance(
    connection: Connection,
    lane_id: int,
    worker: str,
    done: Sequence[Delivery],
    state: State,
    why: str | None,
    now: float,
) -> Advanced | None:
    """Settles a run and moves the head behind it. None: the lane is not ours any more (fencing), nothing was changed.

    ``due_at`` stays: what was appended meanwhile with a delay keeps it.
    """
    last = done[-1].seq
    values = {"lane": lane_id, "me": worker, "next": last + 1, "now": now}
    row = _ADVANCE.run(connection, values).one_or_none()
    if row is None:
        return None
    _SETTLED.run_many(
        connection, [{"which": one.id, "became": state, "why": why, "now": now} for one in done]
    )
    return Advanced(row.bucket, row.tail > last)


_BACKOFF = (
    update(lane)
    .where(lane.c.id == bindparam("lane"), lane.c.owner == bindparam("me"))
    .values(owner=None, due_at=bindparam("due"))
)
_AGAIN = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(state=bindparam("became"), error=bindparam("why"), attempts=delivery.c.attempts + 1)
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
    """Gives a lane back, to be tried again at ``due``; counts the attempt at each delivery of the run.

    ``certain``: nothing was done, so the next attempt starts afresh.
    """
    freed = connection.execute(_BACKOFF, {"lane": lane_id, "me": worker, "due": due})
    if freed.rowcount != 1:
        return False
    if run:
        state = State.PENDING if certain else State.SENDING
        connection.execute(_AGAIN, [{"which": one.id, "became": state, "why": why} for one in run])
    return True


_OWNED = select(lane.c.id, lane.c.bucket).where(lane.c.owner.is_not(None))


_NOT_BEFORE = (
    update(lane)
    .where(lane.c.id == bindparam("lane"), lane.c.due_at < bindparam("at"))
    .values(due_at=bindparam("at"))
)


def not_before(connection: Connection, lane_id: int, at: float) -> None:
    """The next of a lane goes no sooner."""
    connection.execute(_NOT_BEFORE, {"lane": lane_id, "at": at})


def free_abandoned(connection: Connection, active: set[int]) -> set[str]:
    """Gives back lanes that somebody claimed and nobody works on (after a crash, or a commit whose answer was lost)."""
    rows = connection.execute(_OWNED).all()
    stale = [row for row in rows if row.id not in active]
    if stale:
        connection.execute(update(lane).where(lane.c.id.in_([row.id for row in stale])).values(owner=None))
    return {row.bucket for row in stale}


_READY_BUCKETS = select(lane.c.bucket, func.min(lane.c.due_at)).where(_READY).group_by(lane.c.bucket)


def ready_buckets(connection: Connection) -> dict[str, float]:
    """Buckets that have work, and when the first of it is due."""
    return {row[0]: row[1] for row in connection.execute(_READY_BUCKETS)}


_NEXT_DUE = select(func.min(lane.c.due_at)).where(lane.c.bucket == bindparam("which"), _READY)


def next_due(connection: Connection, bucket: str) -> float | None:
    """When the next lane of a bucket is due; None where none waits."""
    return connection.execute(_NEXT_DUE, {"which": bucket}).scalar()


def waiting_sends(connection: Connection, bucket: str, most: int) -> list[int]:
    """The messages whose replies wait in a bucket, the next to go first."""
    rows = connection.execute(
        select(delivery.c.message_id)
        .join(lane, lane.c.id == delivery.c.lane_id)
        .where(
            lane.c.bucket == bucket,
            _READY,
            delivery.c.seq >= lane.c.head,
            delivery.c.op == "send",
            delivery.c.state == State.PENDING,
            delivery.c.message_id.is_not(None),
        )
        .order_by(lane.c.priority, lane.c.head_at, delivery.c.seq)
        .limit(most)
    )
    return [row.message_id for row in rows]


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


def held_until(connection: Connection, message_id: int, op: str) -> float | None:
    """Until when an operation of a message is held; None where it is not."""
    return connection.execute(
        select(delivery.c.hold_until).where(
            delivery.c.message_id == message_id, delivery.c.op == op, delivery.c.state == HELD
        )
    ).scalar()
