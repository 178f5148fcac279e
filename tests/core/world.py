"""A small world for the core: a real database, the real relay, outbox and casework, and in-memory ends on both sides."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, func, select

from bot.cases.casework import Casework, Vitals
from bot.commands.nouns import Draft
from bot.commands.types import Agent, Role, Sent
from bot.desk import State
from bot.messages import (
    AgentId,
    Contact,
    InboxId,
    Message,
    RemoteId,
    SourceId,
    TeamId,
    Text,
)
from bot.outbox import Outbox, Rest, rest
from bot.policy import CorePolicy, InboxPolicy, PacePolicy, Rate, TeamPolicy
from bot.privacy.erasework import Means
from bot.privacy.journal import Journal
from bot.privacy.tombstones import keys_of
from bot.relay import Relay
from bot.retry import RetryPolicy
from bot.storage import history
from bot.storage.database import Database
from bot.storage.schema import delivery, lane
from bot.timing.jobs import jobs
from bot.timing.timers import Timers
from tests.core.ends import (
    PLAIN,
    SHORT,
    Directory,
    Faults,
    FindingAdapter,
    MemoryAdapter,
    MemoryBlobs,
    MemoryDesk,
    Post,
)

SUPPORT = TeamId("support")
MAIL = InboxId("support-mail")
CHAT = InboxId("support-chat")
PRESS = TeamId("press")
PRESS_MAIL = InboxId("press-mail")
OPEN = Rate(100_000.0, 100_000.0)
KIM = Agent(AgentId("UKIM"), "Kim", Role.AGENT)


FAST = RetryPolicy(first=0.01, longest=0.05)
OPEN_PACE = PacePolicy(OPEN, OPEN, OPEN, OPEN, OPEN)


TOMBSTONE_KEYS = keys_of([b"a-secret-of-the-world"])


class World:
    """Everything together, with quick timers. ``undo`` in seconds."""

    def __init__(
        self,
        database: Database,
        *,
        undo: float = 0.05,
        pace: PacePolicy = OPEN_PACE,
        desk: MemoryDesk | None = None,
        clock: Callable[[], float] | None = None,
        rest: Rest = rest,
        echo_delay: float = 0.2,
        card_delay: float = 0.01,
        fallback: str | None = None,
        chat: MemoryAdapter | None = None,
    ) -> None:
        self.clock = clock or time.time
        path = getattr(database, "path", None) or Path(tempfile.gettempdir()) / f"world-{id(self)}" / "no.db"
        self.folder: Path = path.parent
        self._rest = rest
        self._pace = pace
        self.database = database
        self.mail = MemoryAdapter(PLAIN)
        self.chat = chat or MemoryAdapter(SHORT)
        self.press = MemoryAdapter(PLAIN)
        self.policy = CorePolicy(
            {
                SUPPORT: TeamPolicy(SUPPORT, "Support", "C1", undo, fallback),
                PRESS: TeamPolicy(PRESS, "Press", "C2", undo),
            },
            {
                MAIL: InboxPolicy(
                    MAIL, "email", SUPPORT, "support@shop.example", self.mail.capabilities, address
                ),
                CHAT: InboxPolicy(CHAT, "chat", SUPPORT, "the shop", self.chat.capabilities),
                PRESS_MAIL: InboxPolicy(
                    PRESS_MAIL, "email", PRESS, "press@shop.example", self.press.capabilities, address
                ),
            },
            tombstone_keys=TOMBSTONE_KEYS,
            card_delay=card_delay,
            echo_delay=echo_delay,
        )
        self.desk = desk or MemoryDesk(self.clock)
        self.adapters = {MAIL: self.mail, CHAT: self.chat, PRESS_MAIL: self.press}
        self.blobs = MemoryBlobs()
        self.directory = Directory()
        self.troubles: list[str] = []
        self.fetches = Faults()

        self._task: asyncio.Task[None] | None = None
        self.build()

    def build(self) -> None:
        """New objects on the same database, as after a restart."""

        async def trouble(about: str, text: str) -> None:
            self.troubles.append(text)

        async def fetch(source: str) -> bytes:
            await self.fetches.at("fetch")
            return b"fetched"

        self.outbox = Outbox(
            self.database,
            self.policy,
            self._pace,
            self.desk,
            self.adapters,
            self.blobs,
            fetch,
            trouble,
            FAST,
            self.clock,
            self._rest,
        )
        self.relay = Relay(self.database, self.policy, self.outbox.wake, self.clock)
        self.timers = Timers(self.database, jobs(self.policy), self.outbox.wake, self.clock)
        self.casework = Casework(
            self.database,
            self.policy,
            {name: one.capabilities for name, one in self.adapters.items()},
            self.outbox,
            self.directory,
            Vitals(lambda: 2, self.relay.last_event, 0.0, "test"),
            self.clock,
            poke=self.timers.poke,
            means=Means(
                self.desk,
                self.blobs,
                self.adapters,
                Journal(self.folder / "erased.jsonl"),
                str(self.folder / "exports"),
                OPEN,
            ),
        )

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        self._task = asyncio.create_task(self.outbox.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def crash(self) -> None:
        """The process dies: everything that is under way is cut off where it is, nothing is settled."""
        lanes_at_work = [one for one in asyncio.all_tasks() if one.get_name().startswith("lane-")]
        for task in lanes_at_work:
            task.cancel()
        await self.stop()
        self.desk.faults.open_gates()
        for adapter in (self.mail, self.chat, self.press):
            adapter.faults.open_gates()
        self.build()

    async def restart(self) -> None:
        await self.crash()
        self.start()

    async def quiet(self, seconds: float = 40.0) -> None:
        """Waits until nothing is queued and nothing is under way."""

        def waiting(connection: Connection) -> int:
            queued = connection.execute(select(func.count()).where(lane.c.head <= lane.c.tail)).scalar_one()
            held = connection.execute(select(func.count()).where(delivery.c.state == State.HELD)).scalar_one()
            return int(queued) + int(held)

        async with asyncio.timeout(seconds):
            while self.outbox.busy or await self.database.read(waiting):
                await asyncio.sleep(0.01)

    async def state(self, message_id: int) -> State:
        """The state of a reply, as agents see it."""
        row = await self.database.read(partial(history.get, message_id=message_id))
        assert row is not None
        return State(row.state)

    async def reaches(self, message_id: int, state: State, seconds: float = 25.0) -> None:
        """Waits until a reply has a state."""
        async with asyncio.timeout(seconds):
            while await self.state(message_id) is not state:
                await asyncio.sleep(0.01)

    async def until(self, predicate: Callable[[], Any], seconds: float = 25.0) -> Any:
        """Waits until something is so; what it waits for is an event of one of the ends."""
        async with asyncio.timeout(seconds):
            while not (result := predicate()):
                await asyncio.sleep(0.005)
        return result

    async def says(self, words: str, *, source: str, who: str = "dana@mail.example", **more: Any) -> None:
        await self.relay.accept_customer(
            more.pop("inbox", MAIL), message(words, source=source, who=who, **more)
        )

    async def reply(self, handle: str, words: str, source: str = "s1", **more: Any) -> Sent:
        person = (await self.casework.lookup(handle, SUPPORT))[0]
        draft = Draft(person.customer_id, SUPPORT, KIM, Text(words), source, **more)
        sent = await self.casework.reply(draft)
        assert isinstance(sent, Sent), sent
        return sent


def address(words: str) -> str | None:
    """An address as an agent types it."""
    return words.strip().lower() if "@" in words else None


def message(
    words: str,
    *,
    source: str,
    who: str = "dana@mail.example",
    name: str | None = "Dana Petrov",
    verified: bool = True,
    channel: str = "email",
    **more: Any,
) -> Message:
    """A customer's message."""
    made = Message(
        SourceId(source),
        Contact(channel, who, name, verified, "dkim=pass" if verified else "no DKIM"),
        datetime.now(UTC),
        Text(words),
        remote_id=RemoteId(f"<{source}@mail.example>"),
    )
    return replace(made, **more)


__all__ = [
    "CHAT",
    "KIM",
    "MAIL",
    "OPEN",
    "OPEN_PACE",
    "PRESS",
    "PRESS_MAIL",
    "SHORT",
    "SUPPORT",
    "FindingAdapter",
    "MemoryDesk",
    "Post",
    "World",
    "message",
]
