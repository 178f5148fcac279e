"""What is cleared away, and what is not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bot.blobs import FolderBlobs
from bot.housekeeping import clear
from bot.messages import Attachment, BlobId
from bot.storage.database import Database
from tests.core.world import World


def age(blobs: FolderBlobs, blob: BlobId, days: float) -> None:
    """Makes a blob look as if it had been put days ago."""
    then = time.time() - days * 86_400
    os.utime(blobs.path(blob), (then, then))


async def test_raw_messages_go_after_their_time_and_files_stay(database: Database, tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    raw, file, upload, fresh = [await blobs.put(data) for data in (b"raw", b"file", b"upload", b"fresh")]
    async with World(database) as world:
        photo = Attachment("photo.jpg", "image/jpeg", 4, file)
        await world.says("hello", source="1", raw=raw, attachments=(photo,))
        await world.says("my file as it came", source="2", raw=file)
        await world.until(lambda: len(world.desk.entries()) == 2)
    for blob in (raw, file, upload):
        age(blobs, blob, 40)
    await clear(database, blobs, time.time() - 30 * 86_400)
    assert await blobs.get(raw) == b"raw"  # its message is young
    assert await blobs.get(file) == b"file"
    assert await blobs.get(fresh) == b"fresh"
    with pytest.raises(KeyError):
        await blobs.get(upload)  # uploaded forty days ago, never sent
    await clear(database, blobs, time.time() + 60)
    with pytest.raises(KeyError):
        await blobs.get(raw)
    assert await blobs.get(file) == b"file"  # an attachment names it
