"""What is cleared away: raw messages past their time, acts that cannot come again, leftovers of interrupted writes.

In chunks, so that the writer is never held for long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy import Connection, select, update

from bot.contract import BlobStore
from bot.errors import StorageError
from bot.messages import BlobId
from bot.storage import inboxes, indexing, links
from bot.storage.database import Database
from bot.storage.schema import attachment, message

log = structlog.get_logger(__name__)

EVERY = 3600.0
ACTS_KEPT = 3 * 86_400.0
"""Seconds that acts are remembered: Slack redelivers for an hour; three days are safe."""
CODES_KEPT = 30 * 86_400.0
"""Seconds after their end that link codes are remembered, to tell a second use from a code that nobody made."""
CHUNK = 200
ORPHAN_KEPT = 2 * 86_400.0
"""Seconds that bytes may lie without a row that names them: an upload that is not sent yet, an event that is tried again."""


INDEX_EVERY = 2.0
"""Seconds after which a message can be found at the latest; whoever searches before that has it put into the index first."""


class Blobs(BlobStore, Protocol):
    """What is asked of the blob store here."""

    async def delete(self, blob: BlobId) -> None: ...

    async def stale(self, older_than: float) -> tuple[BlobId, ...]: ...

    async def sweep(self, older_than: float = 3600.0) -> int: ...


async def keep_house(database: Database, blobs: Blobs, raw_days: float) -> None:
    """Runs until cancelled."""
    while True:
        try:
            await clear(database, blobs, time.time() - raw_days * 86_400.0)
        except (StorageError, OSError) as error:
            log.warning("housekeeping.failed", error=type(error).__name__)
        await asyncio.sleep(EVERY)


async def keep_index(database: Database) -> None:
    """Puts new messages into the index of words, until cancelled."""
    merged = False
    while True:
        try:
            merged = not await catch_up(database) and merged
            while not merged:
                merged = not await database.write(indexing.merge_some)
                await asyncio.sleep(0.05)  # there is time: others write in between
        except StorageError as error:
            log.warning("index.behind", error=type(error).__name__)
        await asyncio.sleep(INDEX_EVERY)


async def catch_up(database: Database) -> bool:
    """Every message that is stored can be found. Whether some could not before."""
    if not await database.read(indexing.behind):
        return False
    while await database.write(indexing.index_some):
        pass
    return True


async def clear(database: Database, blobs: Blobs, raw_before: float) -> None:
    """One round."""
    await database.write(partial(inboxes.forget_acts, before=time.time() - ACTS_KEPT))
    await database.write(partial(links.forget_old, before=time.time() - CODES_KEPT))
    while unneeded := await database.write(partial(_forget_raw, before=raw_before)):
        for blob in unneeded:
            await blobs.delete(blob)
    for chunk in _chunks(await blobs.stale(max(time.time() - raw_before, ORPHAN_KEPT))):
        for blob in await database.read(partial(_unnamed, blobs=chunk)):
            await blobs.delete(blob)
    await blobs.sweep()


def _chunks(blobs: tuple[BlobId, ...]) -> Iterator[list[BlobId]]:
    for start in range(0, len(blobs), CHUNK):
        yield list(blobs[start : start + CHUNK])


def _unnamed(connection: Connection, blobs: list[BlobId]) -> list[BlobId]:
    """Those of the blobs that no row names: a file that was uploaded and never sent, the raw form of an edit."""
    named = connection.execute(
        select(attachment.c.blob)
        .where(attachment.c.blob.in_(blobs))
        .union(select(message.c.raw).where(message.c.raw.in_(blobs)))
    ).scalars()
    return sorted(set(blobs) - {BlobId(one) for one in named})


def _forget_raw(connection: Connection, before: float) -> list[BlobId]:
    """Forgets the raw form of a few old messages; returns the blobs that nothing refers to any more."""
    rows = connection.execute(
        select(message.c.id, message.c.raw)
        .where(message.c.raw.is_not(None), message.c.created_at < before)
        .limit(CHUNK)
    ).all()
    if not rows:
        return []
    connection.execute(update(message).where(message.c.id.in_([row.id for row in rows])).values(raw=None))
    blobs = {row.raw for row in rows}
    still = connection.execute(
        select(attachment.c.blob)
        .where(attachment.c.blob.in_(blobs))
        .union(select(message.c.raw).where(message.c.raw.in_(blobs)))
    ).scalars()
    return [BlobId(blob) for blob in sorted(blobs - set(still))]
