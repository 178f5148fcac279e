"""Bytes by their SHA-256, in a folder: raw messages and attachments.

What is promised: when ``put`` returns, the bytes are on disk under their name and stay there through a crash or a power
cut, so a transaction may name them. A crash before that leaves at most a file in ``tmp/``, which ``sweep`` removes.
Putting the same bytes twice makes one file. Bytes are only ever read back under their hash; a file name that somebody
sent never becomes a path.

Layout: ``<root>/ab/cd/abcd…`` (two levels of 256 folders), files 0600, folders 0700.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.errors import StorageError
from bot.messages import BlobId

_NAME = re.compile(r"[0-9a-f]{64}\Z")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FolderBlobs:
    """A ``BlobStore`` in a folder, which is made where it is missing. Disk work happens in threads.

    Several processes may use one folder. Every method raises ``StorageError`` where the disk refuses.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / "tmp"

    async def put(self, data: bytes) -> BlobId:
        """Keeps the bytes and returns their hash; they are durable then."""
        return (await self.put_many([data]))[0]

    async def put_many(self, items: Sequence[bytes]) -> tuple[BlobId, ...]:
        """Keeps several at once: one thread hop, and one fsync for each folder instead of one for each file."""
        return await asyncio.to_thread(self._put_many, items)

    async def get(self, blob: BlobId) -> bytes:
        """The bytes. Raises ``KeyError`` where they were never put or have been erased."""
        return await asyncio.to_thread(self._get, blob)

    async def delete(self, blob: BlobId) -> None:
        """Erases the bytes, durably. Nothing happens where there are none."""
        await asyncio.to_thread(self._delete, blob)

    async def sweep(self, older_than: float = 3600.0) -> int:
        """Removes what puts that a crash cut short left behind ``older_than`` seconds ago; returns how many files."""
        return await asyncio.to_thread(self._sweep, older_than)

    async def stale(self, older_than: float) -> tuple[BlobId, ...]:
        """Blobs that nobody has put (again) for ``older_than`` seconds: the ones that no row names may be deleted."""
        return await asyncio.to_thread(self._stale, older_than)

    def path(self, blob: BlobId) -> Path:
        """Where the bytes of a blob lie. Raises ``KeyError`` for what is not a hash."""
        if not _NAME.match(blob):
            raise KeyError(blob)
        return self._root / blob[:2] / blob[2:4] / blob

    def _put_many(self, items: Sequence[bytes]) -> tuple[BlobId, ...]:
        names: list[BlobId] = []
        folders: dict[Path, None] = {}
        try:
            for data in items:
                name = BlobId(hashlib.sha256(data).hexdigest())
                names.append(name)
                path = self.path(name)
                if not _touch(path, len(data)):
                    self._make_folder(path.parent, folders)
                    self._write(path, data)
                # A file that was there already may be another task's, whose folder is not synced yet.
                folders[path.parent] = None
            for folder in folders:
                _sync(folder)
        except OSError as error:
            raise _explained(error, self._root) from error
        return tuple(names)

    def _write(self, path: Path, data: bytes) -> None:
        part = self._temporary / secrets.token_hex(16)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                os.fsync(handle)
            finally:
                os.close(handle)
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _make_folder(self, folder: Path, touched: dict[Path, None]) -> None:
        """Makes the folder of a blob and notes every folder whose list of names changed by that."""
        self._temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        for level in (folder.parent, folder):
            if not level.is_dir():
                level.mkdir(mode=0o700, exist_ok=True)
                touched[level.parent] = None

    def _get(self, blob: BlobId) -> bytes:
        try:
            return self.path(blob).read_bytes()
        except FileNotFoundError:
            raise KeyError(blob) from None
        except OSError as error:
            raise _explained(error, self._root) from error

    def _delete(self, blob: BlobId) -> None:
        path = self.path(blob)
        try:
            path.unlink()
            _sync(path.parent)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _explained(error, self._root) from error

    def _sweep(self, older_than: float) -> int:
        removed = 0
        for path in self._older(self._temporary.glob("*"), older_than):
            path.unlink(missing_ok=True)
            removed += 1
        return removed

    def _stale(self, older_than: float) -> tuple[BlobId, ...]:
        files = self._older(self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"), older_than)
        return tuple(BlobId(path.name) for path in files if _NAME.match(path.name))

    def _older(self, paths: Iterable[Path], older_than: float) -> list[Path]:
        limit = time.time() - older_than
        found: list[Path] = []
        for path in paths:
            try:
                if path.stat().st_mtime <= limit:
                    found.append(path)
            except FileNotFoundError:
                continue
        return found


def _touch(path: Path, size: int) -> bool:
    """Whether the file is there and whole; if so it counts as put now, so that ``stale`` does not name it."""
    try:
        if path.stat().st_size != size:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explained(error: OSError, root: Path) -> StorageError:
    if error.errno in _FULL:
        return StorageError(
            f"The disk that holds {root} is full: nothing was stored and nothing was acknowledged. "
            "Make room, or lower limits.raw_days in app.yaml; what waits upstream comes by itself then."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(
            f"{root} may not be written by this user ({error.strerror}): nothing was stored. "
            "Give the folder to the user that runs onethread, or set data_dir in app.yaml to one it owns."
        )
    return StorageError(
        f"{root} cannot be used ({error.strerror}): nothing was stored and nothing was acknowledged."
    )
