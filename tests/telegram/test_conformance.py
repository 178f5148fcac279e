"""The Telegram adapter, on the stand-in's Bot API, passes the suite that every adapter passes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot.adapters.telegram.adapter import TelegramAdapter
from bot.contract import Adapter, AdapterContext
from bot.messages import Contact, ConversationId, Quoted, RemoteId, Reply, Text
from bot.sandbox.telegram import TelegramStandIn
from bot.web import application, serving
from tests.conformance.suite import AdapterConformance, Break, Harness
from tests.telegram.rig import DANA, SECRET, settings


class TelegramHarness:
    """A Telegram of our own, with one customer."""

    breaks = frozenset(Break)

    def __init__(self, telegram: TelegramStandIn) -> None:
        self.telegram = telegram
        self.secrets = (telegram.token, telegram.token.partition(":")[2], str(DANA), "Petrov")
        self.newest: dict[str, Any] = {}

    def adapter(self, context: AdapterContext) -> Adapter:
        return TelegramAdapter(settings(self.telegram), context)

    async def say(self, text: str) -> None:
        self.newest = self.telegram.say("customer1", text)

    async def repeat(self) -> bool:
        self.telegram.push({"message": self.newest})
        return True

    async def garble(self) -> bool:
        self.telegram.push({"message": {"message_id": "seven", "chat": None}})
        return True

    async def cut(self) -> None:
        self.telegram.cut()

    async def lock_out(self) -> None:
        self.telegram.revoke_token()
        self.telegram.cut()

    def reply(self, key: str, text: str) -> Reply:
        now = datetime.now(UTC)
        quoted = Quoted(RemoteId(f"{DANA}:1"), Text("the first words"), "Dana Petrov", now)
        to = Contact("telegram", str(DANA), "Dana Petrov", True)
        words = Text(text)
        return Reply(key, ConversationId(7), to, "Kim", words, reply_to=quoted, thread_key=str(DANA))

    def received(self) -> list[str]:
        heard = self.telegram.heard("customer1")
        return [message.get("text") or message.get("caption") or "" for message in heard]

    def break_send(self, how: Break) -> None:
        if how is Break.BUSY:
            self.telegram.flood(3, method="sendMessage")
        elif how is Break.REFUSED:
            self.telegram.fail(403, "Forbidden: bot was blocked by the user", method="sendMessage")
        elif how is Break.LOST_TAKEN:
            self.telegram.drop_after("sendMessage")
        else:
            self.telegram.drop_before("sendMessage")


class TestTelegram(AdapterConformance):
    """Polling."""

    @pytest.fixture
    async def harness(self, telegram: TelegramStandIn, poison: None) -> AsyncIterator[Harness]:
        yield TelegramHarness(telegram)


class WebhookHarness(TelegramHarness):
    """The same by webhook: the bot's web server stays, its routes are those of the adapter that was made last."""

    def __init__(self, telegram: TelegramStandIn) -> None:
        super().__init__(telegram)
        self.secrets = (*self.secrets, SECRET)
        self.url = ""
        self._handler: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    def add(self, method: str, path: str, handler: Callable[..., Awaitable[Any]]) -> None:
        """Takes an adapter's route."""
        assert (method, path) == ("POST", "webhook")
        self._handler = handler

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A POST of Telegram's."""
        return web.Response(status=503) if self._handler is None else await self._handler(request)

    def adapter(self, context: AdapterContext) -> Adapter:
        how = {"mode": "webhook", "webhook_url": self.url, "webhook_secret": SECRET}
        return TelegramAdapter(settings(self.telegram, **how), replace(context, routes=self))

    async def lock_out(self) -> None:
        self.telegram.revoke_token()


class TestTelegramWebhook(AdapterConformance):
    """Webhook."""

    @pytest.fixture
    async def harness(self, telegram: TelegramStandIn, poison: None) -> AsyncIterator[Harness]:
        made, application_ = WebhookHarness(telegram), application(_fine)
        application_.router.add_post("/hook", made.handle)
        async with serving(application_, "127.0.0.1", 0) as port:
            made.url = f"http://127.0.0.1:{port}/hook"
            yield made
            await telegram.updates.stop()


async def _fine() -> dict[str, Any]:
    return {"ok": True}
