"""A journal of what was erased, outside of the database: after a restore of an older backup it is erased again.

One JSON object a line, appended and synced before the erasure begins; keyed hashes (``tombstones.py``) and times only.
``who`` are the hashes of somebody's addresses, with ``agent`` and ``by`` who erased them (a Slack id and a public name);
``said`` are the hashes of their messages. A line that a crash cut short is left out, and the next one begins anew.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from bot.errors import StorageError

log = structlog.get_logger(__name__)

_PIECE = 256 * 1024
"""Bytes that are read at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. ``at`` in epoch seconds."""

    at: float
    who: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    agent: str = ""
    by: str = ""


class Journal:
    """The file. Disk work happens in threads; ``StorageError`` with the cure where the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()

    async def append(self, entry: Entry) -> None:
        """Adds a line; it is on disk when this returns."""
        async with self._lock:
            try:
                await asyncio.to_thread(self._append, entry)
            except OSError as error:
                raise StorageError(self._words("written", error)) from error

    def _words(self, done: str, error: OSError) -> str:
        return f"{self._path} cannot be {done} ({error.strerror}). Make room, or give the file to the user that runs onethread."

    def _append(self, entry: Entry) -> None:
        fresh = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (b"\n" if torn else b"") + _packed(entry))
            os.fsync(handle)
        finally:
            os.close(handle)
        if fresh:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    async def after(self, offset: int) -> tuple[tuple[Entry, ...], int]:
        """Some entries from a byte on, and the byte behind them; none where that is the end.

        An offset behind the end is that of another file: it begins anew.
        """
        try:
            return await asyncio.to_thread(self._after, offset)
        except OSError as error:
            raise StorageError(self._words("read", error)) from error

    def _after(self, offset: int) -> tuple[tuple[Entry, ...], int]:
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < offset:
                    offset = 0
                file.seek(offset)
                lines = file.readlines(_PIECE)
        except FileNotFoundError:
            return (), 0
        whole = [line for line in lines if line.endswith(b"\n")]
        entries = [_unpacked(line) for line in whole if line.strip()]
        return tuple(one for one in entries if one is not None), offset + sum(map(len, whole))


def _packed(entry: Entry) -> bytes:
    given: dict[str, Any] = {"at": entry.at, "agent": entry.agent, "by": entry.by}
    given |= {"who": entry.who, "said": entry.said}
    kept = {name: value for name, value in given.items() if value}
    return json.dumps(kept, separators=(",", ":")).encode() + b"\n"


def _unpacked(line: bytes) -> Entry | None:
    try:
        raw = json.loads(line)
        return Entry(
            float(raw["at"]),
            _strings(raw.get("who", ())),
            _strings(raw.get("said", ())),
            str(raw.get("agent", "")),
            str(raw.get("by", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("journal.unreadable_line")
        return None


def _strings(raw: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(one) for one in raw)
