"""Blobs: durable before they are named, one file for the same bytes, clear words when the disk refuses."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from hypothesis import given
from hypothesis import strategies as st

from bot.blobs import FolderBlobs
from bot.contract import BlobStore
from bot.errors import StorageError
from bot.messages import BlobId


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


def files(root: Path) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file()]


async def test_what_was_put_comes_back_under_its_hash(blobs: FolderBlobs, no_blocking: BlockBuster) -> None:
    store: BlobStore = blobs
    name = await store.put(b"parcel")
    assert name == hashlib.sha256(b"parcel").hexdigest()
    assert await store.get(name) == b"parcel"


@given(st.binary(max_size=5000))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    store = FolderBlobs(tmp_path_factory.getbasetemp() / "any")
    assert asyncio.run(store.get(asyncio.run(store.put(data)))) == data


async def test_the_same_bytes_make_one_file(blobs: FolderBlobs, tmp_path: Path) -> None:
    names = await asyncio.gather(*(blobs.put(b"same") for _ in range(20)))
    assert len(set(names)) == 1
    assert len(files(tmp_path)) == 1


async def test_many_at_once_keep_their_order(blobs: FolderBlobs) -> None:
    items = [b"b", b"a", b"b", b""]
    names = await blobs.put_many(items)
    assert [await blobs.get(name) for name in names] == items


async def test_nobody_else_may_read(blobs: FolderBlobs, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = blobs.path(await blobs.put(b"private"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.relative_to(tmp_path / "blobs").parts[:2] == (path.name[:2], path.name[2:4])


async def test_file_and_folders_are_synced_before_put_returns(
    blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    path = blobs.path(await blobs.put(b"durable"))
    assert synced[0].startswith(str(tmp_path / "blobs" / "tmp"))
    for folder in (path.parent, path.parent.parent, tmp_path / "blobs"):
        assert str(folder) in synced[1:]
    synced.clear()
    await blobs.put(b"durable")
    assert synced == [str(path.parent)], "bytes that are there already may be another task's, not synced yet"


async def test_a_torn_file_is_written_anew(blobs: FolderBlobs) -> None:
    path = blobs.path(await blobs.put(b"whole"))
    path.write_bytes(b"wh")
    assert await blobs.get(await blobs.put(b"whole")) == b"whole"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "0" * 64])
async def test_only_hashes_are_names(blobs: FolderBlobs, name: str) -> None:
    with pytest.raises(KeyError):
        await blobs.get(BlobId(name))


async def test_erased_is_gone_and_erasing_twice_is_fine(blobs: FolderBlobs, tmp_path: Path) -> None:
    name = await blobs.put(b"forget me")
    await blobs.delete(name)
    await blobs.delete(name)
    with pytest.raises(KeyError):
        await blobs.get(name)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EIO, "cannot be used"),
        (errno.EROFS, "may not be written"),
    ],
)
async def test_a_refusing_disk_is_said_in_words_and_leaves_nothing(
    blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, words: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=words):
        await blobs.put(b"too much")
    monkeypatch.undo()
    assert files(tmp_path) == []
    assert await blobs.get(await blobs.put(b"too much")) == b"too much"


async def test_sweep_removes_old_leftovers_only(blobs: FolderBlobs, tmp_path: Path) -> None:
    name = await blobs.put(b"kept")
    old, new = (tmp_path / "blobs" / "tmp" / word for word in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"torn")
    os.utime(old, (1, 1))
    assert await blobs.sweep() == 1
    assert not old.exists() and new.exists()
    assert await blobs.get(name) == b"kept"


async def test_sweep_of_a_folder_that_is_not_there(blobs: FolderBlobs) -> None:
    assert await blobs.sweep() == 0
    assert await blobs.stale(0) == ()


async def test_a_blob_that_is_put_again_is_not_stale(blobs: FolderBlobs) -> None:
    first, second = await blobs.put_many([b"one", b"two"])
    for name in (first, second):
        os.utime(blobs.path(name), (1, 1))
    await blobs.put(b"two")
    assert await blobs.stale(60) == (first,)
