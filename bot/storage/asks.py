"""Prompts as rows: a delivery that is shown with buttons, and shown anew when something came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bot.desk import State
from bot.storage import lanes
from bot.storage.schema import delivery, lane, post

ASK, AGAIN = "ask", "again"
"""The operations: to post a prompt, and to show one anew."""

_ADD = insert(delivery).returning(delivery.c.id)
_ABOUT = (
    select(delivery.c.id, delivery.c.lane_id, delivery.c.payload, delivery.c.state)
    .where(delivery.c.about == bindparam("what"), delivery.c.op == ASK)
    .order_by(delivery.c.id.desc())
)
_PAYLOAD = update(delivery).where(delivery.c.id == bindparam("which")).values(payload=bindparam("what"))
_LANE_FOR = select(lane.c.id).where(lane.c.target == bindparam("whom"))
_POSTED = select(post.c.place, post.c.remote_id).where(
    post.c.delivery_id == bindparam("which"), post.c.target == "desk"
)


def notice_lane(connection: Connection, target: str) -> int | None:
    """The lane of notices to a person or Slack channel; None where there is none yet."""
    return connection.execute(_LANE_FOR, {"whom": target}).scalar()


def target_of(connection: Connection, lane_id: int) -> str | None:
    """Whom a lane of notices is for."""
    return connection.execute(select(lane.c.target).where(lane.c.id == lane_id)).scalar()


def bind_target(connection: Connection, lane_id: int, target: str) -> None:
    """Says whom a new lane of notices is for."""
    connection.execute(update(lane).where(lane.c.id == lane_id).values(target=target))


def add(connection: Connection, lane_id: int, payload: dict[str, Any], about: str, now: float) -> str:
    """Puts a prompt at the end of a lane; returns the lane's bucket."""
    seq, bucket = lanes.take_numbers(connection, lane_id, 1, now, now)
    values = {
        "lane_id": lane_id,
        "seq": seq,
        "op": ASK,
        "state": State.PENDING,
        "payload": json.dumps(payload),
        "about": about,
        "created_at": now,
    }
    connection.execute(_ADD, values)
    return bucket


def about(connection: Connection, what: str) -> Sequence[Any]:
    """The prompts about something, newest first."""
    return connection.execute(_ABOUT, {"what": what}).all()


def change(connection: Connection, delivery_id: int, payload: dict[str, Any]) -> None:
    """Changes what a prompt says."""
    connection.execute(_PAYLOAD, {"which": delivery_id, "what": json.dumps(payload)})


def posted(connection: Connection, delivery_id: int) -> Sequence[Any]:
    """Where a prompt is shown."""
    return connection.execute(_POSTED, {"which": delivery_id}).all()
