"""A small world for the core: a real database, the real relay, outbox and casework, and in-memory ends on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bot.capabilities import Capabilities, FileRules
from bot.casework import Casework, Vitals
from bot.commands.services import Draft
from bot.commands.types import Agent, Role, Sent
from bot.desk import CardView, Entry, Mark, Place, Save
from bot.messages import (
    AgentId,
    Attachment,
    BlobId,
    Contact,
    InboxId,
    Message,
    Part,
    Receipt,
    RemoteId,
    Reply,
    SourceId,
    TeamId,
    Text,
)
from bot.outbox import Outbox
from bot.policy import CorePolicy, InboxPolicy, PacePolicy, Rate, TeamPolicy
from bot.relay import Relay
from bot.retry import RetryPolicy
from bot.storage.database import Database

SUPPORT = TeamId("support")
MAIL = InboxId("support-mail")
CHAT = InboxId("support-chat")
OPEN = Rate(100_000.0, 100_000.0)
KIM = Agent(AgentId("UKIM"), "Kim", Role.AGENT)


@dataclass
class Post:
    """A post of the in-memory desk."""

    channel: str
    ts: str
    thread_ts: str | None
    key: str
    entries: tuple[Entry, ...] = ()
    card: CardView | None = None
    marks: list[Mark] = field(default_factory=list)
    deleted: bool = False


class MemoryDesk:
    """A desk in memory: keeps what it was told, and fails when a test says so."""

    def __init__(self) -> None:
        self.posts: dict[str, Post] = {}
        self.files: list[tuple[str | None, Attachment]] = []
        self.told: list[str] = []
        self.marks: dict[str, list[Mark]] = {}
        self.updates = 0
        self.card_updates = 0
        self.faults: list[Exception | tuple[str, Exception]] = []
        self._clock = count(1)
        self.changed = asyncio.Event()

    def _fault(self, *, after: bool) -> None:
        if not self.faults:
            return
        fault = self.faults[0]
        if isinstance(fault, tuple) and fault[0] == "after":
            if after:
                self.faults.pop(0)
                raise fault[1]
        elif not after:
            self.faults.pop(0)
            assert isinstance(fault, Exception)
            raise fault

    async def _add(self, post: Post) -> str:
        self._fault(after=False)
        self.posts[post.ts] = post
        self.changed.set()
        self._fault(after=True)
        return post.ts

    def _ts(self) -> str:
        return f"1700000000.{next(self._clock):06d}"

    async def open_card(self, channel: str, card: CardView, key: str) -> str:
        return await self._add(Post(channel, self._ts(), None, key, card=card))

    async def update_card(self, place: Place, card: CardView) -> None:
        self._fault(after=False)
        assert place.ts is not None
        self.posts[place.ts].card = card
        self.card_updates += 1
        self.changed.set()

    async def post(self, place: Place, entries: tuple[Entry, ...], key: str) -> str:
        return await self._add(Post(place.channel, self._ts(), place.ts, key, entries))

    async def find(self, place: Place, key: str, since: float) -> str | None:
        for post in self.posts.values():
            if post.channel == place.channel and post.thread_ts == place.ts and post.key == key:
                return post.ts
        return None

    async def update(self, place: Place, post_ts: str, entries: tuple[Entry, ...]) -> None:
        self.posts[post_ts].entries = entries
        self.updates += 1
        self.changed.set()

    async def upload(self, place: Place, attachment: Attachment, saved: str | None, save: Save) -> None:
        await save("F1")
        self.files.append((place.ts, attachment))
        self.changed.set()

    async def mark(self, place: Place, post_ts: str, mark: Mark) -> None:
        self.marks.setdefault(post_ts, []).append(mark)
        self.changed.set()

    async def tell(self, channel: str, text: str, key: str) -> None:
        self.told.append(text)
        self.changed.set()

    def cards(self) -> list[Post]:
        return [post for post in self.posts.values() if post.card is not None]

    def entries(self, thread_ts: str | None = None) -> list[Entry]:
        return [
            entry
            for post in self.posts.values()
            if post.card is None and (thread_ts is None or post.thread_ts == thread_ts)
            for entry in post.entries
        ]


PLAIN = Capabilities(
    "email",
    1_000_000,
    files=FileRules(20_000_000, 10),
    can_initiate=True,
    has_subject=True,
    has_copies=True,
)
SHORT = Capabilities("chat", 50, idempotent_send=True)


class MemoryAdapter:
    """A channel in memory: keeps what was sent."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.sent: list[tuple[Reply, Part]] = []
        self.faults: list[Exception | None] = []
        self.changed = asyncio.Event()

    async def check(self) -> None: ...

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None: ...

    async def send(self, reply: Reply, part: Part) -> Receipt:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            self.changed.set()
            raise fault
        self.sent.append((reply, part))
        self.changed.set()
        return Receipt((RemoteId(f"{reply.key}-{part.number}"),), datetime.now(UTC), detail="250 ok")


