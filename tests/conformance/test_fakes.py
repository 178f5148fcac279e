"""The two in-memory channels pass the suite that every adapter passes."""

from __future__ import annotations

import pytest

from bot.contract import Adapter, AdapterContext
from bot.messages import Contact, ConversationId, Reply, Text
from tests.conformance.fakes import PASSWORD, Bare, FarSide, Rich
from tests.conformance.suite import AdapterConformance, Break, Harness


class MemoryHarness:
    """A far side in memory."""

    breaks = frozenset(Break)
    secrets = (PASSWORD, "customer-1")

    def __init__(self, kind: type[Bare]) -> None:
        self.kind = kind
        self.far = FarSide()

    def adapter(self, context: AdapterContext) -> Adapter:
        return self.kind(self.far, context)

    async def say(self, text: str) -> None:
        await self.far.add(text.encode())

    async def repeat(self) -> bool:
        number, raw = self.far.log[-1]
        await self.far.add(raw, number)
        return True

    async def garble(self) -> bool:
        await self.far.add(b"\xff\xfe not text")
        return True

    async def cut(self) -> None:
        self.far.cuts = 1
        await self.far.wake()

    async def lock_out(self) -> None:
        self.far.password = "changed"
        await self.far.wake()

    def reply(self, key: str, text: str) -> Reply:
        who = Contact(self.kind.capabilities.channel, "customer-1", "Dana")
        return Reply(key, ConversationId(1), who, "Kim", Text(text), team_name="Support")

    def received(self) -> list[str]:
        return [text for _, _, text in self.far.received if text]

    def break_send(self, how: Break) -> None:
        self.far.breaks.append(how)


class TestBare(AdapterConformance):
    scanned = "tests.conformance.fakes"

    @pytest.fixture
    async def harness(self) -> Harness:
        return MemoryHarness(Bare)


class TestRich(AdapterConformance):
    scanned = "tests.conformance.fakes"

    @pytest.fixture
    async def harness(self) -> Harness:
        return MemoryHarness(Rich)
