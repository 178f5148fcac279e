"""The life of a reply: accepted and held → pending → sending → accepted, delivered, seen; or failed, uncertain, cancelled.

Everything here is a unit: a synchronous function on a connection, part of somebody's transaction. The rows of the route's lane
say what is to be done; the message's ``state`` says what agents see. They change together.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot import conversations, sla
from bot.answering import autosent
from bot.clockwork import unanswered
from bot.clockwork.book import CAME_BACK, TAKEN_BACK, goes_on
from bot.desk import State, Status
from bot.errors import UserError
from bot.messages import Attachment, Level, Text
from bot.policy import CorePolicy, TeamPolicy
from bot.storage import cases, deliveries, history, holds, lanes, people
from bot.storage.lanes import Delivery, NewDelivery
from bot.timing import reminded

_ORDER = [State.ACCEPTED, State.DELIVERED, State.SEEN]


@dataclass(frozen=True, slots=True)
class NewReply:
    """A reply as an agent gave it. ``key`` and ``card_key`` are new; ``order`` sorts replies that are held together."""

    customer_id: int
    route_id: int
    identity_id: int
    inbox: str
    agent_id: str
    agent_name: str
    text: Text
    files: tuple[Attachment, ...]
    file_sources: tuple[str | None, ...]
    source: str
    key: str
    card_key: str
    order: float
    subject: str | None = None
    reply_to: int | None = None
    cc: tuple[str, ...] = ()
    from_thread: bool = False
    message_place: tuple[str, str] | None = None
    meta: str | None = None


def accept(
    connection: Connection, policy: CorePolicy, team: TeamPolicy, reply: NewReply, lane_id: int, now: float
) -> tuple[int, int, set[str]]:
    """Stores a reply and holds it for the undo window; returns message, conversation and what to wake."""
    desk = conversations.ensure_desk(connection, reply.customer_id, team, reply.card_key, now)
    case_id = _case(connection, reply.customer_id, team, reply.subject, now)
    message_id = history.add(
        connection,
        conversation_id=case_id,
        customer_id=reply.customer_id,
        identity_id=reply.identity_id,
        route_id=reply.route_id,
        inbox=reply.inbox,
        direction="outbound",
        dedup_key=f"out:{reply.source}",
        key=reply.key,
        agent=reply.agent_id,
        author=reply.agent_name,
        text=reply.text.plain,
        spans=history.pack_spans(reply.text.spans),
        subject=reply.subject,
        sent_at=now,
        created_at=now,
        state=State.HELD,
        state_at=now,
        meta=reply.meta,
    )
    if reply.files:
        history.add_attachments(connection, message_id, reply.files, reply.file_sources)
    until = now + team.undo
    order = reply.order or now
    holds.hold(connection, lane_id, NewDelivery("send", message_id), now, until=until, order=order)
    buckets: set[str] = set()
    if reply.message_place is not None:
        place, ts = reply.message_place
        history.add_posts(
            connection, [{"message_id": message_id, "target": "desk", "place": place, "remote_id": ts}]
        )
    if reply.from_thread:
        buckets.add(lanes.append(connection, desk.mark_lane, [NewDelivery("mark", message_id)], now))
    else:
        echo = NewDelivery("echo", message_id)
        holds.hold(connection, desk.desk_lane, echo, now, until=until + policy.echo_delay, order=order)
    return message_id, case_id, buckets


def _case(connection: Connection, customer_id: int, team: TeamPolicy, subject: str | None, now: float) -> int:
    row = cases.open_case(connection, customer_id, team.id) or cases.newest_case(
        connection, customer_id, team.id
    )
    if row is not None:
        return int(row.id)
    case_id = cases.add_case(connection, customer_id, team.id, subject, now)
    cases.change(connection, case_id, status=Status.PENDING)
    return case_id


def take_back(connection: Connection, message_id: int, now: float) -> tuple[Any, set[str]]:
    """Undo. ``UserError`` where it is not held any more."""
    row = history.get(connection, message_id)
    if row is None or not holds.cancel(connection, message_id, "send"):
        raise UserError(already(row))
    holds.cancel(connection, message_id, "echo")
    history.change(connection, message_id, state=State.CANCELLED, state_at=now)
    return row, show_again(connection, row, now)


def revise(
    connection: Connection, policy: CorePolicy, message_id: int, text: Text, until: float, now: float
) -> tuple[Any, set[str]]:
    """Changes a held reply; its undo window starts anew. ``UserError`` where it is not held any more."""
    row = history.get(connection, message_id)
    if row is None or not holds.extend(connection, message_id, "send", until):
        raise UserError(already(row))
    holds.extend(connection, message_id, "echo", until + policy.echo_delay)
    history.change(connection, message_id, text=text.plain, spans=history.pack_spans(text.spans))
    return row, set()


def already(row: Any | None) -> str:
    """Why a reply cannot be taken back or changed."""
    if row is None:
        return "This reply is not known any more."
    if row.state == State.CANCELLED:
        return "This reply was taken back already."
    if row.state in (State.FAILED, State.UNCERTAIN):
        return f"This reply is not held any more: it is {row.state}."
    return "Already sent: it cannot be taken back."


def released(connection: Connection, message_ids: list[int], now: float) -> None:
    """Held replies have got their place in the lane."""
    for message_id in message_ids:
        row = history.get(connection, message_id)
        if row is not None and row.state == State.HELD:
            history.change(connection, message_id, state=State.PENDING, state_at=now)


def sent(
    connection: Connection, policy: CorePolicy, message_id: int, level: Level, detail: str | None, now: float
) -> set[str]:
    """All parts of a reply were accepted by the channel."""
    row = history.get(connection, message_id)
    if row is None:
        return set()
    history.change(connection, message_id, state=State(level.value), state_at=now, detail=detail)
    if row.automated is not None:
        return autosent.tell(connection, row, now)
    case = goes_on(connection, row.conversation_id)
    case_id = row.conversation_id if case is None else case.id
    conversations.answered(connection, case_id, now)
    sla.answered(connection, row, now)
    settled = reminded.over(connection, case_id, now, answered=True)
    return settled | _tell(connection, policy, row, now)


def not_sent(
    connection: Connection, policy: CorePolicy, message_id: int, state: State, why: str, now: float
) -> set[str]:
    """A reply failed for good, or nobody knows whether it went out."""
    row = history.get(connection, message_id)
    if row is None:
        return set()
    history.change(connection, message_id, state=state, state_at=now, detail=why)
    if row.automated is not None:
        return autosent.tell(connection, row, now, why)
    return _tell(connection, policy, row, now, trouble=True)


def waits(connection: Connection, message_id: int, why: str, now: float) -> set[str]:
    """An attempt did not work and will be repeated: an echo that is shown already says so."""
    row = history.get(connection, message_id)
    if row is None or row.detail == why:
        return set()
    history.change(connection, message_id, state=State.PENDING, state_at=now, detail=why)
    return show_again(connection, row, now)


def queued(connection: Connection, bucket: str, wait: float, each: float, now: float) -> set[str]:
    """Replies that wait because the channel takes no more just now: each says when it goes out. Seconds."""
    buckets: set[str] = set()
    for place, message_id in enumerate(lanes.waiting_sends(connection, bucket, 50)):
        minutes = max(1, round((wait + place * each) / 60))
        why = f"the channel takes no more just now: it goes out in about {minutes} min"
        buckets |= waits(connection, message_id, why, now)
    return buckets


def came_back(connection: Connection, policy: CorePolicy, row: Any, why: str, now: float) -> set[str]:
    """A reply that had been accepted bounced: *delivered → failed* is allowed. Who had no other answer waits again."""
    history.change(connection, row.id, state=State.FAILED, state_at=now, detail=why)
    _settle_uncertain(connection, row.id, State.FAILED)
    if not _under_way(connection, row.id):
        history.retire_posts(connection, row.id)
    if row.automated is not None:
        return autosent.tell(connection, row, now, why)
    shown = _void(connection, policy, row, now, CAME_BACK)
    return shown | _tell(connection, policy, row, now, trouble=True)


def _void(connection: Connection, policy: CorePolicy, row: Any, now: float, reason: str) -> set[str]:
    """A reply does not count any more: the case that goes on, its clocks and its card follow."""
    void = unanswered.void(connection, row)
    if void is None:
        return set()
    sla.void(connection, policy, row, void, now, reason)
    return refresh_card(connection, policy, void.case.customer_id, void.case.team, now)


def remark(connection: Connection, policy: CorePolicy, row: Any, detail: str, now: float) -> set[str]:
    """Something about a reply that does not change its state (a "delayed" report)."""
    history.change(connection, row.id, detail=detail)
    return show_again(connection, row, now)


def progressed(connection: Connection, policy: CorePolicy, row: Any, level: Level, now: float) -> set[str]:
    """A receipt came: the state of a reply whose every part was accepted moves forward, never back.

    One for a part of a reply that has not gone out as a whole says nothing about the rest.
    """
    state = State(level.value)
    current = State(row.state)
    if current not in _ORDER or _ORDER.index(state) <= _ORDER.index(current):
        return set()
    history.change(connection, row.id, state=state, state_at=now)
    return show_again(connection, row, now)


def _tell(
    connection: Connection, policy: CorePolicy, row: Any, now: float, *, trouble: bool = False
) -> set[str]:
    """Shows what became of a reply: its echo at once, a mark or a new rendering where it is shown already, and the card."""
    thread = _thread(connection, row)
    if thread is None:
        return set()
    buckets = set()
    echo = holds.release(connection, row.id, "echo", now)
    if echo is not None:
        buckets.add(echo)
    else:
        buckets.add(lanes.append(connection, thread.mark_lane, [NewDelivery("mark", row.id)], now))
        # A thread that a merge has ended may show it, too: nobody looks there any more.
        shown = {one.lane_id for one in deliveries.deliveries_of(connection, row.id, "echo")}
        if trouble and thread.desk_lane not in shown:
            buckets.add(lanes.append(connection, thread.desk_lane, [NewDelivery("echo", row.id)], now))
            lanes.promote(connection, thread.desk_lane)
    card = lanes.append_once(connection, thread.card_lane, NewDelivery("card"), now, delay=policy.card_delay)
    return buckets | {card} if card else buckets


def show_again(connection: Connection, row: Any, now: float) -> set[str]:
    """Renders what the desk shows of a message anew."""
    thread = _thread(connection, row)
    if thread is None:
        return set()
    return {lanes.append(connection, thread.mark_lane, [NewDelivery("mark", row.id)], now)}


def refresh_card(
    connection: Connection, policy: CorePolicy, customer_id: int, team: str, now: float
) -> set[str]:
    """Renders a customer's card anew, soon."""
    thread = cases.current_thread(connection, customer_id, team)
    if thread is None:
        return set()
    card = lanes.append_once(connection, thread.card_lane, NewDelivery("card"), now, delay=policy.card_delay)
    return {card} if card else set()


