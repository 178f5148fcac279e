"""Two channels in memory of opposite capabilities, so that the suite itself is proved, and the core with it.

``Rich`` carries everything, drops duplicates, can be asked, edits and deletes. ``Bare`` carries 40 characters and nothing
else. Both read a log on the far side by a number, as most real channels do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.capabilities import Capabilities, FileRules, Support, Unit
from bot.contract import AdapterContext
from bot.errors import (
    AuthenticationFailed,
    ConnectionLost,
    PermanentFailure,
    StorageError,
    TemporaryFailure,
    UncertainFailure,
)
from bot.messages import (
    Contact,
    Event,
    Message,
    Part,
    Receipt,
    RemoteId,
    Reply,
    SourceId,
    SpanKind,
    Text,
    Unreadable,
)
from tests.conformance.suite import Break

RICH = Capabilities(
    "rich",
    4_000,
    Unit.UTF16,
    frozenset(SpanKind),
    FileRules(50_000_000, 10, caption=1_000),
    Support.FULL,
    Support.FULL,
    Support.FULL,
    can_initiate=True,
    receipts="seen",
    idempotent_send=True,
)
BARE = Capabilities("bare", 40, reply_window=24 * 3600.0)
PASSWORD = "open-sesame-9"


@dataclass
class FarSide:
    """A provider: a log of what customers said, what they received, and what is wrong with it just now."""

    log: list[tuple[int, bytes]] = field(default_factory=list)
    received: list[tuple[str, int, str]] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    password: str = PASSWORD
    cuts: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, raw: bytes, number: int | None = None) -> None:
        self.log.append((len(self.log) + 1 if number is None else number, raw))
        await self.wake()

    async def wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def after(self, position: int, password: str) -> list[tuple[int, int, bytes]]:
        """Waits for what is in the log behind a position: (position, number, bytes)."""
        async with self.changed:
            while True:
                if password != self.password:
                    raise AuthenticationFailed("The channel refuses our password. Set the right one.")
                if self.cuts:
                    self.cuts -= 1
                    raise ConnectionLost("The channel cannot be reached.")
                if len(self.log) > position:
                    new = self.log[position:]
                    return [(position + at + 1, number, raw) for at, (number, raw) in enumerate(new)]
                await self.changed.wait()

    def take(self, key: str, part: int, text: str, *, once: bool) -> None:
        how = self.breaks.pop(0) if self.breaks else None
        if how is Break.BUSY:
            raise TemporaryFailure("The channel is busy.")
        if how is Break.REFUSED:
            raise PermanentFailure("The channel refuses it.")
        known = any(one[:2] == (key, part) for one in self.received)
        if how is not Break.LOST_NOT_TAKEN and not (once and known):
            self.received.append((key, part, text))
        if how is not None:
            raise UncertainFailure("The channel did not answer.")


class Bare:
    """The adapter of the bare channel."""

    capabilities = BARE

    def __init__(self, far: FarSide, context: AdapterContext) -> None:
        self._far = far
        self._context = context

    async def check(self) -> None:
        if self._far.password != PASSWORD:
            raise AuthenticationFailed("The channel refuses our password. Set the right one.")

    async def run(self) -> None:
        while True:
            try:
                await self._read()
            except (AuthenticationFailed, ConnectionLost) as error:
                await self._context.status(str(error))
                await asyncio.sleep(0.01)
            except StorageError:
                await asyncio.sleep(0.01)

    async def _read(self) -> None:
        position = int(await self._context.cursor.get() or 0)
        for behind, number, raw in await self._far.after(position, PASSWORD):
            await self._context.accept(await self._parse(number, raw), cursor=str(behind))

    async def _parse(self, number: int, raw: bytes) -> Event:
        source, now = SourceId(f"event-{number}"), datetime.now(UTC)
        blob = await self._context.blobs.put(raw)
        try:
            words = raw.decode()
        except UnicodeDecodeError as error:
            return Unreadable(source, f"not UTF-8: {error.reason}", now, blob)
        who = Contact(self.capabilities.channel, "customer-1", "Dana", verified=True)
        return Message(source, who, now, Text(words), remote_id=RemoteId(str(number)), raw=blob)

    async def send(self, reply: Reply, part: Part) -> Receipt:
        able = self.capabilities
        self._far.take(reply.key, part.number, part.text.plain, once=able.idempotent_send)
        return Receipt((RemoteId(f"{reply.key}.{part.number}"),), datetime.now(UTC))

    async def close(self) -> None: ...


class Rich(Bare):
    """The adapter of the rich channel."""

    capabilities = RICH

    async def find(self, reply: Reply, part: Part) -> Receipt | None:
        if any(one[:2] == (reply.key, part.number) for one in self._far.received):
            return Receipt((RemoteId(f"{reply.key}.{part.number}"),), datetime.now(UTC))
        return None

    async def edit(self, reply: Reply, part: Part, remote_id: RemoteId) -> Receipt:
        return Receipt((remote_id,), datetime.now(UTC))

    async def delete(self, reply: Reply, remote_id: RemoteId) -> None: ...
