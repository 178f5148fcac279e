"""What agents do beside replying, in the thread: notes and short lines. Units."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from bot import conversations, replies
from bot.cases.drafts import team_of
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import TeamId, Text
from bot.policy import CorePolicy
from bot.storage import cases, history, lanes
from bot.storage.lanes import NewDelivery


@dataclass(frozen=True, slots=True)
class Note:
    """An internal note. ``message_ts``: it was written in the thread as that message."""

    customer_id: int
    team: TeamId
    agent: Agent
    text: Text
    source: str
    message_ts: str | None = None


def note(connection: Connection, policy: CorePolicy, given: Note, key: str, now: float) -> set[str]:
    """Keeps a note, and posts it in the thread unless it was written there."""
    if history.known(connection, f"note:{given.source}") is not None:
        return set()
    team = team_of(policy, given.team)
    desk = conversations.ensure_desk(connection, given.customer_id, team, key, now)
    case = cases.newest_case(connection, given.customer_id, given.team)
    if case is None:
        raise UserError("There is no case to put a note on.")
    message_id = history.add(
        connection,
        conversation_id=case.id,
        customer_id=given.customer_id,
        direction="note",
        dedup_key=f"note:{given.source}",
        agent=given.agent.id,
        author=given.agent.name,
        text=given.text.plain,
        spans=history.pack_spans(given.text.spans),
        sent_at=now,
        created_at=now,
        meta=json.dumps({"image": given.agent.image}) if given.agent.image else None,
    )
    if given.message_ts is None:
        return {lanes.append(connection, desk.desk_lane, [NewDelivery("note", message_id)], now)}
    place = {"place": desk.channel, "remote_id": given.message_ts}
    history.add_posts(connection, [{"message_id": message_id, "target": "desk", **place}])
    return set()


def say(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    team: TeamId,
    actor: str,
    line: str,
    key: str,
    now: float,
) -> set[str]:
    """One short line in the thread, and the card anew."""
    desk = conversations.ensure_desk(connection, customer_id, team_of(policy, team), key, now)
    payload = {"text": line, "at": now, "actor": actor}
    bucket = lanes.append(connection, desk.desk_lane, [NewDelivery("activity", payload=payload)], now)
    return {bucket} | replies.refresh_card(connection, policy, customer_id, team, now)
