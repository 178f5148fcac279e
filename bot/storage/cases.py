"""Conversations and the Slack threads they are shown in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    and_,
    bindparam,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy import case as case_when

from bot.storage.base import lines_of
from bot.storage.hot import Hot
from bot.storage.schema import RESOLVED, conversation, customer, identity, lane, route, thread
from bot.storage.schema_people import attribute

_OPEN = select(
    conversation.c.id,
    conversation.c.status,
    conversation.c.owner,
    conversation.c.subject,
    conversation.c.waiting_since,
    conversation.c.first_out_at,
).where(
    conversation.c.customer_id == bindparam("customer"),
    conversation.c.team == bindparam("which"),
    conversation.c.status != RESOLVED,
)


def open_case(connection: Connection, customer_id: int, team: str) -> Any | None:
    """The one conversation that is not resolved."""
    return connection.execute(_OPEN, {"customer": customer_id, "which": team}).one_or_none()


_NEWEST = (
    select(conversation)
    .where(
        conversation.c.customer_id == bindparam("customer"),
        conversation.c.team == bindparam("which"),
        conversation.c.joined_to.is_(None),
    )
    .order_by(conversation.c.status == RESOLVED, conversation.c.id.desc())
    .limit(1)
)


def newest_case(connection: Connection, customer_id: int, team: str) -> Any | None:
    """The conversation that is not resolved, else the newest. One that a merge ended in favour of another does not count."""
    return connection.execute(_NEWEST, {"customer": customer_id, "which": team}).one_or_none()


_COUNT = select(func.count()).where(
    conversation.c.customer_id == bindparam("customer"),
    conversation.c.team == bindparam("which"),
    conversation.c.joined_to.is_(None),
)


def count_cases(connection: Connection, customer_id: int, team: str) -> int:
    """How many conversations a customer has had with a team."""
    return int(connection.execute(_COUNT, {"customer": customer_id, "which": team}).scalar_one())


_CASE = select(conversation).where(conversation.c.id == bindparam("case"))


def case(connection: Connection, conversation_id: int) -> Any | None:
    """One conversation."""
    return connection.execute(_CASE, {"case": conversation_id}).one_or_none()


_ADD_CASE = insert(conversation).returning(conversation.c.id)


def add_case(
    connection: Connection,
    customer_id: int,
    team: str,
    subject: str | None,
    now: float,
    *,
    words: str | None = None,
    promised: Mapping[str, Any] | None = None,
) -> int:
    """A new, open conversation. ``words``: what the customer said, who waits for us; ``promised``: columns of its clocks."""
    waits = words is not None
    values = {
        "customer_id": customer_id,
        "team": team,
        "status": "open",
        "subject": subject,
        "excerpt": words or "",
        "opened_at": now,
        "last_in_at": now if waits else None,
        "waiting_since": now if waits else None,
        **(promised or {}),
    }
    return int(connection.execute(_ADD_CASE, values).scalar_one())


_SAID_OF_THEM = (
    select(lines_of(attribute.c.name.concat("=").concat(attribute.c.value)))
    .where(attribute.c.customer_id == bindparam("customer"))
    .scalar_subquery()
    .label("said")
)
_HEARD = Hot(
    update(conversation)
    .where(
        conversation.c.customer_id == bindparam("customer"),
        conversation.c.team == bindparam("which"),
        conversation.c.status != RESOLVED,
    )
    .values(
        status="open",
        snoozed_until=null(),
        last_in_at=bindparam("now"),
        waiting_since=func.coalesce(conversation.c.waiting_since, bindparam("now", type_=Double)),
        excerpt=bindparam("words"),
    )
    .returning(
        conversation.c.id,
        conversation.c.subject,
        conversation.c.team,
        conversation.c.priority,
        conversation.c.clocks,
        conversation.c.due_at,
        conversation.c.due_kind,
        _SAID_OF_THEM,
    )
)
_HEARD_QUIETLY = (
    update(conversation)
    .where(conversation.c.id == bindparam("case"))
    .values(last_in_at=bindparam("now"), excerpt=bindparam("words"))
)


def heard(connection: Connection, customer_id: int, team: str, excerpt: str, now: float) -> Any | None:
    """The customer said something in their open case and waits for us now; None where no case is open.

    ``said`` of what it returns are the customer's attributes, name=value, a line each.
    """
    values = {"customer": customer_id, "which": team, "words": excerpt, "now": now}
    return _HEARD.run(connection, values).one_or_none()


def heard_quietly(connection: Connection, conversation_id: int, excerpt: str, now: float) -> None:
    """Something came that nobody has to answer."""
    connection.execute(_HEARD_QUIETLY, {"case": conversation_id, "words": excerpt, "now": now})


def change(connection: Connection, conversation_id: int, **values: Any) -> None:
    """Changes columns of a conversation."""
    connection.execute(update(conversation).where(conversation.c.id == conversation_id).values(**values))


_THREAD = select(thread).where(
    thread.c.customer_id == bindparam("customer"), thread.c.team == bindparam("which"), thread.c.current
)
_CARD_WAITS = and_(lane.c.head <= lane.c.tail, or_(lane.c.head < lane.c.tail, lane.c.owner.is_(None))).label(
    "card_waits"
)
_DESK = Hot(
    select(
        thread.c.id, thread.c.channel, thread.c.desk_lane, thread.c.card_lane, thread.c.mark_lane, _CARD_WAITS
    )
    .join(lane, lane.c.id == thread.c.card_lane)
    .where(
        thread.c.customer_id == bindparam("customer"), thread.c.team == bindparam("which"), thread.c.current
    )
)


def desk_of(connection: Connection, customer_id: int, team: str) -> Any | None:
    """The thread of a customer with its lanes, and whether a refresh of its card waits already."""
    return _DESK.run(connection, {"customer": customer_id, "which": team}).one_or_none()


def current_thread(connection: Connection, customer_id: int, team: str) -> Any | None:
    """The thread a customer has in a team's channel now."""
    return connection.execute(_THREAD, {"customer": customer_id, "which": team}).one_or_none()


