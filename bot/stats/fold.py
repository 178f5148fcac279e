"""Keeps the figures in step: cases that have changed are counted anew, and the difference goes into the cells.

The database itself notes which cases have changed, in the transaction that changes them: so nothing is forgotten, whoever
changes what. Counting follows within seconds, and before figures are read.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot.desk import Status
from bot.errors import StorageError
from bot.policy import CorePolicy
from bot.stats.cells import CaseFacts, Cell, Key, Ran, Rated, Said, cells, difference, sum_of
from bot.storage import stats
from bot.storage.database import Database

AT_ONCE = 60
"""Cases of one transaction: the writer is never held for long."""
EVERY = 2.0
"""Seconds between looks for cases that have changed."""

log = structlog.get_logger(__name__)


async def keep(database: Database, policy: CorePolicy) -> None:
    """Keeps the figures in step, until cancelled."""
    while True:
        try:
            await catch_up(database, policy)
        except StorageError as error:
            log.warning("stats.failed", error=type(error).__name__)
        await asyncio.sleep(EVERY)


async def catch_up(database: Database, policy: CorePolicy) -> None:
    """Counts all cases that have changed."""
    while await database.read(partial(stats.dirty, most=1)):
        await database.write(partial(fold, policy=policy))


def facts_of(connection: Connection, policy: CorePolicy, ids: Sequence[int]) -> list[CaseFacts]:
    """What the figures know of these cases; one that is not there any more is left out."""
    rows = stats.rows_of(connection, ids)
    said: dict[int, list[Said]] = defaultdict(list)
    for row in rows["said"]:
        said[row.conversation_id].append(_said(row))
    clocks: dict[int, list[Ran]] = defaultdict(list)
    for row in rows["clocks"]:
        clocks[row.conversation_id].append(_ran(row))
    tags: dict[int, list[str]] = defaultdict(list)
    for row in rows["tags"]:
        tags[row.conversation_id].append(row.tag)
    ratings: dict[int, list[Rated]] = defaultdict(list)
    for row in rows["ratings"]:
        rated = Rated(row.inbox, row.agent, row.asked_at, row.score, row.answered_at)
        ratings[row.conversation_id].append(rated)
    channels = {str(one.id): one.channel for one in policy.inboxes.values()}
    return [
        CaseFacts(
            row.id,
            row.team,
            zone_of(policy, row.team),
            row.priority,
            row.owner or "",
            tuple(tags[row.id]),
            tuple(said[row.id]),
            tuple(clocks[row.id]),
            tuple(ratings[row.id]),
            channels,
            row.joined_to is not None,
            row.opened_at,
            row.resolved_at if row.status == Status.RESOLVED else None,
        )
        for row in rows["cases"]
    ]


def zone_of(policy: CorePolicy, team: str) -> str:
    """The time zone in which a team's days begin."""
    return policy.promises.hours_of(team).zone


def _said(row: Any) -> Said:
    automated = row.automated is not None
    return Said(
        row.id, row.direction, row.inbox or "", row.agent or "", automated, row.state or "", row.created_at
    )


def _ran(row: Any) -> Ran:
    return Ran(
        row.kind,
        row.number,
        row.inbox,
        row.started_at,
        row.stopped_at,
        row.cause or "",
        row.used,
        row.breached_at,
        row.stopped_by,
    )


def count(connection: Connection, policy: CorePolicy, ids: Sequence[int]) -> dict[int, dict[Key, Cell]]:
    """What each of these cases adds, as things are now."""
    found: dict[int, dict[Key, Cell]] = {one: {} for one in ids}
    found.update({case.id: cells(case) for case in facts_of(connection, policy, ids)})
    return found


def fold(connection: Connection, policy: CorePolicy) -> bool:
    """A unit: counts some of the cases that have changed; whether there are more."""
    ids = stats.dirty(connection, AT_ONCE)
    if not ids:
        return False
    after = count(connection, policy, ids)
    before = stats.counted(connection, ids)
    changed = [difference(before.get(one, {}), after[one]) for one in ids]
    stats.add(connection, sum_of(changed))
    differs = {one: after[one] for one, change in zip(ids, changed, strict=True) if change}
    stats.keep(connection, differs)
    stats.clean(connection, ids)
    return len(ids) == AT_ONCE
