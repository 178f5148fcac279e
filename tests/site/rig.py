"""A site chat on a real web server, with a bot around it that is a few dictionaries, and a client that is honest."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from bot.adapters.site.adapter import SiteAdapter
from bot.adapters.site.settings import SiteSettings
from bot.capabilities import fit
from bot.contract import Accepted, AdapterContext, BacklogItem, Offer, Offers, Secrets
from bot.errors import StorageError
from bot.messages import (
    Ask,
    Attachment,
    BlobId,
    Contact,
    ConversationId,
    Event,
    Identified,
    InboxId,
    Level,
    Message,
    Part,
    Receipt,
    Reply,
    Text,
    Typing,
)
from bot.web import InboxRoutes, application, serving

ORIGIN = "https://shop.example"
START = 1_800_000_000.0


class Clock:
    """Epoch seconds that stand still until told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Values:
    """An adapter's state."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def set(self, key: str, value: str) -> None:
        self.kept[key] = value


class Bytes:
    """Blobs."""

    def __init__(self) -> None:
        self.kept: dict[BlobId, bytes] = {}

    async def put(self, data: bytes) -> BlobId:
        made = BlobId(hashlib.sha256(data).hexdigest())
        self.kept[made] = data
        return made

    async def get(self, blob: BlobId) -> bytes:
        return self.kept[blob]


class NoCursor:
    """The site has no cursor."""

    async def get(self) -> str | None:
        return None

    async def set(self, cursor: str) -> None:
        raise AssertionError("the site has no cursor")


@dataclass
class Core:
    """What stays when the adapter is restarted: the history, as the real core keeps it."""

    clock: Any = field(default_factory=Clock)
    state: Values = field(default_factory=Values)
    blobs: Bytes = field(default_factory=Bytes)
    events: list[Event] = field(default_factory=list)
    said: dict[str, list[BacklogItem]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    offers: Offers | None = None
    broken: bool = False
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)
    number: int = 0

    async def accept(self, event: Event, *, cursor: str | None = None) -> Accepted:
        await asyncio.sleep(0)
        if self.broken:
            raise StorageError("no disk")
        source = getattr(event, "source_id", None)
        if source is not None and source in self.known:
            return Accepted(duplicate=True)
        if source is not None:
            self.known.add(source)
        self.events.append(event)
        if isinstance(event, Message):
            self.put("inbound", event.thread_key, event.remote_id, "Visitor", event.text, event.attachments)
        if isinstance(event, Receipt) and event.level is Level.SEEN:
            self._seen(event)
        if isinstance(event, Identified):
            before = self.said.pop(event.sender.address, [])
            self.said.setdefault(event.thread_key or "", []).extend(before)
        async with self.heard:
            self.heard.notify_all()
        return Accepted()

    def put(self, way: str, thread: str | None, key: str | None, author: str, text: Text, files: Any) -> None:
        self.number += 1
        items = self.said.setdefault(thread or "", [])
        part = Part(0, 1, text, files)
        items.append(BacklogItem(self.number, way, key or "", author, part, self.clock()))

    def _seen(self, event: Receipt) -> None:
        items = self.said[event.thread_key or ""]
        for place, item in enumerate(items):
            if item.direction == "outbound" and item.key in event.remote_ids:
                items[place] = replace(item, seen=True)

    async def backlog(self, thread: str, after: int) -> tuple[BacklogItem, ...]:
        await asyncio.sleep(0)
        return tuple(item for item in self.said.get(thread, []) if item.number > after)[:500]

    def messages(self) -> list[Message]:
        return [event for event in self.events if isinstance(event, Message)]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[Any], count: int = 1) -> list[Any]:
        """Waits until there are so many events of a kind."""
        async with asyncio.timeout(10), self.heard:
            await self.heard.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)


@dataclass
class Rig:
    """A running chat."""

    core: Core
    adapter: SiteAdapter
    base: str
    session: aiohttp.ClientSession
    opened: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    async def reply(
        self,
        visitor: str,
        words: str | Text,
        *files: Attachment,
        author: str = "Kim",
        ask: Ask | None = None,
    ) -> Receipt:
        """What the outbox does: send part by part, then settle."""
        text = words if isinstance(words, Text) else Text(words)
        key = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(26))
        reply = Reply(
            key, ConversationId(1), Contact("site", visitor), author, text, files, thread_key=visitor, ask=ask
        )
        for part in fit(text, files, self.adapter.capabilities).parts:
            receipt = await self.adapter.send(reply, part)
        self.core.put("outbound", visitor, key, author, text, files)
        return receipt

    async def connect(self, origin: str | None = ORIGIN, **headers: str) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket, as a page of that origin opens it."""
        if origin is not None:
            headers["Origin"] = origin
        timeout = aiohttp.ClientWSTimeout(ws_close=3)
        ws = await self.session.ws_connect(f"{self.base}/ws", headers=headers, timeout=timeout)
        self.opened.append(ws)
        return ws

    async def tab(self, token: str | None = None, after: int = 0, **more: str) -> Tab:
        """An open tab that has said hello and got what it missed."""
        tab = Tab(await self.connect(), token=token, after=after)
        await tab.hello(**more)
        return tab

    async def talking(self, words: str = "Hello") -> Tab:
        """A tab whose visitor has said something."""
        tab = await self.tab()
        await tab.say(words)
        return tab


