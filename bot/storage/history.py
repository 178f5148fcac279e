"""Messages, their attachments, and what they became elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from bot.messages import Attachment, BlobId, Span, SpanKind, Text
from bot.storage import people
from bot.storage.hot import Hot
from bot.storage.schema import attachment, delivery, message, message_version, post
from bot.storage.words import indexed, storable


def pack_spans(spans: tuple[Span, ...]) -> str | None:
    """Spans as compact JSON; None for none."""
    if not spans:
        return None
    return json.dumps([[s.start, s.end, s.kind, s.value] for s in spans], separators=(",", ":"))


def unpack_text(plain: str, spans: str | None) -> Text:
    """The text that was stored."""
    if not spans:
        return Text(plain)
    return Text(plain, tuple(Span(a, b, SpanKind(kind), value) for a, b, kind, value in json.loads(spans)))


def pack_text(words: Text | None) -> str | None:
    """A text that is stored in one column."""
    if not words:
        return None
    return json.dumps([words.plain, pack_spans(words.spans)], separators=(",", ":"))


def unpack_packed(stored: str | None) -> Text | None:
    """The text of ``pack_text``."""
    if stored is None:
        return None
    plain, spans = json.loads(stored)
    return unpack_text(plain, spans)


_KNOWN = Hot(select(message.c.id).where(message.c.dedup_key == bindparam("key")))
_COLUMNS = (
    "conversation_id",
    "customer_id",
    "identity_id",
    "route_id",
    "inbox",
    "direction",
    "dedup_key",
    "key",
    "remote_id",
    "agent",
    "author",
    "text",
    "spans",
    "subject",
    "tail",
    "sent_at",
    "created_at",
    "automated",
    "raw",
    "state",
    "state_at",
    "detail",
    "meta",
)
_EMPTY: dict[str, Any] = dict.fromkeys(_COLUMNS)
_ADD = Hot(insert(message).returning(message.c.id), _COLUMNS)


def known(connection: Connection, dedup_key: str) -> int | None:
    """The message that has this key, if it was stored before."""
    return _KNOWN.run(connection, {"key": indexed(dedup_key)}).scalar()


def add(connection: Connection, **values: Any) -> int:
    """Stores a message."""
    for name in ("author", "text", "subject"):
        if values.get(name):
            values[name] = storable(values[name])
    values["dedup_key"] = indexed(values["dedup_key"])
    if values.get("remote_id"):
        values["remote_id"] = indexed(values["remote_id"])
    return int(_ADD.run(connection, {**_EMPTY, **values}).scalar_one())


_ADD_FILE = insert(attachment).returning(attachment.c.id)


def add_attachments(
    connection: Connection, message_id: int, files: Iterable[Attachment], sources: Sequence[str | None] = ()
) -> list[int]:
    """Stores the files of a message, in order. ``sources``: where the bytes are that have not been fetched yet."""
    ids = []
    for at, file in enumerate(files):
        values = {
            "message_id": message_id,
            "name": storable(file.name),
            "media_type": file.media_type,
            "size": file.size,
            "blob": file.blob,
            "problem": file.problem,
            "source": sources[at] if at < len(sources) else None,
        }
        ids.append(int(connection.execute(_ADD_FILE, values).scalar_one()))
    return ids


def get(connection: Connection, message_id: int) -> Any | None:
    """One message."""
    return connection.execute(_GET, {"one": message_id}).one_or_none()


_GET = select(message).where(message.c.id == bindparam("one"))
_MANY = select(message).where(message.c.id.in_(bindparam("ids", expanding=True)))
_FILES = (
    select(attachment)
    .where(attachment.c.message_id.in_(bindparam("ids", expanding=True)))
    .order_by(attachment.c.id)
)


def get_many(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    """Several messages."""
    return {row.id: row for row in connection.execute(_MANY, {"ids": list(ids)})}


def attachments_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[tuple[int, Attachment]]]:
    """The files of messages: message → (attachment id, attachment)."""
    found: dict[int, list[tuple[int, Attachment]]] = {}
    for row in connection.execute(_FILES, {"ids": list(ids)}):
        blob = BlobId(row.blob) if row.blob is not None else None
        file = Attachment(row.name, row.media_type, row.size, blob, row.problem)
        found.setdefault(row.message_id, []).append((row.id, file))
    return found


_FILE = select(attachment).where(attachment.c.id == bindparam("which"))


def attachment_by_id(connection: Connection, attachment_id: int) -> Attachment | None:
    """One file."""
    row = connection.execute(_FILE, {"which": attachment_id}).one_or_none()
    if row is None:
        return None
    blob = BlobId(row.blob) if row.blob is not None else None
    return Attachment(row.name, row.media_type, row.size, blob, row.problem)


_UNFETCHED = (
    select(attachment.c.id, attachment.c.name, attachment.c.source)
    .where(
        attachment.c.message_id == bindparam("which"),
        attachment.c.blob.is_(None),
        attachment.c.source.is_not(None),
    )
    .order_by(attachment.c.id)
)


def unfetched(connection: Connection, message_id: int) -> Sequence[Any]:
    """The files of a message whose bytes are still elsewhere."""
    return connection.execute(_UNFETCHED, {"which": message_id}).all()


def fetched(connection: Connection, attachment_id: int, blob: str, size: int) -> None:
    """The bytes of a file are in the blob store now."""
    connection.execute(
        update(attachment).where(attachment.c.id == attachment_id).values(blob=blob, size=size, source=None)
    )


def change(connection: Connection, message_id: int, **values: Any) -> None:
    """Changes columns of a message."""
    connection.execute(update(message).where(message.c.id == message_id).values(**values))


def add_version(connection: Connection, row: Any, dedup_key: str, now: float) -> None:
    """Keeps what a message said before it is changed."""
    connection.execute(
        insert(message_version),
        {
            "message_id": row.id,
            "at": now,
            "text": row.text,
            "spans": row.spans,
            "dedup_key": dedup_key,
        },
    )


def first_version(connection: Connection, message_id: int) -> str | None:
    """What a message said at first, where it was edited."""
    return connection.execute(
        select(message_version.c.text)
        .where(message_version.c.message_id == message_id)
        .order_by(message_version.c.id)
        .limit(1)
    ).scalar()


def version_known(connection: Connection, dedup_key: str) -> bool:
    """Whether an edit has been stored before."""
    return (
        connection.execute(
            select(message_version.c.id).where(message_version.c.dedup_key == dedup_key)
        ).scalar()
        is not None
    )


_BY_REMOTE = (
    select(message)
    .where(message.c.inbox == bindparam("which"), message.c.remote_id == bindparam("remote"))
    .limit(1)
)
_SENT_AS = (
    select(post.c.message_id)
    .where(
        post.c.target.in_(("route", "returned")),
        post.c.place == bindparam("which"),
        post.c.remote_id == bindparam("remote"),
    )
    .order_by(post.c.id.desc())
    .limit(1)
)


def by_remote(connection: Connection, inbox: str, remote_id: str) -> Any | None:
    """The message that a channel calls so: one of theirs, or a part of one of ours."""
    values = {"which": inbox, "remote": indexed(remote_id)}
    row = connection.execute(_BY_REMOTE, values).one_or_none()
    if row is not None:
        return row
    sent = connection.execute(_SENT_AS, values).scalar()
    return None if sent is None else get(connection, sent)


def newest_reply(connection: Connection, conversation_id: int) -> Any | None:
    """The newest reply of a conversation that went out."""
    return connection.execute(
        select(message)
        .where(
            message.c.conversation_id == conversation_id,
            message.c.direction == "outbound",
            message.c.state.in_(("accepted", "delivered", "seen", "uncertain")),
        )
        .order_by(message.c.id.desc())
        .limit(1)
    ).one_or_none()


_INBOUND = select(message).where(
    message.c.customer_id == bindparam("customer"),
    message.c.direction == "inbound",
    message.c.id < bindparam("before"),
)
_NEWEST_INBOUND = _INBOUND.order_by(message.c.id.desc()).limit(1)
_NEWEST_BY_ROUTE = _NEWEST_INBOUND.where(message.c.route_id == bindparam("route"))


def newest_inbound(
    connection: Connection, customer_id: int, route_id: int | None = None, *, before: int | None = None
) -> Any | None:
    """The customer's newest words, under any of their numbers, by one route or by any."""
    statement = _NEWEST_INBOUND if route_id is None else _NEWEST_BY_ROUTE
    found = []
    for one in people.family(connection, customer_id):
        values = {"customer": one, "route": route_id, "before": before or 2**62}
        found.append(connection.execute(statement, values).one_or_none())
    return max((row for row in found if row is not None), key=lambda row: row.id, default=None)


