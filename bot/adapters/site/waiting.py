"""Replies that wait for a visitor who is away, and when to say so.

Kept in one value of the adapter's state, written before a reply counts as sent, so a restart forgets no timer. The
value holds what was sent within ``mail_after_minutes`` and not seen yet: with agents writing by hand, a few kilobytes.
A batch begins with its first unseen reply; replies that follow within the time belong to it.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.contract import State

_KEY = "waiting"


@dataclass
class Batch:
    """Replies to one visitor that nobody has seen. ``since`` in epoch seconds."""

    since: float
    keys: list[str] = field(default_factory=list)


class Waiting:
    """The timers. ``minutes`` 0 switches them off."""

    def __init__(self, state: State, minutes: float, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._seconds = minutes * 60.0
        self._clock = clock
        self._batches: dict[str, Batch] | None = None
        self._lock = asyncio.Lock()
        self._version = self._written = 0
        self.changed = asyncio.Event()
        """Set when the next due time may have come nearer."""

    async def load(self) -> dict[str, Batch]:
        """The batches by visitor, read from the state the first time."""
        if self._batches is None:
            async with self._lock:
                if self._batches is None:
                    kept = json.loads(await self._state.get(_KEY) or "{}")
                    self._batches = {who: Batch(one[0], list(one[1])) for who, one in kept.items()}
        return self._batches

    async def add(self, visitor: str, key: str) -> None:
        """A reply was sent. Durable when it returns. Raises ``StorageError``."""
        if not self._seconds:
            return
        batches = await self.load()
        batch = batches.setdefault(visitor, Batch(self._clock()))
        if key not in batch.keys:
            batch.keys.append(key)
            await self._save()
            self.changed.set()

    async def seen(self, visitor: str, keys: set[str]) -> None:
        """The visitor saw these; their batch ends when nothing is left in it. Raises ``StorageError``."""
        batches = await self.load()
        batch = batches.get(visitor)
        if batch is None or not keys.intersection(batch.keys):
            return
        batch.keys = [key for key in batch.keys if key not in keys]
        if not batch.keys:
            del batches[visitor]
        await self._save()

    async def forget(self, visitor: str) -> None:
        """Nothing waits for this visitor any more. Raises ``StorageError``."""
        if (await self.load()).pop(visitor, None) is not None:
            await self._save()

    async def reported(self, visitor: str, keys: tuple[str, ...]) -> None:
        """The batch was told: it is told once. Raises ``StorageError``."""
        await self.seen(visitor, set(keys))

    async def due(self) -> list[tuple[str, Batch]]:
        """The batches whose time has come."""
        limit = self._clock() - self._seconds
        return [(who, batch) for who, batch in (await self.load()).items() if batch.since <= limit]

    async def next_in(self) -> float | None:
        """Seconds until the next batch is due; None where nothing waits."""
        batches = await self.load()
        if not batches:
            return None
        return max(0.0, min(batch.since for batch in batches.values()) + self._seconds - self._clock())

    async def _save(self) -> None:
        """Writes; callers that come while a write is under way share the next one."""
        self._version += 1
        mine = self._version
        async with self._lock:
            if self._written >= mine:
                return
            version = self._version
            batches = self._batches or {}
            record = {who: [batch.since, batch.keys] for who, batch in batches.items()}
            await self._state.set(_KEY, json.dumps(record, separators=(",", ":")))
            self._written = version
