"""Customers who can be reached another way: an address they gave, replies that nobody saw, a thread with a new name. Units."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from bot import conversations, customers, replies
from bot.cases import lookups
from bot.desk import State
from bot.messages import AddressChanged, AddressGiven, Delete, Edit, InboxId, Reaction, Unseen
from bot.policy import CorePolicy, InboxPolicy
from bot.storage import cases, history, inboxes, lanes, people
from bot.storage.lanes import NewDelivery


def address_given(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: AddressGiven, now: float
) -> set[str]:
    """Keeps an address that a customer said is theirs. It proves nothing: it joins nobody and shows nobody's history."""
    if not inboxes.first_time(connection, f"given:{inbox.id}:{event.source_id}", now):
        return set()
    whose = customers.resolve(connection, event.sender, None, now)
    given = event.given
    if people.has_identity(connection, whose.customer_id, given.channel, given.address):
        return set()
    identity_id = people.add_identity(
        connection,
        whose.customer_id,
        given.channel,
        given.address,
        verified=False,
        evidence="left in the chat, not proven",
        name=None,
        now=now,
        given=True,
    )
    through = inbox_for(policy, inbox, given.channel)
    if through is not None:
        conversations.ensure_route(connection, identity_id, through, "", now, inbound=False)
    return line_in_thread(
        connection,
        policy,
        whose.customer_id,
        inbox.team,
        f"They left an address: {given.channel} {given.address} (not proven)",
        now,
    )


def inbox_for(policy: CorePolicy, inbox: InboxPolicy, channel: str) -> InboxId | None:
    """The inbox of the same team by which that channel is written to."""
    for other in policy.inboxes.values():
        if other.team == inbox.team and other.channel == channel and other.able.can_initiate:
            return other.id
    return None


def unseen(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Unseen, now: float
) -> set[str]:
    """Replies that waited too long where they were sent go to the address that the customer left; the agent is told which."""
    if not inboxes.first_time(connection, f"unseen:{inbox.id}:{event.source_id}", now):
        return set()
    buckets: set[str] = set()
    for remote_id in event.remote_ids:
        row = history.by_remote(connection, inbox.id, remote_id)
        if row is None or row.direction != "outbound" or row.automated is not None:
            continue  # what no person wrote is not brought after them
        if row.state in (State.ACCEPTED, State.DELIVERED):
            buckets |= _send_elsewhere(connection, policy, inbox, row, event.minutes, now)
    return buckets


def _send_elsewhere(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, row: Any, minutes: int, now: float
) -> set[str]:
    customer_id = people.final(connection, row.customer_id) or row.customer_id
    able = {one.id: one.able for one in policy.inboxes.values() if one.team == inbox.team}
    ways = lookups.ways_of(connection, policy, able, customer_id, inbox.team)
    way = next((one for one in ways if one.channel != inbox.channel and one.closed is None), None)
    if way is None:
        line = f"{row.author}'s reply has not been seen for {minutes} min, and no other address is known."
        return line_in_thread(connection, policy, customer_id, inbox.team, line, now)
    route = people.route_by_id(connection, way.route_id)
    thread = cases.current_thread(connection, customer_id, inbox.team)
    if route is None or thread is None:
        return set()
    meta: dict[str, Any] = json.loads(row.meta) if row.meta else {}
    kept = {"image": meta["image"]} if meta.get("image") else {}
    message_id = history.add(
        connection,
        conversation_id=row.conversation_id,
        customer_id=customer_id,
        identity_id=route.identity_id,
        route_id=route.id,
        inbox=route.inbox,
        direction="outbound",
        dedup_key=f"elsewhere:{row.id}",
        key=replies.next_key(row.key),
        agent=row.agent,
        author=row.author,
        text=row.text,
        spans=row.spans,
        sent_at=now,
        created_at=now,
        state=State.PENDING,
        state_at=now,
        meta=json.dumps(kept, separators=(",", ":")) if kept else None,
    )
    files = [file for _, file in history.attachments_of(connection, [row.id]).get(row.id, [])]
    history.add_attachments(connection, message_id, files)
    line = (
        f"Not seen for {minutes} min, so {row.author}'s reply goes by {way.channel} to {way.address} as well"
    )
    payload = {"text": line, "at": now}
    items = [NewDelivery("activity", payload=payload), NewDelivery("echo", message_id)]
    return {
        lanes.append(connection, route.lane_id, [NewDelivery("send", message_id)], now),
        lanes.append(connection, thread.desk_lane, items, now),
    }


def address_changed(
    connection: Connection, inbox: InboxPolicy, event: AddressChanged, now: float
) -> set[str]:
    """The channel calls a thread otherwise now (a Telegram group that became a supergroup)."""
    people.rename_threads(connection, inbox.id, event.old, event.new)
    return set()


def remark(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    event: Edit | Delete | Reaction,
    row: Any | None,
    now: float,
) -> set[str]:
    """What a customer did to one of our replies, or to a message that is not known here, as a line in their thread."""
    customer_id = row.customer_id if row is not None else None
    if customer_id is None and event.thread_key is not None:
        customer_id = people.customer_in_thread(connection, inbox.id, event.thread_key)
    if customer_id is None:
        return set()
    about = f" “{conversations.excerpt(row.text)}”" if row is not None else " an earlier message"
    if isinstance(event, Edit):
        line = f"They changed{about} to: “{conversations.excerpt(event.text.plain)}”"
    elif isinstance(event, Delete):
        line = f"They took back{about}"
    else:
        line = (
            f"They reacted with {event.emoji} to{about}"
            if event.emoji
            else f"They took their reaction to{about} back"
        )
    final = people.final(connection, customer_id) or customer_id
    return line_in_thread(connection, policy, final, inbox.team, line, now)


def line_in_thread(
    connection: Connection, policy: CorePolicy, customer_id: int, team: str, line: str, now: float
) -> set[str]:
    """A short line in the customer's thread, where there is one."""
    thread = cases.current_thread(connection, customer_id, team)
    if thread is None:
        return set()
    payload = {"text": line, "at": now}
    bucket = lanes.append(connection, thread.desk_lane, [NewDelivery("activity", payload=payload)], now)
    return {bucket} | replies.refresh_card(connection, policy, customer_id, team, now)