def same_words_since(connection: Connection, customer_id: int, words: str, since: float) -> Any | None:
    """A reply with the same text to the same customer, made after a time and not taken back."""
    return connection.execute(
        select(message)
        .where(
            message.c.customer_id.in_(people.family(connection, customer_id)),
            message.c.direction == "outbound",
            message.c.created_at >= since,
            message.c.text == words,
            message.c.state.not_in(("cancelled", "failed")),
        )
        .limit(1)
    ).one_or_none()


def automated_since(connection: Connection, identity_id: int, since: float) -> int:
    """How many automatic messages an identity has sent since a time."""
    return int(
        connection.execute(
            select(func.count()).where(
                message.c.identity_id == identity_id,
                message.c.automated.is_not(None),
                message.c.created_at >= since,
            )
        ).scalar_one()
    )


def subjects(connection: Connection, customer_id: int, route_id: int, limit: int = 5) -> tuple[str, ...]:
    """The subjects a customer has used on a route, newest first, each once."""
    rows = connection.execute(
        select(message.c.subject)
        .where(
            message.c.customer_id.in_(people.family(connection, customer_id)),
            message.c.route_id == route_id,
            message.c.subject.is_not(None),
            message.c.direction == "inbound",
        )
        .order_by(message.c.id.desc())
        .limit(50)
    ).scalars()
    return tuple(dict.fromkeys(subject for subject in rows if subject))[:limit]


