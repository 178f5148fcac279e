"""What is cleared away: raw messages past their time, acts that cannot come again, leftovers of interrupted writes.

In chunks, so that the writer is never held for long.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy import Connection, select, update

from bot.contract import BlobStore
from bot.errors import StorageError
from bot.messages import BlobId
from bot.storage import inboxes
from bot.storage.database import Database
from bot.storage.schema import attachment, message

log = structlog.get_logger(__name__)

EVERY = 3600.0
ACTS_KEPT = 3 * 86_400.0
"""Seconds that acts are remembered: Slack redelivers for an hour; three days are safe."""
CHUNK = 200


class Blobs(BlobStore, Protocol):
    """What is asked of the blob store here."""

    async def delete(self, blob: BlobId) -> None: ...

    async def sweep(self, older_than: float = 3600.0) -> int: ...


async def keep_house(database: Database, blobs: Blobs, raw_days: float) -> None:
    """Runs until cancelled."""
    while True:
        try:
            await clear(database, blobs, time.time() - raw_days * 86_400.0)
        except (StorageError, OSError) as error:
            log.warning("housekeeping.failed", error=type(error).__name__)
        await asyncio.sleep(EVERY)


async def clear(database: Database, blobs: Blobs, raw_before: float) -> None:
    """One round."""
    await database.write(partial(inboxes.forget_acts, before=time.time() - ACTS_KEPT))
    while unneeded := await database.write(partial(_forget_raw, before=raw_before)):
        for blob in unneeded:
            await blobs.delete(blob)
    await blobs.sweep()


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