_THREADS = select(thread).where(
    thread.c.customer_id.in_(bindparam("customers", expanding=True)), thread.c.current
)


def current_threads(connection: Connection, customer_ids: Iterable[int]) -> dict[tuple[int, str], Any]:
    """The threads that customers have now: (customer, team) → thread."""
    wanted = list(set(customer_ids))
    if not wanted:
        return {}
    rows = connection.execute(_THREADS, {"customers": wanted})
    return {(row.customer_id, row.team): row for row in rows}


_THREAD_BY_ID = select(thread).where(thread.c.id == bindparam("which"))


def thread_by_id(connection: Connection, thread_id: int) -> Any | None:
    """One thread, current or left."""
    return connection.execute(_THREAD_BY_ID, {"which": thread_id}).one_or_none()


def thread_at(connection: Connection, channel: str, ts: str) -> Any | None:
    """The thread whose root is that message, current or left."""
    return connection.execute(
        select(thread).where(thread.c.channel == channel, thread.c.ts == ts)
    ).one_or_none()


_SKEW = 60.0
"""Seconds by which our clock may be ahead of Slack's."""
_IS_OPENING = (
    select(thread.c.id)
    .where(
        thread.c.channel == bindparam("place"),
        thread.c.ts.is_(None),
        thread.c.opening_since < bindparam("at"),
    )
    .limit(1)
)


def is_opening(connection: Connection, channel: str, ts: str) -> bool:
    """Whether the message of a channel may be a card whose place is not stored yet."""
    try:
        posted_at = float(ts)
    except ValueError:
        return False
    return connection.execute(_IS_OPENING, {"place": channel, "at": posted_at + _SKEW}).first() is not None


_ADD_THREAD = insert(thread).returning(thread.c.id)
_OPENING = update(thread).where(thread.c.id == bindparam("which")).values(opening_since=bindparam("since"))
_SHOWN = update(thread).where(thread.c.id == bindparam("which")).values(shown=bindparam("digest"))


def set_opening(connection: Connection, thread_id: int, since: float | None) -> None:
    """Says, before the card is posted, that it may have been; None: it certainly was not."""
    connection.execute(_OPENING, {"which": thread_id, "since": since})


def set_shown(connection: Connection, thread_id: int, digest: str) -> None:
    """Keeps a digest of the card as it was rendered last."""
    connection.execute(_SHOWN, {"which": thread_id, "digest": digest})


