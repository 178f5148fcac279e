"""The adapter: one HTTP route in, one POST out, and a ping that tells people when the other side is gone."""

import asyncio
import hashlib
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from bot.capabilities import Capabilities
from bot.contract import AdapterContext, Channel
from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    PermanentFailure,
    StorageError,
    TemporaryFailure,
    UncertainFailure,
)
from bot.messages import Part, Receipt, RemoteId, Reply, SourceId, Unreadable

from .settings import HookSettings
from .wire import HEADER, Garbled, is_signed, parse, sign

MAX_BODY = 256 * 1024
RETRY = 1.0
"""Seconds between pings while something is wrong, at least."""
ABLE = Capabilities(channel="hook", max_text=4_000, idempotent_send=True)
"""Plain text of 4,000 characters, no files; the other side drops a second copy of the same key and part."""


class HookAdapter:
    """One inbox. Its route is there from the beginning; ``run`` only watches the other side."""

    def __init__(self, settings: HookSettings, context: AdapterContext) -> None:
        self._settings = settings
        self._context = context
        self._secret = settings.secret.get_secret_value().encode()
        self._session: aiohttp.ClientSession | None = None
        if context.routes is not None:
            context.routes.add("POST", "messages", self._deliver)

    @property
    def capabilities(self) -> Capabilities:
        """What the channel can carry."""
        return ABLE

    # -- in --------------------------------------------------------------------------------------------

    async def _deliver(self, request: web.Request) -> web.Response:
        """200 means durable. Everything else means: send it again."""
        if (request.content_length or MAX_BODY + 1) > MAX_BODY:
            return web.Response(status=413)
        body = await request.read()
        if not is_signed(self._secret, body, request.headers.get(HEADER, ""), time.time()):
            return web.Response(status=403)
        try:
            raw = await self._context.blobs.put(body)
            try:
                event: Any = replace(parse(body), raw=raw)
            except Garbled as problem:
                source = SourceId(f"raw:{hashlib.sha256(body).hexdigest()}")
                event = Unreadable(source, str(problem), datetime.now(UTC), raw)
            accepted = await self._context.accept(event)
        except (StorageError, OSError):
            return web.Response(status=503)
        return web.json_response({"ok": True, "duplicate": accepted.duplicate})

    # -- watching --------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Preflight. Raises ``AdapterError`` with the cure."""
        if self._context.routes is None:
            raise AdapterError("The hook needs the bot's web server; start it with `onethread run`.")
        await self._ping()

    async def run(self) -> None:
        """Messages come by themselves; this asks now and then whether answers could go."""
        while True:
            pause = self._settings.ping_seconds
            try:
                await self._ping()
                await self._context.status(None)
            except StorageError:
                pause = min(RETRY, pause)
            except AdapterError as problem:
                pause = min(RETRY, pause)
                await self._context.status(str(problem))
            await asyncio.sleep(pause)

    async def _ping(self) -> None:
        try:
            status, _ = await self._post({"ping": True})
        except (aiohttp.ClientError, TimeoutError) as problem:
            raise ConnectionLost("The app behind send_url cannot be reached.") from problem
        if status in (401, 403):
            raise AuthenticationFailed("The app refuses our signature. Set the same secret on both sides.")
        if status != 200:
            raise ConnectionLost(f"The app behind send_url answers {status}.")

    # -- out -------------------------------------------------------------------------------------------

    async def send(self, reply: Reply, part: Part) -> Receipt:
        """One POST. The table below is the only place where an answer becomes one of our errors."""
        content = {
            "key": f"{reply.key}.{part.number}",
            "to": reply.thread_key or reply.to.address,
            "author": reply.author,
            "text": part.text.plain,
        }
        try:
            status, answer = await self._post(content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as problem:
            raise TemporaryFailure("the app could not be reached") from problem
        except (aiohttp.ClientError, TimeoutError) as problem:
            raise UncertainFailure("the app did not answer") from problem
        if status in (429, 503):
            raise TemporaryFailure("the app is busy", freeze=True)
        if status in (401, 403):
            raise TemporaryFailure("the app refuses our signature", 300.0, freeze=True)
        if 400 <= status < 500:
            raise PermanentFailure(f"the app refuses the message ({status})")
        if status != 200 or not isinstance(answer.get("id"), str):
            raise UncertainFailure(f"the app gave an answer that makes no sense ({status})")
        return Receipt((RemoteId(answer["id"]),), datetime.now(UTC))

    async def _post(self, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=20, sock_connect=5)
            self._session = aiohttp.ClientSession(
                timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)
            )
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", HEADER: sign(self._secret, body, time.time())}
        async with self._session.post(self._settings.send_url, data=body, headers=headers) as answer:
            try:
                said = json.loads(await answer.content.read(65_536))
            except ValueError:
                said = None
            return answer.status, said if isinstance(said, dict) else {}

    async def close(self) -> None:
        """Give back connections; may be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


CHANNEL = Channel(
    name="hook",
    icon=":hook:",
    settings=HookSettings,
    build=HookAdapter,
    label=lambda settings: settings.name or "hook",
)
"""What the entry point names."""