class Tab:
    """An honest client: keeps what it is shown, drops what it has."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, token: str | None = None, after: int = 0) -> None:
        self.ws = ws
        self.token = token
        self.after = after
        self.visitor = ""
        self.shown: dict[str, dict[str, Any]] = {}
        self.frames: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        await self.ws.send_str(json.dumps(frame))

    async def hello(self, **more: str) -> dict[str, Any]:
        frame: dict[str, Any] = {"t": "hello", "v": 1, "after": self.after, **more}
        await self.send(**frame, **({"token": self.token} if self.token else {}))
        welcome = await self.get("welcome")
        self.visitor = welcome["visitor"]
        self.token = welcome.get("token", self.token)
        self.after = (await self.get("ready"))["n"]
        if welcome.get("token"):
            await self.send(t="kept")
        return welcome

    async def next(self) -> dict[str, Any]:
        """The next frame; kept."""
        got = await asyncio.wait_for(self.ws.receive(), 10)
        assert got.type is aiohttp.WSMsgType.TEXT, got
        frame: dict[str, Any] = json.loads(got.data)
        self.frames.append(frame)
        for item in frame.get("items", ()):
            self.shown[item["id"]] = {**self.shown.get(item["id"], {}), **item}
            self.after = max(self.after, item.get("n", 0))
        if frame["t"] == "rated" and frame["id"] in self.shown:
            self.shown[frame["id"]]["ask"] = frame.get("ask")
        return frame

    async def get(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind."""
        while (frame := await self.next())["t"] != kind:
            pass
        return frame

    async def say(self, words: str, client_id: str | None = None, **more: Any) -> dict[str, Any]:
        """Says something and waits for what became of it."""
        made = client_id or secrets.token_urlsafe(9)
        await self.send(t="say", id=made, text=words, **more)
        while (frame := await self.next()).get("id") != made:
            pass
        return frame

    async def closed(self) -> int | None:
        """Waits for the end; its code."""
        async with asyncio.timeout(10):
            while True:
                if (await self.ws.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE):
                    return self.ws.close_code
                if self.ws.closed:
                    return self.ws.close_code


class OffersOf:
    """Other ways to go on, with codes that are easy to see."""

    def __init__(self, *labels: str) -> None:
        self.made = 0
        self._labels = labels

    def labels(self) -> tuple[str, ...]:
        return self._labels

    async def __call__(
        self, sender: Contact, *, lifetime: float = 1800.0, channels: tuple[str, ...] | None = None
    ) -> tuple[Offer, ...]:
        self.made += 1
        return tuple(
            Offer(
                label.lower(),
                label,
                f"https://{label.lower()}.example/?start=code{self.made}",
                START + lifetime,
            )
            for label in self._labels
            if channels is None or label.lower() in channels
        )


def settings(**changes: Any) -> SiteSettings:
    """Settings that are out of a test's way."""
    values: dict[str, Any] = {"origins": [ORIGIN], "connections_per_address": 10_000, "greeting": "Hi!"}
    return SiteSettings(
        **{**values, "messages_per_minute": 100_000, "messages_per_minute_per_address": 100_000, **changes}
    )


@asynccontextmanager
async def chat(core: Core | None = None, **changes: Any) -> AsyncIterator[Rig]:
    """A running chat; give the core of an earlier one for a restart."""
    made = core or Core()
    web = application(_fine)
    context = AdapterContext(
        InboxId("shop-chat"),
        "Acme Support",
        made.accept,
        NoCursor(),
        made.state,
        made.blobs,
        _status,
        Secrets((b"k" * 32,)),
        backlog=made.backlog,
        routes=InboxRoutes(web, "shop-chat"),
        offers=made.offers,
    )
    adapter = SiteAdapter(settings(**changes), context, made.clock)
    await adapter.check()
    async with serving(web, "127.0.0.1", 0) as port, client() as session:
        running = asyncio.create_task(adapter.run())
        rig = Rig(made, adapter, f"http://127.0.0.1:{port}/channels/shop-chat", session)
        try:
            yield rig
        finally:
            for ws in rig.opened:
                ws._response.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await adapter.close()


def client() -> aiohttp.ClientSession:
    """As many connections at a time as a test wants."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def _fine() -> dict[str, Any]:
    return {"ok": True}


async def _status(problem: str | None) -> None:
    assert problem is None


def now() -> datetime:
    """The test's beginning."""
    return datetime.fromtimestamp(START, UTC)


def widget_source() -> Path:
    """The widget's one file."""
    from bot.adapters.site.door import WIDGET

    return WIDGET


__all__ = ["ORIGIN", "START", "Core", "Rig", "Tab", "Typing", "chat", "now", "settings", "widget_source"]
