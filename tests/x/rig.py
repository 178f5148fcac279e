"""An X inbox on a real web server, the stand-in for X before it, and the conformance suite's core behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from bot.adapters.x.adapter import XAdapter
from bot.adapters.x.settings import XSettings
from bot.contract import AdapterContext
from bot.messages import Contact, ConversationId, Part, Receipt, Reply, Text
from bot.sandbox.x import XStandIn
from bot.web import InboxRoutes, application, serving
from tests.conformance.core import Core

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 20
GIF = b"GIF89a" + b"moving" * 20
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"film" * 600_000
"""Longer than two chunks of an upload."""
ME = "1111111111111111111"
ADA = "2222222222222222201"


def settings(x: XStandIn, *, webhook: str | None = None, oauth1: bool = False, **changes: Any) -> XSettings:
    """What app.yaml would say; ``webhook`` is the bot's own address."""
    keys = x.logins
    given: dict[str, Any] = {"user_id": x.account.id, "username": "@acme", "api_url": x.url, "poll": 0.03}
    given |= {"reconcile": 0.03, "timeout": 5}
    if oauth1:
        given["oauth1"] = {
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "access_token": keys.access_token,
            "access_token_secret": keys.access_token_secret,
        }
    else:
        given["oauth2"] = {
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "refresh_token": keys.refresh_token,
        }
    if webhook is not None:
        given["webhook"] = {
            "url": webhook,
            "consumer_secret": keys.consumer_secret,
            "bearer_token": keys.bearer_token,
        }
    return XSettings.model_validate({**given, **changes})


def patient(x: XStandIn) -> XStandIn:
    """The stand-in, and no window is ever full."""
    x.limits.update(read=100_000, send=100_000)
    return x


def reply(text: str | Text = "hello", *, key: str = "k", thread: str | None = None, **more: Any) -> Reply:
    """A reply to Ada."""
    words = text if isinstance(text, Text) else Text(text)
    to = Contact("x", ADA, "Ada Lovelace (@ada_l)")
    return Reply(key * 26, ConversationId(1), to, "Kim", words, thread_key=thread, **more)


async def send(adapter: XAdapter, one: Reply) -> Receipt:
    """Sends a reply as its one part."""
    return await adapter.send(one, Part(0, 1, one.text, one.attachments))


@dataclass
class Rig:
    """A bot around one adapter. ``hook`` is where X delivers."""

    x: XStandIn
    core: Core
    context: AdapterContext
    hook: str
    http: aiohttp.ClientSession
    adapters: list[XAdapter] = field(default_factory=list)

    def adapter(self, **changes: Any) -> XAdapter:
        """An adapter that does not read yet."""
        made = XAdapter(settings(self.x, **changes), self.context)
        self.adapters.append(made)
        return made

    @asynccontextmanager
    async def reading(self, **changes: Any) -> AsyncIterator[XAdapter]:
        """A reading adapter that has found out where now is."""
        async with self.running(self.adapter(**changes)) as made:
            await self.core.until(lambda: self.core.position is not None)
            yield made

    @asynccontextmanager
    async def running(self, made: XAdapter) -> AsyncIterator[XAdapter]:
        """The adapter, reading."""
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await made.close()

    async def post(self, body: bytes, signature: str | None = None) -> int:
        """A delivery from anybody; signed by X unless a signature is given."""
        headers = {
            "x-twitter-webhooks-signature": self.x.hooks.sign(body) if signature is None else signature
        }
        async with self.http.post(self.hook, data=body, headers=headers) as answer:
            return answer.status


class LateRoutes:
    """Routes that can be added once the server runs: the newest adapter has them."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def add(self, method: str, path: str, handler: Any) -> None:
        """A route of the adapter."""
        assert path == "webhook"
        self.handlers[method] = handler

    async def answer(self, request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        made: aiohttp.web.StreamResponse = await self.handlers[request.method](request)
        return made


@asynccontextmanager
async def bot() -> AsyncIterator[Rig]:
    """A stand-in for X, and a bot's web server."""
    x, core, late = patient(XStandIn()), Core(), LateRoutes()
    await x.start()
    web = application(fine)
    routes = InboxRoutes(web, "acme-x")
    for method in ("GET", "POST"):
        routes.add(method, "webhook", late.answer)
    async with serving(web, "127.0.0.1", 0) as port, aiohttp.ClientSession() as http:
        hook = f"http://127.0.0.1:{port}/channels/acme-x/webhook"
        rig = Rig(x, core, replace(core.context("acme-x"), routes=late), hook, http)
        try:
            yield rig
        finally:
            for one in rig.adapters:
                await one.close()
            await x.stop()


async def fine() -> dict[str, Any]:
    """The rest of the bot is well."""
    return {"ok": True}
