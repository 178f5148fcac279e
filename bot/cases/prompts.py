"""Prompts: posts with buttons that ask or remind people, in a customer's thread or by direct message. Units.

A prompt is a delivery like any other: durable, in the order of its lane, posted once or looked up. ``about`` names what it is
about ("merge:7", "clock:12:breach"); when something came of it, ``settle`` shows every prompt about that anew, without its
buttons. In use::

    buckets |= prompts.in_thread(connection, policy, customer_id, team, prompt, "merge:7", now)
    buckets |= prompts.to_person(connection, agent_id, prompt, "clock:12", now)
    buckets |= prompts.settle(connection, "merge:7", ("Kim merged them",), now)

Whoever ran the unit wakes the buckets.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from bot import conversations
from bot.desk import Group, Line, Piece, Press, Prompt, State, Strong, ThreadLink, When, Who
from bot.messages import AgentId
from bot.storage import asks, cases, lanes
from bot.storage.lanes import NewDelivery

WITHDRAWN = "withdrawn"
"""In the payload of a prompt that nobody needs any more, and that was not posted."""


def in_thread(
    connection: Connection, customer_id: int, team: str, prompt: Prompt, about: str, now: float
) -> set[str]:
    """Asks in a customer's thread; nothing where they have none with that team."""
    thread = cases.current_thread(connection, customer_id, team)
    if thread is None:
        return set()
    return {asks.add(connection, thread.desk_lane, packed(prompt), about, now)}


def to_person(connection: Connection, target: str, prompt: Prompt, about: str, now: float) -> set[str]:
    """Asks one person by direct message, or in a Slack channel outside of every thread. ``target`` is a Slack id."""
    lane_id = asks.notice_lane(connection, target)
    if lane_id is None:
        lane_id = lanes.create_lane(connection, lanes.NOTICE, conversations.desk_bucket(target))
        asks.bind_target(connection, lane_id, target)
    return {asks.add(connection, lane_id, packed(prompt), about, now)}


def settle(connection: Connection, about: str, done: Line, now: float) -> set[str]:
    """Something came of it: every prompt about it says what, and has no buttons any more."""
    return _renew(connection, about, {"done": pack_line(done), "buttons": []}, now)


def withdraw(connection: Connection, about: str, done: Line, now: float) -> set[str]:
    """Nobody needs to be asked any more: like ``settle``, and what is not posted yet never is.

    What was settled before stays as it is: the first that came of it counts.
    """
    return _renew(
        connection, about, {"done": pack_line(done), "buttons": []}, now, unposted={WITHDRAWN: True}
    )


def renew(
    connection: Connection, about: str, prompt: Prompt, now: float, *, settled: bool = True
) -> set[str]:
    """Shows every prompt about something anew with other words; nobody is notified again.

    One that is settled by these words and not posted yet never is. ``settled`` false: what was settled before stays as it is.
    """
    unposted: dict[str, Any] | None = {WITHDRAWN: True} if prompt.done else None
    if unposted is None and not settled:
        unposted = {}
    return _renew(connection, about, packed(prompt), now, unposted=unposted)


def _renew(
    connection: Connection,
    about: str,
    changes: dict[str, Any],
    now: float,
    unposted: dict[str, Any] | None = None,
) -> set[str]:
    buckets: set[str] = set()
    for row in asks.about(connection, about):
        before: dict[str, Any] = json.loads(row.payload)
        if all(before.get(name) == value for name, value in changes.items()):
            continue
        if unposted is not None and before.get("done"):
            continue
        waits = row.state in (State.PENDING, State.HELD)
        asks.change(connection, row.id, before | changes | ((unposted or {}) if waits else {}))
        if waits:
            continue  # it is not shown yet, and will be as it is then
        again = NewDelivery(asks.AGAIN, payload={"delivery": row.id})
        buckets.add(lanes.append(connection, row.lane_id, [again], now))
    return buckets


def packed(prompt: Prompt) -> dict[str, Any]:
    """A prompt as JSON."""
    return {
        "lines": [pack_line(line) for line in prompt.lines],
        "buttons": [[one.label, one.action, one.value, one.style] for one in prompt.buttons],
        "at": prompt.at,
        "done": pack_line(prompt.done),
        "broadcast": prompt.broadcast,
    }


def unpacked(payload: dict[str, Any]) -> Prompt | None:
    """The prompt of ``packed``; None where it was withdrawn before it was posted."""
    if payload.get(WITHDRAWN):
        return None
    return Prompt(
        tuple(unpack_line(line) for line in payload["lines"]),
        payload["at"],
        tuple(Press(*one) for one in payload["buttons"]),
        unpack_line(payload["done"]),
        bool(payload["broadcast"]),
    )


def pack_line(line: Line) -> list[Any]:
    """A line as JSON: words are strings, everything else is a list that begins with what it is."""
    return [_pack(piece) for piece in line]


def _pack(piece: Piece) -> str | list[Any]:
    if isinstance(piece, str):
        return piece
    if isinstance(piece, When):
        return ["when", piece.at, piece.only]
    if isinstance(piece, Who):
        return ["who", piece.agent]
    if isinstance(piece, Group):
        return ["group", piece.id]
    if isinstance(piece, Strong):
        return ["strong", piece.words]
    return ["thread", piece.words, piece.channel, piece.ts]


def unpack_line(packed: list[Any]) -> Line:
    """The line of ``pack_line``."""
    return tuple(_unpack(piece) for piece in packed)


def _unpack(piece: str | list[Any]) -> Piece:
    if isinstance(piece, str):
        return piece
    kind, *rest = piece
    if kind == "when":
        return When(*rest)
    if kind == "who":
        return Who(AgentId(rest[0]))
    if kind == "group":
        return Group(rest[0])
    if kind == "strong":
        return Strong(rest[0])
    return ThreadLink(*rest)
