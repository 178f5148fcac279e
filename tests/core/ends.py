"""The in-memory ends of the core's world: a desk and channels that fail when a test says so."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from bot.capabilities import Capabilities, FileRules
from bot.desk import CardView, Entry, Mark, Place, Save, Standing
from bot.errors import PlaceGone
from bot.messages import (
    AgentId,
    Attachment,
    BlobId,
    Level,
    Part,
    Receipt,
    RemoteId,
    Reply,
    TeamId,
)


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


class Faults:
    """What goes wrong, by operation: before it is done, or after (it was done, the answer was lost); and gates to wait at."""

    def __init__(self) -> None:
        self._planned: dict[tuple[str, bool], list[Exception]] = {}
        self._gates: dict[tuple[str, bool], asyncio.Event] = {}
        self.reached: dict[tuple[str, bool], asyncio.Event] = {}
        self.calls: dict[str, int] = {}

    def fail(self, op: str, error: Exception, *, after: bool = False, times: int = 1) -> None:
        self._planned.setdefault((op, after), []).extend([error] * times)

    def heal(self) -> None:
        self._planned.clear()

    def gate(self, op: str, *, after: bool = False) -> asyncio.Event:
        """The next calls of ``op`` stop there until the event is set; ``reached`` says that one has come."""
        self.reached[op, after] = asyncio.Event()
        return self._gates.setdefault((op, after), asyncio.Event())

    def open_gates(self) -> None:
        for gate in self._gates.values():
            gate.set()
        self._gates.clear()

    async def at(self, op: str, *, after: bool = False) -> None:
        if not after:
            self.calls[op] = self.calls.get(op, 0) + 1
        gate = self._gates.get((op, after))
        if gate is not None:
            self.reached[op, after].set()
            await gate.wait()
        planned = self._planned.get((op, after))
        if planned:
            raise planned.pop(0)


class MemoryDesk:
    """A desk in memory: keeps what it was told, and fails when a test says so."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.posts: dict[str, Post] = {}
        self.files: list[tuple[str | None, Attachment]] = []
        self.told: list[str] = []
        self.theirs: dict[str, str] = {}
        """What people wrote into threads: ts → root."""
        self.handed: list[tuple[str, str, str, bytes]] = []
        self.marks: dict[str, list[Mark]] = {}
        self.updates = 0
        self.card_updates = 0
        self.faults = Faults()
        self.archived: set[str] = set()
        self.times: list[tuple[str, float]] = []
        self._clock = clock
        self._numbers = count(1)
        self.changed = asyncio.Event()

    def _note(self, op: str) -> None:
        self.times.append((op, self._clock()))
        self.changed.set()

    def _look(self, place: Place) -> None:
        if place.channel in self.archived:
            raise PlaceGone("The Slack channel is archived.", whole_channel=True)
        if place.ts is not None and self.posts[place.ts].deleted:
            raise PlaceGone("The Slack thread is not there any more.")

    async def _add(self, op: str, post: Post) -> str:
        await self.faults.at(op)
        self._look(Place(post.channel, post.thread_ts))
        self.posts[post.ts] = post
        self._note(op)
        await self.faults.at(op, after=True)
        return post.ts

    def _ts(self) -> str:
        return f"1700000000.{next(self._numbers):06d}"

    async def open_card(self, channel: str, card: CardView, key: str) -> str:
        return await self._add("open_card", Post(channel, self._ts(), None, key, card=card))

    async def update_card(self, place: Place, card: CardView) -> None:
        await self.faults.at("update_card")
        self._look(place)
        assert place.ts is not None
        self.posts[place.ts].card = card
        self.card_updates += 1
        self._note("update_card")
        await self.faults.at("update_card", after=True)

    async def post(self, place: Place, entries: tuple[Entry, ...], key: str) -> str:
        return await self._add("post", Post(place.channel, self._ts(), place.ts, key, entries))

    async def find(self, place: Place, key: str, since: float) -> str | None:
        await self.faults.at("find")
        self._look(place)
        for post in self.posts.values():
            if post.channel == place.channel and post.thread_ts == place.ts and post.key == key:
                return post.ts
        return None

    async def update(self, place: Place, post_ts: str, entries: tuple[Entry, ...]) -> None:
        await self.faults.at("update")
        self.posts[post_ts].entries = entries
        self.updates += 1
        self._note("update")

    async def upload(self, place: Place, attachment: Attachment, saved: str | None, save: Save) -> None:
        await self.faults.at("upload")
        self._look(place)
        if saved != "shared":
            await save("shared")
            self.files.append((place.ts, attachment))
            self._note("upload")
        await self.faults.at("upload", after=True)

    async def mark(self, place: Place, post_ts: str, mark: Mark) -> None:
        await self.faults.at("mark")
        self.marks.setdefault(post_ts, []).append(mark)
        self._note("mark")

    async def tell(self, channel: str, text: str, key: str) -> None:
        self.told.append(text)
        self._note("tell")

    async def remove(self, channel: str, ts: str) -> bool:
        await self.faults.at("remove")
        if ts in self.posts:
            del self.posts[ts]
            self._note("remove")
        await self.faults.at("remove", after=True)
        return ts not in self.theirs

    async def remove_file(self, file_id: str) -> bool:
        await self.faults.at("remove_file")
        self.files[int(file_id)] = (None, Attachment("", "", 0))
        return True

    async def standing(self, place: Place, cursor: str | None) -> tuple[tuple[Standing, ...], str | None]:
        """Pages of three."""
        await self.faults.at("standing")
        found = [
            Standing(post.ts, ours=True)
            for post in self.posts.values()
            if place.ts in (post.ts, post.thread_ts) and post.channel == place.channel
        ]
        found += [Standing(ts, ours=False) for ts, root in self.theirs.items() if root == place.ts]
        shared = tuple(str(number) for number, (ts, _) in enumerate(self.files) if ts == place.ts)
        if shared:
            found.append(Standing("1700000000.999999", ours=True, files=shared))
        at = int(cursor or 0)
        return tuple(found[at : at + 3]), str(at + 3) if at + 3 < len(found) else None

    async def hand(self, person: str, path: str, name: str, words: str) -> str:
        await self.faults.at("hand")
        data = await asyncio.to_thread(Path(path).read_bytes)
        self.files.append((person, Attachment(name, "application/zip", len(data))))
        self.handed.append((person, name, words, data))
        return str(len(self.files) - 1)

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
    """A channel in memory: keeps what was sent. Cannot be asked what arrived."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.sent: list[tuple[Reply, Part]] = []
        self.faults = Faults()
        self.level = Level.ACCEPTED
        self.refused: tuple[tuple[str, str], ...] = ()
        self.times: list[float] = []
        self.changed = asyncio.Event()

    async def check(self) -> None: ...

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None: ...

    def words(self) -> list[str]:
        return [part.text.plain for _, part in self.sent]

    async def send(self, reply: Reply, part: Part) -> Receipt:
        await self.faults.at("send")
        known = self.capabilities.idempotent_send and any(
            (one.key, other.number) == (reply.key, part.number) for one, other in self.sent
        )
        if not known:
            self.sent.append((reply, part))
        self.times.append(time.time())
        self.changed.set()
        await self.faults.at("send", after=True)
        remote = RemoteId(f"{reply.key}-{part.number}")
        return Receipt((remote,), datetime.now(UTC), self.level, detail="250 ok", refused=self.refused)


class FindingAdapter(MemoryAdapter):
    """A channel that can be asked whether a part arrived."""

    async def find(self, reply: Reply, part: Part) -> Receipt | None:
        await self.faults.at("find")
        for one, other in self.sent:
            if (one.key, other.number) == (reply.key, part.number):
                return Receipt((RemoteId(f"{reply.key}-{part.number}"),), datetime.now(UTC))
        return None


class MemoryBlobs:
    def __init__(self) -> None:
        self.kept: dict[BlobId, bytes] = {}

    async def put(self, data: bytes) -> BlobId:
        blob = BlobId(hashlib.sha256(data).hexdigest())
        self.kept[blob] = data
        return blob

    async def get(self, blob: BlobId) -> bytes:
        return self.kept[blob]

    async def delete(self, blob: BlobId) -> None:
        self.kept.pop(blob, None)


class Directory:
    only: TeamId | None = None
    """The one team in which Kim and Amir are; None: all."""

    async def public_name(self, agent: AgentId) -> str:
        return {"UKIM": "Kim", "UAMIR": "Amir"}.get(agent, agent)

    async def is_agent(self, agent: AgentId, team: TeamId) -> bool:
        return agent in ("UKIM", "UAMIR") and self.only in (None, team)

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        return await self.is_agent(agent, team)
