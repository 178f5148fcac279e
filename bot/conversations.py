"""The life of a case, and the thread and lanes that go with it.

open → pending (we answered, waiting for the customer) → resolved; a customer's words make a pending or snoozed case open
again, and open a new case after a resolved one. At most one case per (customer, team) is not resolved: the database says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from bot.desk import Status
from bot.errors import UserError
from bot.policy import TeamPolicy
from bot.storage import cases, erasing, lanes, people
from bot.storage.words import storable

EXCERPT = 160
"""Characters of the newest words that the card shows."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The thread of a customer in a team's channel, and its lanes."""

    thread_id: int
    channel: str
    desk_lane: int
    card_lane: int
    mark_lane: int
    card_waits: bool = False
    """A refresh of the card waits already."""


def desk_bucket(slack_channel: str) -> str:
    """What Slack paces posts by."""
    return f"desk:{slack_channel}"


CARD_BUCKET = "cards"
MARK_BUCKET = "marks"


def route_bucket(inbox: str) -> str:
    """What a provider paces sends by."""
    return f"route:{inbox}"


def buckets_of(slack_channel: str) -> set[str]:
    """The buckets of what is shown in a Slack channel."""
    return {desk_bucket(slack_channel), CARD_BUCKET, MARK_BUCKET}


def excerpt(words: str) -> str:
    """The first words of a message on one line."""
    line = " ".join(storable(words[: EXCERPT * 3]).split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"


def ensure_desk(connection: Connection, customer_id: int, team: TeamPolicy, key: str, now: float) -> Desk:
    """The customer's thread with a team; made, with its lanes, where there is none. ``key`` is for a new card.

    ``UserError`` where the customer was erased: nobody has a thread with them any more.
    """
    row = cases.desk_of(connection, customer_id, team.id)
    if row is not None:
        return Desk(*row)
    if erasing.erased(connection, customer_id) is not None:
        raise UserError(f"{people.handle(customer_id)} was erased just now, so nothing was done.")
    bucket = desk_bucket(team.slack_channel)
    made = (
        lanes.create_lane(connection, lanes.DESK, bucket, customer_id=customer_id, team=team.id),
        lanes.create_lane(connection, lanes.CARD, CARD_BUCKET, customer_id=customer_id, team=team.id),
        lanes.create_lane(connection, lanes.MARK, MARK_BUCKET, customer_id=customer_id, team=team.id),
    )
    thread_id = cases.add_thread(connection, customer_id, team.id, team.slack_channel, key, made, now)
    return Desk(thread_id, team.slack_channel, *made)


def ensure_route(
    connection: Connection, identity_id: int, inbox: str, thread_key: str, now: float, *, inbound: bool
) -> int:
    """The route to an identity by an inbox, with its lane; marks it as used just now where the customer wrote."""
    if inbound:
        known = people.touch_route(connection, identity_id, inbox, thread_key, now)
    else:
        known = people.find_route(connection, identity_id, inbox, thread_key)
    if known is not None:
        return known
    lane = lanes.create_lane(connection, lanes.ROUTE, route_bucket(inbox))
    route_id = people.add_route(connection, identity_id, inbox, thread_key, lane, now, inbound=inbound)
    lanes.bind_route(connection, lane, route_id)
    return route_id


def recreate_thread(
    connection: Connection,
    customer_id: int,
    team: TeamPolicy,
    key: str,
    why: str,
    now: float,
    *,
    channel: str | None,
) -> None:
    """Leaves a thread whose root is gone; the same lanes go on in a new one, so nothing that waits is lost."""
    row = cases.current_thread(connection, customer_id, team.id)
    if row is None:
        return
    place = channel or team.slack_channel
    cases.change_thread(connection, row.id, current=False, gone=why)
    cases.add_thread(
        connection,
        customer_id,
        team.id,
        place,
        key,
        (row.desk_lane, row.card_lane, row.mark_lane),
        now,
    )
    lanes.move_bucket(connection, row.desk_lane, desk_bucket(place))


def answered(connection: Connection, conversation_id: int, now: float) -> None:
    """A human reply has been accepted by the channel: nobody waits for us any more."""
    row = cases.case(connection, conversation_id)
    if row is None:
        return
    values: dict[str, object] = {"last_out_at": now, "waiting_since": None}
    if row.first_out_at is None:
        values["first_out_at"] = now
    if row.status == Status.OPEN:
        values["status"] = Status.PENDING
    cases.change(connection, conversation_id, **values)
