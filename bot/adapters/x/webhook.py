"""The fast path: X's Activity webhooks, over the bot's own web server.

X asks now and then for a CRC answer (GET), and signs each delivery (POST) with the same key. So a CRC token is answered
only where it cannot be the body of a delivery: otherwise anybody could have their own words signed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bot.adapters.x.client import XClient
from bot.adapters.x.inbound import Inbound, Recent
from bot.adapters.x.parse import Said, Withdrawn, from_webhook
from bot.adapters.x.settings import Webhook, XSettings
from bot.contract import AdapterContext
from bot.errors import ConnectionLost, StorageError

log = structlog.get_logger(__name__)

PATH = "webhook"
SIGNATURE = "x-twitter-webhooks-signature"
MAX_BODY = 512 * 1024
"""Bytes of a delivery; X's are a few thousand."""
BODY_SECONDS = 10.0
EVENTS = ("dm.received", "chat.received")
"""What we subscribe to; the second so that an encrypted message is at least seen."""
_TOKEN = re.compile(r"[A-Za-z0-9+/=_.-]{1,256}")


class Receiver:
    """Answers X. ``withdrawn`` is told when the account takes its consent back, ``missed`` when we could not store."""

    def __init__(
        self,
        hook: Webhook,
        own: str,
        context: AdapterContext,
        inbound: Inbound,
        recent: Recent,
        withdrawn: Callable[[], Awaitable[None]],
        missed: Callable[[], None],
    ) -> None:
        self._secret = hook.consumer_secret.get_secret_value().encode()
        self._own = own
        self._context = context
        self._inbound = inbound
        self._recent = recent
        self._withdrawn = withdrawn
        self._missed = missed

    def sign(self, data: bytes) -> str:
        """What X expects, and what it sends, for these bytes."""
        return "sha256=" + base64.b64encode(hmac.digest(self._secret, data, hashlib.sha256)).decode()

    async def challenge(self, request: web.Request) -> web.Response:
        """GET: proves that we hold the key."""
        token = request.query.get("crc_token", "")
        if not _TOKEN.fullmatch(token):
            return web.Response(status=400, text="no crc_token\n")
        return web.json_response({"response_token": self.sign(token.encode())})

    async def deliver(self, request: web.Request) -> web.Response:
        """POST: 200 when everything in it is durable, 403 without X's signature, 503 where X should try again."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
        except TimeoutError:
            return web.Response(status=408)
        if body is None:
            return web.Response(status=413)
        given = request.headers.get(SIGNATURE, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self.sign(body).encode()):
            log.warning("x.webhook_forged", inbox=self._context.inbox)
            return web.Response(status=403)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            return web.Response(status=400)
        try:
            await self._accept(content)
        except (StorageError, ConnectionLost, OSError):
            self._missed()
            return web.Response(status=503)  # and a poll finds it, should X not come again
        return web.Response(status=200)

    async def _accept(self, content: dict[str, object]) -> None:
        for heard in from_webhook(content, self._own):
            if isinstance(heard, Withdrawn):
                await self._withdrawn()
            if isinstance(heard, Said) and heard.event_id in self._recent:
                continue
            event = await self._inbound.event(heard)
            if event is not None:
                await self._context.accept(event)
            if isinstance(heard, Said):
                self._recent.add(heard.event_id)


async def _body(request: web.Request) -> bytes | None:
    """The raw body; None where it is too long."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    data = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        data += chunk
        if len(data) > MAX_BODY:
            return None
    return bytes(data)


async def register(client: XClient, settings: XSettings) -> None:
    """Makes sure that X delivers to us: webhook there, valid, and subscribed. Does nothing that is done already.

    Raises the client's errors. Without a bearer token this is a person's task (docs/x.md).
    """
    hook = settings.webhook
    if hook is None or hook.bearer_token is None:
        return
    found = next((one for one in await client.webhooks() if one.get("url") == hook.url), None)
    if found is None:
        webhook_id = await client.create_webhook(hook.url)
    else:
        webhook_id = str(found.get("id"))
        if found.get("valid") is False:
            await client.validate_webhook(webhook_id)
    have = {
        str(one.get("event_type"))
        for one in await client.subscriptions()
        if str(one.get("webhook_id")) == webhook_id
        and str((one.get("filter") or {}).get("user_id")) == settings.user_id
    }
    for kind in EVENTS:
        if kind not in have:
            await client.subscribe(kind, settings.user_id, webhook_id)
