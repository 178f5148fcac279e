"""What is shown of somebody at the desk, so that it can be taken away; and what tells whom an old backup brings back. Units."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from bot.storage.erasing import FILE, WITHDRAWN, WORDLESS
from bot.storage.schema import audit, delivery, identity, lane, post


def some_posts(connection: Connection, message_ids: Collection[int]) -> Sequence[Any]:
    """What messages are shown as at the desk: place, remote id, target, and whether the bot made it."""
    return connection.execute(
        select(post.c.id, post.c.place, post.c.remote_id, post.c.target, post.c.delivery_id)
        .where(post.c.message_id.in_(message_ids), post.c.target.in_(("desk", FILE)))
        .order_by(post.c.id)
    ).all()


def posts_gone(connection: Connection, post_ids: Collection[int]) -> None:
    """These are not shown any more."""
    connection.execute(delete(post).where(post.c.id.in_(post_ids)))


def post_gone(connection: Connection, place: str, remote_id: str) -> None:
    """A post at the desk is not there any more."""
    connection.execute(
        delete(post).where(post.c.place == place, post.c.remote_id == remote_id, post.c.target == "desk")
    )


def some_notices(
    connection: Connection, words: Collection[str], after: int, most: int
) -> tuple[list[int], int | None]:
    """Looks through notices to people and Slack channels for those that name somebody; the last that it looked at.

    ``words`` are handles, names, addresses and thread roots; None: there are no more notices.
    """
    rows = connection.execute(
        select(delivery.c.id, delivery.c.payload)
        .join(lane, lane.c.id == delivery.c.lane_id)
        .where(lane.c.kind == "notice", delivery.c.payload.is_not(None), delivery.c.id > after)
        .order_by(delivery.c.id)
        .limit(most)
    ).all()
    if not rows:
        return [], None
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(one) for one in sorted(words))})(?!\w)")
    named = [row.id for row in rows if pattern.search(" ".join(_strings(json.loads(row.payload))))]
    return named, int(rows[-1].id)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def prompts_about(connection: Connection, about: Collection[str]) -> list[int]:
    """The prompts about something, wherever they are shown."""
    return list(connection.execute(select(delivery.c.id).where(delivery.c.about.in_(about))).scalars())


def lines_to_posts(connection: Connection, delivery_ids: Collection[int]) -> Sequence[Any]:
    """Where lines and prompts are shown."""
    return connection.execute(
        select(post.c.id, post.c.place, post.c.remote_id, post.c.target, post.c.delivery_id).where(
            post.c.message_id.is_(None), post.c.target == "desk", post.c.delivery_id.in_(delivery_ids)
        )
    ).all()


def take_prompts(connection: Connection, delivery_ids: Collection[int]) -> None:
    """Prompts without their words; those that wait are not shown any more."""
    which = delivery.c.id.in_(delivery_ids)
    connection.execute(update(delivery).where(which).values(**(WORDLESS | {"payload": WITHDRAWN})))


def exports(connection: Connection, ids: Collection[int]) -> list[tuple[int, str]]:
    """Files with everything about somebody that agents were given: (audit row, the desk's id of the file)."""
    rows = connection.execute(
        select(audit.c.id, audit.c.detail).where(
            audit.c.customer_id.in_(ids), audit.c.action == "export", audit.c.detail.is_not(None)
        )
    )
    return [(row.id, row.detail) for row in rows]


def export_gone(connection: Connection, audit_id: int) -> None:
    """Such a file is not there any more."""
    connection.execute(update(audit).where(audit.c.id == audit_id).values(detail=None))


# After a restore


def some_identities(connection: Connection, after: int, most: int) -> Sequence[Any]:
    """Identities in the order of their numbers: to be compared with what was erased."""
    return connection.execute(
        select(
            identity.c.id,
            identity.c.customer_id,
            identity.c.channel,
            identity.c.address,
            identity.c.created_at,
        )
        .where(identity.c.id > after)
        .order_by(identity.c.id)
        .limit(most)
    ).all()
