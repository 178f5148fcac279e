"""Long polling: ask, accept, and only then confirm.

Telegram forgets an update when a later poll names a higher offset. So the offset is the lowest update that has not been
accepted, and it is stored with the event that moves it; a crash anywhere makes Telegram bring the rest again, and what
was stored is recognised by its source id. Three things make this less simple than it sounds:

- Chats are taken side by side, each in its own order, so that one customer's large file keeps no other waiting. While one
  takes long, what has not been confirmed comes with every poll; what is done or under way is passed over. An update that
  is accepted while an earlier one of another chat is not does not move the offset.
- An album comes as several updates without an end mark. Its parts are left unconfirmed and are asked for again until none has
  been added for a second; the rest of its chat waits, other chats go on.
- After a quiet week Telegram numbers updates anew, maybe lower. So the offset is named only to confirm something: once a poll
  has confirmed all, the next ones name none, and neither does the first one after six days of silence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.adapters.telegram import parse
from bot.adapters.telegram.state import Stand, load
from bot.contract import AdapterContext
from bot.messages import Event

ALBUM_QUIET = 1.0
"""Seconds without a new part after which an album is complete."""
ALBUM_MOST = 10
"""Parts of an album, Telegram's maximum."""
CHATS_AT_ONCE = 16
SLOW = 1.0
"""Seconds that a poll's chats have until the next poll is made without waiting for them."""

Ask = Callable[[int | None, int], Awaitable[list[Any]]]
"""``ask(offset, timeout)``: a poll."""
MakeEvent = Callable[[Sequence[Any]], Awaitable[Event | None]]
"""The event of one update, or of the parts of an album."""
Take = Callable[[Sequence[Any], Event | None, str | None], Awaitable[None]]
"""``take(raws, event, cursor)``: accepts what some updates mean. Returns when it is durable."""


@dataclass(slots=True)
class Unit:
    """What becomes one event: an update, or the parts of an album. ``open``: parts may still come."""

    chat: str
    raws: list[Any]
    album: str | None = None
    open: bool = False

    @property
    def ids(self) -> frozenset[int]:
        """The numbers of its updates."""
        numbers = (parse.update_id(raw) for raw in self.raws)
        return frozenset(number for number in numbers if number is not None)


@dataclass(slots=True)
class Progress:
    """Which updates are still to be accepted; says how far all is done."""

    waiting: set[int] = field(default_factory=set)
    top: int | None = None

    def add(self, number: int) -> None:
        """An update that has come."""
        self.waiting.add(number)
        self.top = number if self.top is None else max(self.top, number)

    def offset(self, done: frozenset[int] = frozenset()) -> int | None:
        """The lowest number that is not accepted when ``done`` are too; one above the highest when all are."""
        left = self.waiting - done
        return min(left) if left else None if self.top is None else self.top + 1


