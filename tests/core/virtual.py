"""A clock of the test's own for the outbox: time passes only when nothing is under way, so a day takes a second."""

from __future__ import annotations

import asyncio

from bot.outbox import Outbox


class Clock:
    """Give ``now`` as the clock and ``rest`` as how the outbox waits; ``watch`` tells whether attempts are under way."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.at = start
        self.outbox: Outbox | None = None

    def now(self) -> float:
        return self.at

    async def rest(self, woken: asyncio.Event, seconds: float) -> None:
        await asyncio.sleep(0)
        if woken.is_set():
            return
        if self.outbox is not None and self.outbox.busy:
            await woken.wait()
            return
        self.at += max(seconds, 0.001)
