"""The Telegram adapter, on the stand-in's Bot API, passes the suite that every adapter passes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.telegram.adapter import TelegramAdapter
from bot.contract import Adapter, AdapterContext
from bot.messages import Contact, ConversationId, Quoted, RemoteId, Reply, Text
from bot.sandbox.telegram import TelegramStandIn
from tests.conformance.suite import AdapterConformance, Break, Harness
from tests.telegram.rig import DANA, settings


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
