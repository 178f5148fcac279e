"""Two counts that survive a restart: what reading has cost, and how many messages went out in 24 hours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.contract import State
from bot.errors import TemporaryFailure

_READS, _SENT = "reads", "sent"


class Spent(Exception):
    """The budget of reads is used up for ``seconds``. The sentence is for the team."""

    def __init__(self, sentence: str, seconds: float) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class Reads:
    """The spend guard: events read a day and a calendar month (UTC). X charges for each."""

    def __init__(
        self, state: State, per_day: int, per_month: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._state = state
        self._per_day = per_day
        self._per_month = per_month
        self._clock = clock
        self._counts: dict[str, int] | None = None

    async def room(self) -> int:
        """How many events may be read now. Raises ``Spent`` where there are none."""
        counts, day, month = await self._now()
        left_today, left = self._per_day - counts.get(day, 0), self._per_month - counts.get(month, 0)
        if left <= 0:
            raise Spent(*self._words(f"this month's budget of {self._per_month:,} reads", month=True))
        if left_today <= 0:
            raise Spent(*self._words(f"today's budget of {self._per_day:,} reads", month=False))
        return min(left_today, left)

    async def spend(self, count: int) -> None:
        """Counts events that were read."""
        if count:
            counts, day, month = await self._now()
            self._counts = {day: counts.get(day, 0) + count, month: counts.get(month, 0) + count}
            await self._state.set(_READS, json.dumps(self._counts))

    async def _now(self) -> tuple[dict[str, int], str, str]:
        if self._counts is None:
            self._counts = json.loads(await self._state.get(_READS) or "{}")
        now = datetime.fromtimestamp(self._clock(), UTC)
        return self._counts or {}, now.strftime("%Y-%m-%d"), now.strftime("%Y-%m")

    def _words(self, what: str, *, month: bool) -> tuple[str, float]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        ends = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        if month:
            ends = (ends.replace(day=1) + timedelta(days=31)).replace(day=1) if ends.day != 1 else ends
        name = "reads_per_month" if month else "reads_per_day"
        sentence = (
            f"X is not read until {ends:%d %B %H:%M} UTC: {what} is used up. Only webhooks bring messages meanwhile. "
            f"Raise {name} in app.yaml to go on; X charges for each read."
        )
        return sentence, (ends - now).total_seconds()


class Sends:
    """How many messages went out in the last 24 hours, by hours. X lets an account send 1,440."""

    def __init__(self, state: State, per_day: int, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._per_day = per_day
        self._clock = clock
        self._hours: dict[int, int] | None = None

    async def take(self) -> None:
        """Counts one. Raises ``TemporaryFailure``, with the time to wait, when 24 hours hold no more."""
        if self._hours is None:
            stored = json.loads(await self._state.get(_SENT) or "{}")
            self._hours = {int(hour): count for hour, count in stored.items()}
        now = self._clock()
        hour = int(now // 3600)
        kept = {one: count for one, count in self._hours.items() if one > hour - 25}
        if sum(kept.values()) >= self._per_day:
            oldest = min(kept)
            wait = max((oldest + 25) * 3600 - now, 1.0)
            until = datetime.fromtimestamp(now + wait, UTC)
            raise TemporaryFailure(
                f"X lets an account send {self._per_day:,} messages in 24 hours; the next goes at {until:%H:%M} UTC",
                wait,
                freeze=True,
            )
        kept[hour] = kept.get(hour, 0) + 1
        self._hours = kept
        await self._state.set(_SENT, json.dumps(kept))