def _thread(connection: Connection, row: Any) -> Any | None:
    case = goes_on(connection, row.conversation_id)
    if case is None:
        return None
    customer_id = people.final(connection, row.customer_id) or row.customer_id
    return cases.current_thread(connection, customer_id, case.team)


def send_again(connection: Connection, message_id: int, now: float) -> tuple[Any, set[str]]:
    """Puts a failed or uncertain reply at the end of its lane. ``UserError`` where it is neither."""
    row = history.get(connection, message_id)
    if row is None or row.state not in (State.FAILED, State.UNCERTAIN):
        raise UserError("Only a reply that failed, or is uncertain, can be sent again.")
    lane_id = _route_lane(connection, row)
    _settle_uncertain(connection, message_id, State.FAILED)
    if not history.posts_of(connection, message_id, "route") and history.posts_of(
        connection, message_id, "returned"
    ):
        # It had arrived at the provider once: a channel that drops duplicates by key must not drop this one.
        history.change(connection, message_id, key=next_key(row.key))
    bucket = lanes.append(connection, lane_id, [NewDelivery("send", message_id)], now)
    history.change(connection, message_id, state=State.PENDING, state_at=now, detail=None)
    return row, {bucket} | show_again(connection, row, now)


def next_key(key: str) -> str:
    """Another unguessable key of the same form, made from one, so that a unit that runs again makes the same."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest()).decode().lower()[: len(key)]


def _settle_uncertain(connection: Connection, message_id: int, state: State) -> None:
    for old in deliveries.deliveries_of(connection, message_id, "send"):
        if old.state == State.UNCERTAIN:
            deliveries.set_state(connection, old.id, state, old.error)


def _under_way(connection: Connection, message_id: int) -> bool:
    """Whether another attempt at a reply waits or is being made."""
    return any(
        old.state in (State.HELD, State.PENDING, State.SENDING)
        for old in deliveries.deliveries_of(connection, message_id, "send")
    )


def settle_by_hand(
    connection: Connection, policy: CorePolicy, message_id: int, now: float, *, arrived: bool
) -> set[str]:
    """An agent looked and knows what became of an uncertain reply."""
    row = history.get(connection, message_id)
    if row is None or row.state != State.UNCERTAIN:
        raise UserError("This reply is not uncertain any more.")
    _settle_uncertain(connection, message_id, State.ACCEPTED if arrived else State.FAILED)
    if arrived:
        return sent(connection, policy, message_id, Level.ACCEPTED, "checked by an agent", now)
    return not_sent(connection, policy, message_id, State.FAILED, "An agent checked: it did not arrive.", now)


def _route_lane(connection: Connection, row: Any) -> int:
    for route in people.routes_of(connection, people.final(connection, row.customer_id) or row.customer_id):
        if route.id == row.route_id:
            return int(route.lane_id)
    raise UserError("The address this reply went to is not this customer's any more. Send it another way.")


def change_sent(
    connection: Connection, message_id: int, text: Text | None, now: float
) -> tuple[Any, set[str]]:
    """A reply that went out already is to be changed, or with ``text`` None taken back, where the customer sees it."""
    row = history.get(connection, message_id)
    if row is None or row.state not in _ORDER:
        raise UserError(already(row))
    op, payload = "unsend", None
    if text is not None:
        op, payload = "edit", {"text": text.plain, "spans": history.pack_spans(text.spans)}
    item = NewDelivery(op, message_id, payload=payload)
    return row, {lanes.append(connection, _route_lane(connection, row), [item], now)}


def was_changed(
    connection: Connection, policy: CorePolicy, one: Delivery, text: Text, now: float
) -> set[str]:
    """The channel has changed a reply, or taken it back. What it said before is kept.

    What was taken back answers nobody. What was changed does: the customer has an answer, if another one.
    """
    row = history.get(connection, one.message_id or 0)
    if row is None:
        return set()
    shown: set[str] = set()
    if one.op == "unsend":
        history.change(
            connection, row.id, state=State.CANCELLED, state_at=now, detail="taken back after it was sent"
        )
        if row.automated is None and row.state in _ORDER:
            shown = _void(connection, policy, row, now, TAKEN_BACK)
    else:
        history.add_version(connection, row, f"sent:{one.id}", now)
        meta: dict[str, Any] = json.loads(row.meta) if row.meta else {}
        meta["edited"] = True
        spans = history.pack_spans(text.spans)
        packed = json.dumps(meta, separators=(",", ":"))
        history.change(connection, row.id, text=text.plain, spans=spans, meta=packed)
    return shown | show_again(connection, row, now)


def not_changed(connection: Connection, one: Delivery, why: str, now: float) -> set[str]:
    """The channel did not change a reply: the thread says so."""
    row = history.get(connection, one.message_id or 0)
    thread = _thread(connection, row) if row is not None else None
    if thread is None:
        return set()
    what = "taken back" if one.op == "unsend" else "changed"
    line = f"A reply could not be {what} ({why}). The customer still sees what was sent."
    payload = {"text": line, "at": now}
    return {lanes.append(connection, thread.desk_lane, [NewDelivery("activity", payload=payload)], now)}
