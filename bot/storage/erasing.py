"""What erasing somebody changes, table by table. Units; those that touch many rows take some at a time.

Rows of messages, cases and deliveries stay, without a word in them: they are the team's figures (how many, when, by which
inbox). Everything that says who somebody is or what was said goes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bot.desk import State
from bot.storage.schema import (
    RESOLVED,
    attachment,
    audit,
    conversation,
    customer,
    delivery,
    identity,
    lane,
    message,
    message_version,
    post,
    route,
    thread,
)
from bot.storage.schema_people import clue, tombstone

LONG = 1000
"""Characters of words that may have been shown as a file: no row names its bytes, but their hash says which they are."""
NOBODY = "erased"
"""What an erased customer is called."""
FILE = "file"
"""``target`` of a post that is a file at the desk, until it is taken away there."""

WORDLESS: dict[str, Any] = {"payload": None, "error": None, "progress": None, "about": None}
"""A delivery in which nobody can be recognised."""
WITHDRAWN = '{"withdrawn":true}'
"""The payload of a prompt that is shown nowhere (``bot/cases/prompts.py``)."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody could be reached: what adapters and old notes may still know them by."""

    channel: str
    address: str
    inboxes: tuple[str, ...]
    thread_keys: tuple[str, ...]


# Tombstones


def add_tombstones(connection: Connection, hashes: Iterable[str], at: float) -> None:
    """Remembers hashes; those that are known already stay as they are."""
    rows = [{"hash": one, "at": at} for one in hashes]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tombstone).on_conflict_do_nothing(), rows)


def has_tombstone(connection: Connection, hashes: Collection[str]) -> bool:
    """Whether one of these was erased."""
    if not hashes:
        return False
    found = select(tombstone.c.hash).where(tombstone.c.hash.in_(hashes)).limit(1)
    return connection.execute(found).scalar() is not None


# Who and how much


def erased(connection: Connection, customer_id: int) -> Any | None:
    """When somebody was erased and by whom: ``erased_at``, ``by`` (a name, or None). None: they were not."""
    row = connection.execute(
        select(customer.c.erased_at).where(customer.c.id == customer_id, customer.c.erased_at.is_not(None))
    ).one_or_none()
    if row is None:
        return None
    by = connection.execute(
        select(audit.c.detail)
        .where(audit.c.customer_id == customer_id, audit.c.action == "erase")
        .order_by(audit.c.id.desc())
        .limit(1)
    ).scalar()
    return row.erased_at, by


def write_down(connection: Connection, customer_id: int, agent: str, by: str, now: float) -> None:
    """Writes down who erased somebody; ``by`` is what the agent is called."""
    values = {"at": now, "agent": agent, "action": "erase", "customer_id": customer_id, "detail": by or None}
    connection.execute(insert(audit), values)


def names(connection: Connection, ids: Collection[int]) -> set[str]:
    """What somebody is called, and where they write from, as far as nobody else is meant by the same word."""
    called = select(customer.c.name).where(customer.c.id.in_(ids))
    themselves = select(identity.c.name).where(identity.c.customer_id.in_(ids), identity.c.name.is_not(None))
    at = select(identity.c.address).where(identity.c.customer_id.in_(ids))
    return {one for one in connection.execute(called.union(themselves, at)).scalars() if len(one) > 7}


def addresses(connection: Connection, ids: Collection[int]) -> list[Address]:
    """Where somebody could be reached."""
    rows = connection.execute(
        select(identity.c.id, identity.c.channel, identity.c.address, route.c.inbox, route.c.thread_key)
        .outerjoin(route, route.c.identity_id == identity.c.id)
        .where(identity.c.customer_id.in_(ids))
        .order_by(identity.c.id)
    ).all()
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return [
        Address(
            many[0].channel,
            many[0].address,
            tuple(dict.fromkeys(one.inbox for one in many if one.inbox)),
            tuple(dict.fromkeys(one.thread_key for one in many if one.thread_key)),
        )
        for many in found.values()
    ]


