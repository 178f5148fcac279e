"""How much there is of somebody: what an erasure would take. Units that only read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from bot.desk import State
from bot.storage import jobs
from bot.storage.schema import attachment, conversation, delivery, identity, message, post, thread
from bot.storage.schema_people import customer_merge


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is of somebody."""

    messages: int
    notes: int
    files: int
    cases: int
    posts: int
    own_posts: int


def counts(connection: Connection, ids: Collection[int]) -> Counts:
    """How much there is of somebody. Reads all of it: not for the writer."""
    theirs = message.c.customer_id.in_(ids)
    said = select(message.c.direction, func.count()).where(theirs).group_by(message.c.direction)
    by = {row[0]: int(row[1]) for row in connection.execute(said)}
    files = select(func.count(attachment.c.id)).join(message, message.c.id == attachment.c.message_id)
    shown = (
        select(post.c.place, post.c.remote_id)
        .join(message, message.c.id == post.c.message_id)
        .where(theirs, post.c.target == "desk")
        .distinct()
    )
    written = shown.where(post.c.delivery_id.is_(None))
    cases = select(func.count()).where(conversation.c.customer_id.in_(ids))
    cards = select(func.count()).where(thread.c.customer_id.in_(ids), thread.c.ts.is_not(None))
    numbers = (
        files.where(theirs),
        cases,
        cards,
        select(func.count()).select_from(shown.subquery()),
        select(func.count()).select_from(written.subquery()),
    )
    found = [int(connection.execute(one).scalar_one()) for one in numbers]
    spoken = sum(count for direction, count in by.items() if direction != "note")
    return Counts(spoken, by.get("note", 0), found[0], found[1], found[2] + found[3], found[4])


def count_waiting(connection: Connection, lane_ids: Collection[int]) -> int:
    """How many replies have not begun to go out."""
    waits = delivery.c.state.in_((State.HELD, State.PENDING)) & (delivery.c.op == "send")
    statement = select(func.count()).where(delivery.c.lane_id.in_(lane_ids), waits)
    return int(connection.execute(statement).scalar_one())


def others_at(connection: Connection, ids: Collection[int]) -> list[int]:
    """Other customers of whom one of somebody's addresses is known."""
    theirs, same = identity.alias("theirs"), identity.alias("same")
    found = (
        select(same.c.customer_id)
        .join(theirs, (theirs.c.channel == same.c.channel) & (theirs.c.address == same.c.address))
        .where(theirs.c.customer_id.in_(ids), same.c.customer_id.not_in(ids))
        .distinct()
        .order_by(same.c.customer_id)
    )
    return list(connection.execute(found).scalars())


def being_divided(connection: Connection, ids: Collection[int], kind: str) -> bool:
    """Whether a job of a kind about one of somebody's merges is under way."""
    theirs = or_(customer_merge.c.survivor_id.in_(ids), customer_merge.c.merged_id.in_(ids))
    merges = {str(one) for one in connection.execute(select(customer_merge.c.id).where(theirs)).scalars()}
    return any(job.subject in merges for job in jobs.waiting(connection, kind))


def teams(connection: Connection, ids: Collection[int]) -> set[str]:
    """The teams that have had cases of somebody."""
    return set(
        connection.execute(
            select(conversation.c.team).where(conversation.c.customer_id.in_(ids)).distinct()
        ).scalars()
    )
