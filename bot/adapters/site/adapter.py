"""The adapter of one site chat: visitors come in through a WebSocket, replies wait for them there.

A message is acknowledged when ``accept`` has returned. A reply is in the history before it is sent, and a visitor who
comes back asks the history for what they missed, so sending is only telling the open tabs: nothing is lost when there
are none, and sending twice makes one copy, because a tab knows each reply by its key.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web

from bot.adapters.site import asks, protocol
from bot.adapters.site.asks import Asks
from bot.adapters.site.door import Door
from bot.adapters.site.files import References
from bot.adapters.site.limits import Full, Limits
from bot.adapters.site.settings import SiteSettings
from bot.adapters.site.signin import SUBJECT, SignIn
from bot.adapters.site.socket import Socket
from bot.adapters.site.talk import House, Talk, part_id
from bot.adapters.site.used import Used
from bot.adapters.site.visitors import Visitors, subject_id
from bot.adapters.site.waiting import Batch, Waiting
from bot.capabilities import Capabilities, FileRules, Support
from bot.contract import AdapterContext, Channel
from bot.errors import AdapterError, StorageError
from bot.messages import Part, Receipt, RemoteId, Reply, SourceId, SpanKind, Unseen

log = structlog.get_logger(__name__)

HEARTBEAT = 30.0
"""Seconds between pings; a tab that does not answer one within half of that is gone."""
_RETRY = 5.0
"""Seconds until what could not be stored is tried again."""


class SiteAdapter:
    """One inbox. Its routes are there from the beginning; ``run`` keeps the clocks of unseen replies."""

    def __init__(
        self, settings: SiteSettings, context: AdapterContext, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._context = context
        self._clock = clock
        self._capabilities = capabilities(settings)
        self._visitors = Visitors(context.state, settings.token_days, clock)
        self._waiting = Waiting(context.state, settings.mail_after_minutes, clock)
        self._asks = Asks(context.state)
        self._limits = Limits(settings)
        self._references = References(context.secrets)
        self._door = Door(settings, self._limits, self._visitors, context.blobs, self._references)
        self._house = House(
            settings,
            context,
            self._capabilities,
            self._visitors,
            self._waiting,
            self._limits,
            self._references,
            SignIn(
                settings.identify,
                context.inbox,
                self._visitors,
                Used(context.state, clock),
                context.accept,
                clock,
            ),
            self._asks,
            clock,
        )
        self._closing = False
        self._add_routes()

    def _add_routes(self) -> None:
        routes, door = self._context.routes, self._door
        if routes is None:
            return
        routes.add("GET", "ws", self._websocket)
        routes.add("GET", "widget.js", door.widget)
        routes.add("POST", "files", door.upload)
        routes.add("GET", "files/{file}", door.download)
        routes.add("OPTIONS", "files", door.preflight)
        routes.add("OPTIONS", "files/{file}", door.preflight)

    @property
    def capabilities(self) -> Capabilities:
        """What the widget can show."""
        return self._capabilities

    async def check(self) -> None:
        """Needs the bot's web server and its history. Raises ``AdapterError``."""
        if self._context.routes is None or self._context.backlog is None:
            raise AdapterError(
                "The site chat needs the bot's web server and its history; start it with `onethread run`."
            )

    async def run(self) -> None:
        """Reports replies that stay unseen, until cancelled."""
        told = False
        while True:
            self._waiting.changed.clear()
            try:
                if not told:
                    await self._context.status(None)
                    told = True
                for visitor_id, batch in await self._waiting.due():
                    await self._report(visitor_id, batch)
                pause = await self._waiting.next_in()
            except StorageError:
                log.warning("site.unseen_not_stored", inbox=self._context.inbox)
                pause = _RETRY
            try:
                async with asyncio.timeout(pause):
                    await self._waiting.changed.wait()
            except TimeoutError:
                pass

    async def _report(self, visitor_id: str, batch: Batch) -> None:
        keys = tuple(batch.keys)
        kept = [await self._asks.find(visitor_id, key) for key in keys]
        await self._context.accept(
            Unseen(
                SourceId(f"unseen:{visitor_id}:{keys[0]}"),
                tuple(RemoteId(key) for key in keys),
                datetime.fromtimestamp(self._clock(), UTC),
                max(1, round(self._settings.mail_after_minutes)),
                thread_key=visitor_id,
                asks=tuple(one["token"] for one in kept if one is not None and "score" not in one),
            )
        )
        await self._waiting.reported(visitor_id, keys)

    async def send(self, reply: Reply, part: Part) -> Receipt:
        """Tells the visitor's open tabs. Where there are none the reply waits in the history; both count as accepted."""
        visitor_id = self._visitors.now(reply.thread_key or reply.to.address)
        now = self._clock()
        await self._waiting.add(visitor_id, reply.key)
        ask = await self._ask(visitor_id, reply) if part.number + 1 >= part.of else None
        item = protocol.shown(
            id=part_id(reply.key, part.number),
            mine=False,
            author=reply.author,
            text=part.text,
            at=now,
            files=[self._references.shown(visitor_id, file) for file in part.attachments],
            ask=ask,
        )
        text = protocol.frame("messages", items=[item])
        visitor = self._visitors.absent(visitor_id)
        visitor.remember(text, now)
        for socket in visitor.sockets:
            socket.offered({reply.key})
        tabs = visitor.push(text)
        return Receipt(
            (RemoteId(reply.key),),
            datetime.fromtimestamp(now, UTC),
            thread_key=visitor_id,
            detail="shown in the chat" if tabs else "waits in the chat: the visitor is away",
        )

    async def _ask(self, visitor_id: str, reply: Reply) -> dict[str, Any] | None:
        if reply.ask is None:
            return None
        await self._asks.add(visitor_id, reply.key, reply.ask)
        kept = await self._asks.find(visitor_id, reply.key)
        return None if kept is None else asks.shown(kept)

    async def typing(self, thread_key: str | None, address: str) -> None:
        """Shows "… is writing" in the visitor's open tabs."""
        visitor = self._visitors.here(self._visitors.now(thread_key or address))
        if visitor is not None:
            visitor.push('{"t":"typing"}')

    def link(self, code: str) -> str | None:
        """A page with the chat, which takes the code out of its own address; None where no page is set."""
        return f"{self._settings.page}#onethread={code}" if self._settings.page else None

    async def revoke(self, visitor_id: str) -> None:
        """Ends all tokens of a visitor and closes their tabs: they are a stranger from now on. Raises ``StorageError``."""
        visitor = await self._visitors.revoke(visitor_id)
        for socket in visitor.sockets if visitor is not None else ():
            socket.bye(protocol.REVOKED, "revoked")

    async def forget(self, address: str) -> None:
        """Nothing is kept of a visitor: tokens, open tabs, replies that wait to be seen. Raises ``StorageError``."""
        proven = address.startswith(SUBJECT)
        visitor_id = subject_id(self._context.inbox, address.removeprefix(SUBJECT)) if proven else address
        await self.revoke(visitor_id)
        await self._waiting.forget(visitor_id)
        await self._asks.forget(visitor_id)
        self._visitors.forget(visitor_id)

    async def close(self) -> None:
        """Says goodbye to all tabs; they come back by themselves."""
        self._closing = True
        for visitor in self._visitors:
            for socket in visitor.sockets:
                socket.bye(1001, "restarting")
        for _ in range(100):
            if not self._limits.open:
                break
            await asyncio.sleep(0.02)
        for socket in [socket for visitor in self._visitors for socket in visitor.sockets]:
            socket.drop()

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if not self._door.allows(request):
            return web.Response(status=403, text="this page is not on the list of origins\n")
        if self._closing:
            return web.Response(status=503)
        address = self._door.address(request)
        try:
            with self._limits.connection(address):
                ws = web.WebSocketResponse(
                    heartbeat=HEARTBEAT, compress=False, max_msg_size=protocol.MAX_FRAME, timeout=3.0
                )
                await ws.prepare(request)
                await Talk(self._house, ws, Socket(ws, request.transport, address)).run()
                return ws
        except Full:
            return web.Response(status=429, headers={"Retry-After": "30"})


def capabilities(settings: SiteSettings) -> Capabilities:
    """What the widget can show, and what it tells us."""
    return Capabilities(
        channel="site",
        max_text=protocol.MAX_TEXT,
        spans=frozenset(SpanKind),
        files=FileRules(settings.file_limit, settings.files_per_message, caption=protocol.MAX_TEXT),
        edit=Support.REJECTED,
        delete=Support.REJECTED,
        receipts="seen",
        idempotent_send=True,
        backlog=True,
        live=True,
        asks=True,
    )


CHANNEL = Channel(
    name="site",
    icon=":speech_balloon:",
    settings=SiteSettings,
    build=SiteAdapter,
    title="our site",
    label=lambda settings: settings.name or settings.origins[0].partition("://")[2],
    answer_within=300.0,
)
"""What the entry point `site` in the group `onethread.adapters` offers."""
