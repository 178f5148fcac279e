"""Which signed tokens were used, and by which browser: nobody else can use them again.

Kept in the adapter's state until they end, in a fixed number of values, so that nothing grows: each write forgets what has
ended in its own.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable

from bot.contract import State

SHARDS = 64


class Used:
    """The used tokens of one site chat."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock
        self._shards: dict[int, dict[str, tuple[float, str]]] = {}
        self._locks = [asyncio.Lock() for _ in range(SHARDS)]

    async def take(self, token_id: str, until: float, who: str) -> bool:
        """Whether ``who`` may use the token; durable when it returns. ``until`` in epoch seconds. Raises ``StorageError``."""
        digest = hashlib.sha256(token_id.encode("utf-8", "replace")).hexdigest()[:32]
        whose = hashlib.sha256(who.encode()).hexdigest()[:32]
        number = int(digest[:4], 16) % SHARDS
        async with self._locks[number]:
            known = await self._load(number)
            first = known.get(digest)
            if first is not None:
                return first[1] == whose
            now = self._clock()
            kept = {name: one for name, one in known.items() if one[0] > now}
            kept[digest] = (until, whose)
            await self._state.set(f"used:{number}", json.dumps(kept, separators=(",", ":")))
            self._shards[number] = kept
            return True

    async def _load(self, number: int) -> dict[str, tuple[float, str]]:
        if number not in self._shards:
            stored = json.loads(await self._state.get(f"used:{number}") or "{}")
            self._shards[number] = {name: (one[0], one[1]) for name, one in stored.items()}
        return self._shards[number]
