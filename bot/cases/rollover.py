"""A thread that has become old or long goes on in a new one: with a recap, and links both ways. Units.

The lanes stay the same, so nothing that waits is lost; the old thread gets a last word, and its card says where it goes on.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot import conversations, replies
from bot.cases import prompts
from bot.cases.hands import Hands
from bot.desk import Line, Prompt, ThreadLink
from bot.errors import StorageError
from bot.merge import mergetold
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.privacy.keys import new_key
from bot.storage import asks, cases, lanes, people, rolling
from bot.storage.lanes import NewDelivery

log = structlog.get_logger(__name__)

AT_ONCE = 20
"""Threads of one transaction."""
EVERY = 3600.0
"""Seconds between looks for threads that have become too long."""


async def keep(hands: Hands) -> None:
    """Looks for threads that have become too long, until cancelled."""
    while True:
        keys = tuple(new_key() for _ in range(AT_ONCE))
        unit = partial(sweep, policy=hands.policy, keys=keys, now=hands.clock())
        try:
            buckets = await hands.database.write(unit)
            if buckets:
                hands.queue.wake(buckets)
        except StorageError as error:
            log.warning("rollover.failed", error=type(error).__name__)
        await asyncio.sleep(EVERY)


def old(
    connection: Connection, policy: CorePolicy, customer_id: int, team: str, key: str, now: float
) -> set[str]:
    """A known customer has a new case: where their thread is old or long, the case begins in a new one."""
    row = cases.current_thread(connection, customer_id, team)
    if row is None or row.ts is None:
        return set()
    aged = policy.thread_days and now - row.created_at > policy.thread_days * 86_400
    length = rolling.length(connection, row.id)
    if aged or (policy.thread_posts and length > policy.thread_posts):
        return roll_over(connection, policy, row, key, now)
    return set()


def sweep(connection: Connection, policy: CorePolicy, keys: tuple[str, ...], now: float) -> set[str]:
    """Threads that have become too long to be read go on in new ones, whether or not a new case begins. One key a thread."""
    if not policy.thread_posts:
        return set()
    buckets: set[str] = set()
    rows = rolling.too_long(connection, policy.thread_posts * 2, len(keys))
    for row, key in zip(rows, keys, strict=False):
        buckets |= roll_over(connection, policy, row, key, now)
    return buckets


def roll_over(connection: Connection, policy: CorePolicy, row: Any, key: str, now: float) -> set[str]:
    """Begins a new thread for a customer in place of this one."""
    team = policy.teams.get(TeamId(row.team))
    if team is None:
        return set()
    cases.change_thread(connection, row.id, current=False)
    whose = (row.desk_lane, row.card_lane, row.mark_lane)
    new = cases.add_thread(connection, row.customer_id, row.team, row.channel, key, whose, now)
    rolling.began(connection, new)
    named = people.named(connection, [row.customer_id]).get(row.customer_id)
    name = named.name if named is not None else people.handle(row.customer_id)
    link: Line = ("What was said before is in ", ThreadLink("the earlier thread", row.channel, row.ts), ".")
    family = people.family(connection, row.customer_id)
    recap = mergetold.words_of(connection, policy, family, row.team, "The last words:")
    first = Prompt(((f"The thread of {name} goes on here.",), *recap, link), now)
    about = f"thread:{new}"
    buckets = {asks.add(connection, row.desk_lane, prompts.packed(first), about, now)}
    last = Prompt((("This thread has become long. It goes on in a new one, below in the channel.",),), now)
    packed = prompts.packed(last) | {lanes.CERTAIN: row.id}
    buckets.add(asks.add(connection, row.desk_lane, packed, about, now))
    card = NewDelivery("card", payload={lanes.CERTAIN: row.id})
    buckets.add(lanes.append(connection, row.card_lane, [card], now))
    return buckets


def card_deleted(
    connection: Connection, *, policy: CorePolicy, channel: str, ts: str, key: str, now: float
) -> set[str]:
    """A unit: where that message was the card of a customer's current thread, the thread is started anew."""
    row = cases.thread_at(connection, channel, ts)
    team = policy.teams.get(TeamId(row.team)) if row is not None else None
    if row is None or team is None or not row.current:
        return set()
    if people.final(connection, row.customer_id) != row.customer_id:
        return set()  # this thread had ended with a merge
    conversations.recreate_thread(
        connection, row.customer_id, team, key, "card deleted", now, channel=row.channel
    )
    text = "The card of this customer was deleted, so the thread goes on here. Nothing was lost."
    line = NewDelivery("activity", payload={"text": text, "at": now})
    return {lanes.append(connection, row.desk_lane, [line], now)} | replies.refresh_card(
        connection, policy, row.customer_id, row.team, now
    )