_ADD_POST = Hot(insert(post), ("message_id", "delivery_id", "part", "target", "place", "remote_id"))


def add_posts(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Stores what messages became elsewhere."""
    _ADD_POST.run_many(connection, [{"delivery_id": None, "part": 0} | row for row in rows])


_POSTS = (
    select(post)
    .where(post.c.message_id == bindparam("which"), post.c.target == bindparam("side"))
    .order_by(post.c.part, post.c.id)
)


def posts_of(connection: Connection, message_id: int, target: str) -> Sequence[Any]:
    """What a message became on one side, part by part."""
    return connection.execute(_POSTS, {"which": message_id, "side": target}).all()


def retire_posts(connection: Connection, message_id: int) -> None:
    """What a reply became came back: a new attempt sends all of it, and reports about the old one are still understood."""
    connection.execute(
        update(post)
        .where(post.c.message_id == message_id, post.c.target == "route")
        .values(target="returned")
    )


def posts_at(connection: Connection, place: str, remote_id: str) -> Sequence[Any]:
    """What one Slack post shows, in order: its messages and activities. ``delivery_id`` None: an agent wrote it."""
    return connection.execute(
        select(post.c.message_id, post.c.delivery_id, delivery.c.op, delivery.c.payload)
        .outerjoin(delivery, delivery.c.id == post.c.delivery_id)
        .where(post.c.place == place, post.c.remote_id == remote_id, post.c.target == "desk")
        .order_by(post.c.id)
    ).all()


_TROUBLED = select(func.count()).where(
    message.c.conversation_id == bindparam("case"),
    message.c.direction == "outbound",
    message.c.automated.is_(None),
    message.c.state.in_(("failed", "uncertain")),
)


def count_failed(connection: Connection, conversation_id: int) -> int:
    """Replies of a case that failed or are uncertain, and were not sent again."""
    return int(connection.execute(_TROUBLED, {"case": conversation_id}).scalar_one())
