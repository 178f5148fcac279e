"""What was said in a thread after a point, for a channel whose customers fetch what they missed (the site chat).

Numbers are those of the ``post`` rows on the route's side: one is written when a message becomes visible to the customer
(theirs when it is accepted, ours when the channel has taken it), so a number that was seen never hides one that comes
later: a reply that was held while the customer wrote gets the higher number. Units that only read.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from bot.contract import BacklogItem
from bot.desk import State
from bot.messages import Part
from bot.storage import history
from bot.storage.schema import message, post, route

MOST = 500
"""Messages that one look gives at the most; the caller asks again after the last."""

_SINCE = (
    select(
        post.c.id.label("number"),
        message.c.id,
        message.c.direction,
        message.c.key,
        message.c.remote_id,
        message.c.author,
        message.c.text,
        message.c.spans,
        message.c.sent_at,
        message.c.state,
    )
    .join(message, message.c.id == post.c.message_id)
    .join(route, route.c.id == message.c.route_id)
    .where(
        route.c.inbox == bindparam("which"),
        route.c.thread_key == bindparam("thread"),
        post.c.target == "route",
        post.c.id > bindparam("after"),
    )
    .order_by(post.c.id)
    .limit(MOST)
)


def after(connection: Connection, inbox: str, thread_key: str, number: int) -> tuple[BacklogItem, ...]:
    """What became visible in a thread after a number, oldest first; at most ``MOST``."""
    rows = connection.execute(_SINCE, {"which": inbox, "thread": thread_key, "after": number}).all()
    files = history.attachments_of(connection, [row.id for row in rows]) if rows else {}
    return tuple(
        BacklogItem(
            row.number,
            row.direction,
            (row.key if row.direction == "outbound" else row.remote_id) or "",
            row.author,
            Part(
                0,
                1,
                history.unpack_text(row.text, row.spans),
                tuple(file for _, file in files.get(row.id, [])),
            ),
            row.sent_at,
            seen=row.state == State.SEEN,
        )
        for row in rows
    )