class Poller:
    """One inbox's reading. ``run`` ends only by an error; what was not accepted then comes again."""

    def __init__(
        self,
        context: AdapterContext,
        ask: Ask,
        make: MakeEvent,
        take: Take,
        *,
        poll_timeout: int,
        healthy: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._context = context
        self._ask = ask
        self._make = make
        self._take = take
        self._timeout = poll_timeout
        self._healthy = healthy
        self._clock = clock
        self._done: set[int] = set()
        self._progress = Progress()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._gate = asyncio.Semaphore(CHATS_AT_ONCE)
        self._albums: dict[str, tuple[int, float]] = {}
        self._stored: int | None = None

    async def run(self, *, quick: bool) -> None:
        """Polls until cancelled or until something fails. ``quick``: the first poll does not wait, to see that all is well."""
        stand = load(await self._context.cursor.get())
        self._stored = stand.offset if stand else None
        offset = stand.confirmed(self._clock()) if stand else None
        try:
            await self._loop(offset, quick=quick)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _loop(self, offset: int | None, *, quick: bool) -> None:
        first = True
        while True:
            pause = self._album_pause()
            if pause is not None:
                await asyncio.sleep(pause)
            short = pause is not None or bool(self._tasks) or (first and quick)
            raws = await self._ask(offset, 0 if short else self._timeout)
            if first:
                await self._healthy()
                first = False
            offset = await self._batch(raws)

    def _album_pause(self) -> float | None:
        """Seconds until an album may be complete; None where none is open."""
        if not self._albums:
            return None
        soonest = min(seen for _, seen in self._albums.values()) + ALBUM_QUIET
        return max(0.01, soonest - time.monotonic())

    async def _batch(self, raws: Sequence[Any]) -> int | None:
        """Accept a batch. The offset to ask with next, None when there is nothing to confirm."""
        if not raws and not self._tasks:
            self._albums.clear()
            self._done.clear()
            self._progress = Progress()
            return None
        fresh: dict[Any, Any] = {}
        for raw in sorted(raws, key=lambda raw: (parse.update_id(raw) is None, parse.update_id(raw) or 0)):
            number = parse.update_id(raw)
            if number is None:
                fresh[id(raw)] = raw
            elif number not in self._done and (None, number) not in fresh:
                fresh[None, number] = raw
                self._progress.add(number)
        self._begin(self._sorted_out(list(fresh.values())))
        await self._end_some()
        offset = self._progress.offset()
        if offset is not None:
            self._done = {number for number in self._done if number >= offset}
            await self._store(offset)
        return offset

    def _sorted_out(self, raws: Sequence[Any]) -> list[Unit]:
        """The updates as units in their order; an album stands where its first part is."""
        units: list[Unit] = []
        albums: dict[str, Unit] = {}
        for raw in raws:
            key = parse.album_of(raw)
            if key is not None and key in albums:
                albums[key].raws.append(raw)
                continue
            unit = Unit(parse.chat_of(raw), [raw], key)
            units.append(unit)
            if key is not None:
                albums[key] = unit
        now = time.monotonic()
        seen: dict[str, tuple[int, float]] = {}
        for key, unit in albums.items():
            count, since = self._albums.get(key, (0, now))
            since = now if len(unit.raws) > count else since
            unit.open = len(unit.raws) < ALBUM_MOST and now - since < ALBUM_QUIET
            if unit.open:
                seen[key] = (len(unit.raws), since)
        self._albums = seen
        return units

    def _begin(self, units: Sequence[Unit]) -> None:
        """Each chat in its own order, chats side by side. One that is still busy goes on, and is looked at next time."""
        chats: dict[str, list[Unit]] = {}
        for unit in units:
            if unit.chat not in self._tasks:
                chats.setdefault(unit.chat, []).append(unit)
        for chat, ordered in chats.items():
            self._tasks[chat] = asyncio.create_task(self._chat(ordered))

    async def _end_some(self) -> None:
        """Wait for the chats, not for ever. An error of one is raised when all had their time."""
        if not self._tasks:
            return
        done, _ = await asyncio.wait(self._tasks.values(), timeout=SLOW)
        self._tasks = {chat: task for chat, task in self._tasks.items() if task not in done}
        problems = [problem for task in done if (problem := task.exception()) is not None]
        if problems:
            raise problems[0]

    async def _chat(self, units: Sequence[Unit]) -> None:
        async with self._gate:
            for unit in units:
                if unit.open:
                    return
                await self._unit(unit)

    async def _unit(self, unit: Unit) -> None:
        progress = self._progress
        event = await self._make(unit.raws)
        offset = progress.offset(unit.ids)
        moves = event is not None and offset is not None and offset != self._stored
        cursor = Stand(offset, self._clock()).dump() if moves and offset is not None else None
        if cursor is not None:
            self._stored = offset  # at the call: accepts are stored in the order of their calls
        try:
            await self._take(unit.raws, event, cursor)
        except BaseException:
            self._stored = None
            raise
        progress.waiting -= unit.ids
        self._done |= unit.ids

    async def _store(self, offset: int) -> None:
        """Move the stored offset where no event has done it: what was accepted last had others before it, or was not for us."""
        if offset != self._stored:
            self._stored = offset
            await self._context.cursor.set(Stand(offset, self._clock()).dump())
