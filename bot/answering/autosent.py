"""What became of an automatic answer: one quiet line in the thread, and nothing else changes. A unit."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from bot.rating.rating_words import KIND, THANKS
from bot.rating.ratingshow import went_out
from bot.storage import cases, history, lanes, people
from bot.storage.lanes import NewDelivery


def tell(connection: Connection, row: Any, now: float, trouble: str | None = None) -> set[str]:
    """Says in the thread that it went out, or with ``trouble`` why not. ``row`` is its message."""
    if row.automated == KIND:
        after = history.get(connection, row.id)
        return went_out(connection, after, now, trouble)
    if row.automated == THANKS and trouble is None:
        return set()  # the post with the rating stands there already
    case = cases.case(connection, row.conversation_id)
    customer_id = people.final(connection, row.customer_id)
    if case is None or customer_id is None:
        return set()
    thread = cases.current_thread(connection, customer_id, case.team)
    if thread is None:
        return set()
    told = (json.loads(row.meta) if row.meta else {}).get("told", "")
    line = (
        f"Automatic answer sent: {told}"
        if trouble is None
        else f"An automatic answer did not arrive: {trouble}"
    )
    payload = {"text": line, "at": now}
    return {lanes.append(connection, thread.desk_lane, [NewDelivery("activity", payload=payload)], now)}