class MemoryBlobs:
    def __init__(self) -> None:
        self.kept: dict[BlobId, bytes] = {}

    async def put(self, data: bytes) -> BlobId:
        import hashlib

        blob = BlobId(hashlib.sha256(data).hexdigest())
        self.kept[blob] = data
        return blob

    async def get(self, blob: BlobId) -> bytes:
        return self.kept[blob]


class Directory:
    async def public_name(self, agent: AgentId) -> str:
        return {"UKIM": "Kim", "UAMIR": "Amir"}.get(agent, agent)

    async def is_agent(self, agent: AgentId, team: TeamId) -> bool:
        return agent in ("UKIM", "UAMIR")


FAST = RetryPolicy(first=0.01, longest=0.05)
OPEN_PACE = PacePolicy(OPEN, OPEN, OPEN, OPEN, OPEN)


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
        echo_delay: float = 0.2,
    ) -> None:
        import time

        self.clock = clock or time.time
        self.database = database
        self.policy = CorePolicy(
            {SUPPORT: TeamPolicy(SUPPORT, "Support", "C1", undo)},
            {
                MAIL: InboxPolicy(MAIL, "email", SUPPORT, "support@shop.example"),
                CHAT: InboxPolicy(CHAT, "chat", SUPPORT, "the shop"),
            },
            card_delay=0.01,
            echo_delay=echo_delay,
        )
        self.desk = desk or MemoryDesk()
        self.mail = MemoryAdapter(PLAIN)
        self.chat = MemoryAdapter(SHORT)
        adapters = {MAIL: self.mail, CHAT: self.chat}
        self.blobs = MemoryBlobs()
        self.troubles: list[str] = []
        self.fetched: dict[str, bytes] = {}

        async def trouble(about: str, text: str) -> None:
            self.troubles.append(text)

        async def fetch(source: str) -> bytes:
            return b"fetched"

        self.outbox = Outbox(
            database,
            self.policy,
            pace,
            self.desk,
            adapters,
            self.blobs,
            fetch,
            trouble,
            FAST,
            self.clock,
        )
        self.relay = Relay(database, self.policy, self.outbox.wake, self.clock)
        self.casework = Casework(
            database,
            self.policy,
            {name: one.capabilities for name, one in adapters.items()},
            self.outbox,
            Directory(),
            Vitals(lambda: 2, self.relay.last_event, 0.0, "test"),
            self.clock,
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> World:
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

    async def until(self, predicate: Callable[[], Any], seconds: float = 8.0) -> Any:
        """Waits until something is so; what it waits for is an event of one of the ends."""
        async with asyncio.timeout(seconds):
            while not (result := predicate()):
                events = [self.desk.changed, self.mail.changed, self.chat.changed]
                for event in events:
                    event.clear()
                waits = [asyncio.create_task(event.wait()) for event in events]
                done, pending = await asyncio.wait(
                    waits, timeout=0.05, return_when=asyncio.FIRST_COMPLETED
                )
                for wait in pending:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
        return result

    async def says(self, words: str, *, source: str, who: str = "dana@mail.example", **more: Any) -> None:
        await self.relay.accept_customer(more.pop("inbox", MAIL), message(words, source=source, who=who, **more))

    async def reply(self, handle: str, words: str, source: str = "s1", **more: Any) -> Sent:
        person = (await self.casework.lookup(handle, SUPPORT))[0]
        draft = Draft(person.customer_id, SUPPORT, KIM, Text(words), source, **more)
        sent = await self.casework.reply(draft)
        assert isinstance(sent, Sent), sent
        return sent


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
