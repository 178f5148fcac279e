"""Webhook: Telegram comes to us. Proven by the secret before a byte is parsed, accepted, and only then answered with 200.

What is not accepted is answered with 503, and Telegram brings it again. Telegram sends a chat's next update only after
the answer to the one before, so the parts of an album cannot be held unanswered until all are there: each is kept in the
adapter's own durable state, answered, and the album is accepted when no part has been added for a second, also after a
restart.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

import structlog
import telegram
from aiohttp import web
from telegram.error import TelegramError

from bot.adapters.telegram import parse
from bot.adapters.telegram.inbound import Inbound
from bot.adapters.telegram.polling import ALBUM_MOST, ALBUM_QUIET, Take
from bot.adapters.telegram.settings import TelegramSettings
from bot.adapters.telegram.wire import ALLOWED_UPDATES
from bot.contract import AdapterContext
from bot.errors import StorageError

log = structlog.get_logger(__name__)

BODY_LIMIT = 1_000_000
"""Bytes of a request; Telegram's updates are far smaller."""
LOOK_EVERY = 60.0
"""Seconds between looks at what Telegram says about its attempts to reach us."""
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_ALBUMS = "albums"
TAKEN = 200
"""Parts of accepted albums that are remembered, for those whose answer Telegram did not get."""
_RETRY = 2.0
"""Seconds until an album that could not be stored is tried again."""


class Webhook:
    """One inbox's door. ``handle`` is its route; ``run`` tells Telegram where it is and watches."""

    def __init__(
        self,
        settings: TelegramSettings,
        context: AdapterContext,
        bot: Callable[[], Awaitable[telegram.Bot]],
        inbound: Inbound,
        take: Take,
    ) -> None:
        self._settings = settings
        self._context = context
        self._bot = bot
        self._inbound = inbound
        self._take = take
        self._secret = settings.webhook_secret.get_secret_value().encode()
        self._chats: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._albums: dict[str, list[Any]] | None = None
        self._taken: list[Any] = []
        self._due: dict[str, float] = {}
        self._writing = asyncio.Lock()
        self._changed = asyncio.Event()
        self.closed = False
        """The adapter has been closed: Telegram is asked to come again."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A POST of Telegram's."""
        shown = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self._secret):
            return web.Response(status=403, text="this is not Telegram\n")
        if self.closed:
            return web.Response(status=503, headers={"Retry-After": "5"})
        body = await _body(request)
        if body is None:
            return web.Response(status=413, text="too large\n")
        try:
            await self._body_in(body)
        except (StorageError, OSError, TelegramError) as problem:
            log.warning(
                "telegram.webhook_not_taken", inbox=self._context.inbox, problem=type(problem).__name__
            )
            return web.Response(status=503, headers={"Retry-After": "5"})
        return web.Response()

    async def run(self) -> None:
        """Registers the address, then keeps albums and an eye on Telegram's complaints. Raises ``TelegramError``."""
        bot = await self._bot()
        if await self._context.cursor.get():
            await self._context.cursor.set(
                ""
            )  # polling's offset means nothing by the time polling comes back
        await bot.set_webhook(
            self._settings.webhook_url,
            allowed_updates=list(ALLOWED_UPDATES),
            secret_token=self._settings.webhook_secret.get_secret_value(),
        )
        await self._context.status(None)
        for key in await self._kept():
            self._due.setdefault(key, time.monotonic() + ALBUM_QUIET)
        look = time.monotonic() + LOOK_EVERY
        complaint: str | None = None
        while True:
            self._changed.clear()
            await self._flush_due()
            if time.monotonic() >= look:
                complaint = await self._look(bot, complaint)
                look = time.monotonic() + LOOK_EVERY
            nearest = min([look, *self._due.values()])
            try:
                async with asyncio.timeout(max(0.0, nearest - time.monotonic())):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _look(self, bot: telegram.Bot, before: str | None) -> str | None:
        """Tell the team when Telegram cannot reach us."""
        info = await bot.get_webhook_info()
        failing = bool(info.pending_update_count) and bool(info.last_error_message)
        problem = (
            f"Telegram cannot deliver to webhook_url: {info.last_error_message} ({info.pending_update_count} wait)."
            if failing
            else None
        )
        if (problem is None) != (before is None):
            await self._context.status(problem)
        return problem

    async def _body_in(self, body: bytes) -> None:
        try:
            raw = json.loads(body)
        except ValueError:
            await self._context.accept(await self._inbound.unreadable_bytes(body, "this is not JSON"))
            return
        chat = parse.chat_of(raw)
        lock = self._chats.get(chat)
        if lock is None:
            lock = self._chats[chat] = asyncio.Lock()
        async with lock:
            key = parse.album_of(raw)
            if key is not None:
                await self._part(key, raw)
            else:
                await self._flush_chat(chat)
                await self._take([raw], await self._inbound.event(await self._bot(), [raw]), None)

    # -- albums ----------------------------------------------------------------------------------------

    async def _kept(self) -> dict[str, list[Any]]:
        """The parts that wait, by album."""
        if self._albums is None:
            stored = json.loads(await self._context.state.get(_ALBUMS) or "{}")
            self._albums, self._taken = stored.get("waiting", {}), stored.get("taken", [])
        return self._albums

    async def _part(self, key: str, raw: Any) -> None:
        """Keep a part durably; it may come again, even when its album was accepted."""
        number = parse.update_id(raw)
        async with self._writing:
            albums = await self._kept()
            if number in self._taken:
                return
            parts = albums.get(key, [])
            if number not in [parse.update_id(part) for part in parts]:
                await self._keep({**albums, key: [*parts, raw]}, self._taken)
        full = len((await self._kept()).get(key, ())) >= ALBUM_MOST
        self._due[key] = time.monotonic() + (0.0 if full else ALBUM_QUIET)
        self._changed.set()

    async def _keep(self, albums: dict[str, list[Any]], taken: list[Any]) -> None:
        newest = taken[-TAKEN:]
        packed = json.dumps({"waiting": albums, "taken": newest}, separators=(",", ":"))
        await self._context.state.set(_ALBUMS, packed)
        self._albums, self._taken = albums, newest

    async def _flush_due(self) -> None:
        now = time.monotonic()
        for key in [key for key, due in self._due.items() if due <= now]:
            chat = key.partition(":")[0]
            lock = self._chats.get(chat)
            if lock is None:
                lock = self._chats[chat] = asyncio.Lock()
            async with lock:
                if self._due.get(key, now + 1) > time.monotonic():
                    continue  # a part came, or it has been flushed
                try:
                    await self._flush(key)
                except (StorageError, OSError):
                    self._due[key] = time.monotonic() + _RETRY

    async def _flush_chat(self, chat: str) -> None:
        """Something else of this chat has come: its albums are complete."""
        for key in [key for key in await self._kept() if key.partition(":")[0] == chat]:
            await self._flush(key)

    async def _flush(self, key: str) -> None:
        """Accept an album, then forget its parts: a crash in between accepts the same one again, which changes nothing."""
        parts = (await self._kept()).get(key)
        if parts:
            raws = sorted(parts, key=lambda raw: parse.update_id(raw) or 0)
            await self._take(raws, await self._inbound.event(await self._bot(), raws), None)
            async with self._writing:
                left = {name: kept for name, kept in (await self._kept()).items() if name != key}
                await self._keep(left, [*self._taken, *map(parse.update_id, raws)])
        self._due.pop(key, None)


async def _body(request: web.Request) -> bytes | None:
    """The request's body, None where it is too large; no more than the limit is read."""
    if (request.content_length or 0) > BODY_LIMIT:
        return None
    body = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)