def threads(connection: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Every thread that somebody has had, left ones too."""
    return connection.execute(select(thread).where(thread.c.customer_id.in_(ids)).order_by(thread.c.id)).all()


def lanes_of(connection: Connection, ids: Collection[int]) -> list[int]:
    """The lanes of somebody: their threads', and those to them."""
    ours = {one for row in threads(connection, ids) for one in (row.desk_lane, row.card_lane, row.mark_lane)}
    theirs = select(route.c.lane_id).join(identity, identity.c.id == route.c.identity_id)
    ours |= set(connection.execute(theirs.where(identity.c.customer_id.in_(ids))).scalars())
    return sorted(ours)


# The beginning: from now on nobody knows them


def forget_who(connection: Connection, ids: Collection[int], now: float) -> None:
    """Takes name and addresses: whoever writes from one of them from now on is somebody new."""
    theirs = identity.c.customer_id.in_(ids)
    connection.execute(
        update(route)
        .where(route.c.identity_id.in_(select(identity.c.id).where(theirs)))
        .values(thread_key=_stone(route.c.id))
    )
    connection.execute(
        update(identity)
        .where(theirs)
        .values(
            address=_stone(identity.c.id),
            name=None,
            evidence=None,
            verified=False,
            given=False,
            language=None,
        )
    )
    connection.execute(
        update(customer)
        .where(customer.c.id.in_(ids))
        .values(name=NOBODY, erased_at=now, blocked=False, spam=False, quarantine=None)
    )
    connection.execute(
        update(thread).where(thread.c.customer_id.in_(ids)).values(current=False, gone=NOBODY, shown=None)
    )
    connection.execute(
        update(conversation)
        .where(conversation.c.customer_id.in_(ids), conversation.c.status != RESOLVED)
        .values(status=RESOLVED, resolved_at=now, waiting_since=None, snoozed_until=None, due_at=None)
    )


def _stone(column: Any) -> ColumnElement[str]:
    """A value that is nobody's and differs in each row."""
    return literal(f"{NOBODY}:").concat(cast(column, String))


def stop_sending(connection: Connection, lane_ids: Collection[int], now: float) -> None:
    """Cancels every reply that has not begun to go out."""
    waiting = select(delivery.c.message_id).where(
        delivery.c.lane_id.in_(lane_ids),
        delivery.c.op == "send",
        delivery.c.state.in_((State.HELD, State.PENDING)),
    )
    connection.execute(
        update(message)
        .where(message.c.id.in_(waiting), message.c.state.in_((State.HELD, State.PENDING)))
        .values(state=State.CANCELLED, state_at=now)
    )
    connection.execute(
        update(delivery)
        .where(delivery.c.lane_id.in_(lane_ids), delivery.c.state == State.HELD)
        .values(state=State.CANCELLED, settled_at=now)
    )


def empty_lanes(connection: Connection, lane_ids: Collection[int], now: float) -> int:
    """Cancels what waits in lanes that nobody works on; returns how many are being worked on just now."""
    idle = select(lane.c.id).where(
        lane.c.id.in_(lane_ids), lane.c.owner.is_(None), lane.c.head <= lane.c.tail
    )
    free = list(connection.execute(idle).scalars())
    if free:
        connection.execute(
            update(delivery)
            .where(delivery.c.lane_id.in_(free), delivery.c.state.in_((State.PENDING, State.SENDING)))
            .values(state=State.CANCELLED, settled_at=now)
        )
        connection.execute(update(lane).where(lane.c.id.in_(free)).values(head=lane.c.tail + 1))
    owned = select(func.count()).where(lane.c.id.in_(lane_ids), lane.c.owner.is_not(None))
    return int(connection.execute(owned).scalar_one())


# Words


def some_messages(connection: Connection, ids: Collection[int], after: int, most: int) -> list[int]:
    """The next messages of somebody."""
    return list(
        connection.execute(
            select(message.c.id)
            .where(message.c.customer_id.in_(ids), message.c.id > after)
            .order_by(message.c.id)
            .limit(most)
        ).scalars()
    )


def event_keys(connection: Connection, message_ids: Collection[int]) -> list[str]:
    """What would make these messages, and their edits, known if they came again."""
    found = [
        *connection.execute(select(message.c.dedup_key).where(message.c.id.in_(message_ids))).scalars(),
        *connection.execute(
            select(message_version.c.dedup_key).where(message_version.c.message_id.in_(message_ids))
        ).scalars(),
    ]
    return [one for one in found if one.startswith(("in:", "edit:"))]


def blobs_of(connection: Connection, ids: Collection[int]) -> set[str]:
    """The blobs of these messages: files, messages as they arrived, and long words, which the desk showed as a file."""
    given = select(attachment.c.blob).where(attachment.c.message_id.in_(ids), attachment.c.blob.is_not(None))
    raw = select(message.c.raw).where(message.c.id.in_(ids), message.c.raw.is_not(None))
    long = select(message.c.text).where(message.c.id.in_(ids), func.length(message.c.text) > LONG)
    before = select(message_version.c.text).where(
        message_version.c.message_id.in_(ids), func.length(message_version.c.text) > LONG
    )
    words = [*connection.execute(long).scalars(), *connection.execute(before).scalars()]
    shown = {hashlib.sha256(one.encode()).hexdigest() for one in words}
    return shown | set(connection.execute(given.union(raw)).scalars())


def count_files(connection: Connection, ids: Collection[int]) -> int:
    """How many files these messages have."""
    statement = select(func.count()).where(attachment.c.message_id.in_(ids))
    return int(connection.execute(statement).scalar_one())


def blank(connection: Connection, ids: Collection[int]) -> None:
    """Takes every word of these messages."""
    _files_to_posts(connection, delivery.c.message_id.in_(ids))
    connection.execute(
        update(delivery).where(delivery.c.message_id.in_(ids)).values(attachment_id=None, **WORDLESS)
    )
    for table in (attachment, message_version, clue):
        connection.execute(delete(table).where(table.c.message_id.in_(ids)))
    connection.execute(delete(post).where(post.c.message_id.in_(ids), post.c.target.not_in(("desk", FILE))))
    connection.execute(
        update(message)
        .where(message.c.id.in_(ids))
        .values(
            dedup_key=_stone(message.c.id),
            author="",
            text="",
            **dict.fromkeys(
                (
                    "identity_id",
                    "route_id",
                    "key",
                    "remote_id",
                    "spans",
                    "subject",
                    "tail",
                    "raw",
                    "detail",
                    "meta",
                )
            ),
        )
    )


def _files_to_posts(connection: Connection, which: ColumnElement[bool]) -> None:
    """Files that were put into threads are remembered as posts, until they are taken away there."""
    rows = connection.execute(
        select(delivery.c.id, delivery.c.message_id, delivery.c.progress).where(
            which, delivery.c.op.in_(("file", "rest")), delivery.c.progress.is_not(None)
        )
    ).all()
    for row in rows:
        file_id = _file_id(row.progress)
        if file_id:
            values = {"message_id": row.message_id, "delivery_id": row.id, "target": FILE}
            connection.execute(insert(post), values | {"place": "", "remote_id": file_id})


def _file_id(progress: str) -> str | None:
    try:
        return str(json.loads(progress)["file"])
    except (ValueError, KeyError, TypeError):
        return None


def unreferred(connection: Connection, blobs: Collection[str]) -> set[str]:
    """Those of the blobs that no message names any more."""
    named = connection.execute(
        select(attachment.c.blob)
        .where(attachment.c.blob.in_(blobs))
        .union(select(message.c.raw).where(message.c.raw.in_(blobs)))
    ).scalars()
    return set(blobs) - set(named)