def add_thread(
    connection: Connection,
    customer_id: int,
    team: str,
    channel: str,
    key: str,
    lanes: tuple[int, int, int],
    now: float,
) -> int:
    """A new current thread, its card not posted yet. ``lanes``: desk, card, mark."""
    values = {
        "customer_id": customer_id,
        "team": team,
        "channel": channel,
        "card_key": key,
        "current": True,
        "desk_lane": lanes[0],
        "card_lane": lanes[1],
        "mark_lane": lanes[2],
        "created_at": now,
    }
    return int(connection.execute(_ADD_THREAD, values).scalar_one())


def change_thread(connection: Connection, thread_id: int, **values: Any) -> None:
    """Changes columns of a thread."""
    connection.execute(update(thread).where(thread.c.id == thread_id).values(**values))


def people(connection: Connection, ids: list[int], team: str) -> dict[int, Any]:
    """What is needed to name customers to a team: the newest case and thread of each with that team."""
    lively = func.max(case_when((conversation.c.status != RESOLVED, conversation.c.id)))
    newest = (
        select(func.coalesce(lively, func.max(conversation.c.id)).label("id"))
        .where(
            conversation.c.team == team,
            conversation.c.customer_id.in_(ids),
            conversation.c.joined_to.is_(None),
        )
        .group_by(conversation.c.customer_id)
        .subquery()
    )
    case_of = select(conversation).join(newest, newest.c.id == conversation.c.id).subquery()
    rows = connection.execute(
        select(
            customer.c.id,
            customer.c.name,
            customer.c.blocked,
            customer.c.spam,
            customer.c.quarantine,
            case_of.c.id.label("conversation_id"),
            case_of.c.status,
            case_of.c.owner,
            case_of.c.waiting_since,
            case_of.c.excerpt,
            thread.c.channel,
            thread.c.ts,
        )
        .outerjoin(case_of, case_of.c.customer_id == customer.c.id)
        .outerjoin(
            thread, (thread.c.customer_id == customer.c.id) & (thread.c.team == team) & thread.c.current
        )
        .where(customer.c.id.in_(ids))
    )
    return {row.id: row for row in rows}


def addresses(connection: Connection, ids: list[int]) -> dict[int, str]:
    """The address each customer used last."""
    rows = connection.execute(
        select(identity.c.customer_id, identity.c.address)
        .outerjoin(route, route.c.identity_id == identity.c.id)
        .where(identity.c.customer_id.in_(ids))
        .order_by(route.c.last_used_at)
    )
    return {row.customer_id: row.address for row in rows}


def queue(connection: Connection, teams: Sequence[str], agent: str, limit: int) -> list[tuple[int, str]]:
    """(customer, team) of cases that are not resolved: the agent's own, then nobody's, then others', longest waiting first.

    In steps, each of them in the order of the queue's index: of ten thousand cases few are looked at.
    """
    whose = (
        conversation.c.owner == agent,
        conversation.c.owner.is_(None),
        and_(conversation.c.owner.is_not(None), conversation.c.owner != agent),
    )
    found: list[tuple[int, str]] = []
    for owner in whose:
        for waits in (conversation.c.waiting_since.is_not(None), conversation.c.waiting_since.is_(None)):
            if len(found) < limit:
                found += _queued(connection, teams, owner, waits, limit - len(found))
    return found


def _queued(
    connection: Connection,
    teams: Sequence[str],
    owner: ColumnElement[bool],
    waits: ColumnElement[bool],
    limit: int,
) -> list[tuple[int, str]]:
    of = conversation.c.team == teams[0] if len(teams) == 1 else conversation.c.team.in_(list(teams))
    rows = connection.execute(
        select(conversation.c.customer_id, conversation.c.team)
        .where(conversation.c.status != RESOLVED, of, owner, waits)
        .order_by(conversation.c.waiting_since, conversation.c.id)
        .limit(limit)
    )
    return [(row.customer_id, row.team) for row in rows]


def place_of(connection: Connection, channel: str, address: str, team: str) -> tuple[str, str] | None:
    """Where the thread of somebody at an address is: (Slack channel, ts)."""
    row = connection.execute(
        select(thread.c.channel, thread.c.ts)
        .join(identity, identity.c.customer_id == thread.c.customer_id)
        .where(
            identity.c.channel == channel,
            identity.c.address == address,
            ~identity.c.given,
            thread.c.team == team,
            thread.c.current,
            thread.c.ts.is_not(None),
        )
        .limit(1)
    ).one_or_none()
    return (row.channel, row.ts) if row is not None else None
