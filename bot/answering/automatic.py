"""A message that no person writes: an automatic answer, a question for a rating, a thank-you. A unit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot.desk import State
from bot.storage import history, lanes
from bot.storage.lanes import NewDelivery


@dataclass(frozen=True, slots=True)
class Automatic:
    """``kind`` says what it is, ``source`` makes it one however often it is asked for, ``author`` is a team's public name."""

    conversation_id: int
    customer_id: int
    kind: str
    source: str
    author: str
    text: str
    meta: dict[str, Any]


def send(connection: Connection, route: Any, one: Automatic, key: str, now: float) -> tuple[int, set[str]]:
    """Stores it behind what else waits for the route. Returns its id, and the bucket to wake."""
    message_id = history.add(
        connection,
        conversation_id=one.conversation_id,
        customer_id=one.customer_id,
        identity_id=route.identity_id,
        route_id=route.id,
        inbox=route.inbox,
        direction="outbound",
        dedup_key=one.source,
        key=key,
        author=one.author,
        text=one.text,
        sent_at=now,
        created_at=now,
        automated=one.kind,
        state=State.PENDING,
        state_at=now,
        meta=json.dumps(one.meta),
    )
    return message_id, {lanes.append(connection, route.lane_id, [NewDelivery("send", message_id)], now)}
