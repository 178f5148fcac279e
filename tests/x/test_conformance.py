"""The X adapter, against a stand-in that speaks X's wire, passes the suite that every adapter passes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from bot.adapters.x.adapter import XAdapter
from bot.capabilities import fit
from bot.contract import Adapter, AdapterContext
from bot.messages import Attachment, Reply, Text
from bot.sandbox.x import XStandIn
from bot.sandbox.x.hooks import old_shape
from bot.web import InboxRoutes, application, serving
from tests.conformance.core import Core
from tests.conformance.suite import AdapterConformance, Break, Harness, reading
from tests.x.rig import ADA, PNG, LateRoutes, fine, patient, reply, settings


class XHarness:
    """An X of our own; the adapter polls."""

    breaks = frozenset(Break)

    def __init__(self, x: XStandIn) -> None:
        self.x = patient(x)
        keys = x.logins
        self.secrets = (keys.client_secret, keys.refresh_token, keys.consumer_secret, keys.bearer_token, ADA)

    def adapter(self, context: AdapterContext) -> Adapter:
        return XAdapter(settings(self.x), context)

    async def say(self, text: str) -> None:
        await self.x.say("customer1", text)

    async def repeat(self) -> bool:
        return True  # pages list the newest messages again and again

    async def garble(self) -> bool:
        await self.x.say("customer1", "", garbled=True)
        return True

    async def cut(self) -> None:
        self.x.faults.drop_reads = 1

    async def lock_out(self) -> None:
        self.x.logins.withdraw()

    def reply(self, key: str, text: str) -> Reply:
        return replace(reply(text), key=key)

    def received(self) -> list[str]:
        return [one["text"] for one in self.x.heard("customer1") if one["text"]]

    def break_send(self, how: Break) -> None:
        faults = self.x.faults
        if how is Break.BUSY:
            faults.refusals.append((429, "Too Many Requests"))
        elif how is Break.REFUSED:
            faults.refusals.append((403, "You cannot send messages to users who are not following you."))
        elif how is Break.LOST_TAKEN:
            faults.drop_after = 1
        else:
            faults.drop_before = 1


class TestX(AdapterConformance):
    scanned = "bot.adapters.x"

    @pytest.fixture
    async def harness(self) -> AsyncIterator[Harness]:
        x = XStandIn()
        await x.start()
        yield XHarness(x)
        await x.stop()

    @pytest.fixture
    async def core(self, harness: Harness) -> Core:
        """The first start begins now: let it find out where now is."""
        core = Core()
        async with reading(harness, core):
            await core.until(lambda: core.position is not None)
        return core

    @override
    async def test_files_travel_as_promised(self, harness: Harness, core: Core) -> None:
        """With a picture: X carries no PDF, and says so beforehand (tests/x/test_units.py)."""
        adapter = harness.adapter(core.context())
        file = Attachment("photo.png", "image/png", len(PNG), await core.context().blobs.put(PNG))
        fitted = fit(Text("with a file"), (file,), adapter.capabilities)
        assert fitted.losses == ()
        one = replace(harness.reply("k" * 26, "with a file"), attachments=(file,))
        for part in fitted.parts:
            await adapter.send(one, part)
        assert harness.received() == ["with a file"]
        await adapter.close()


class HookHarness(XHarness):
    """The same, with webhooks, and an hour between polls: only what webhooks miss is left to those."""

    def __init__(self, x: XStandIn, hook: str, routes: LateRoutes) -> None:
        super().__init__(x)
        self.hook = hook
        self.routes = routes

    @override
    def adapter(self, context: AdapterContext) -> Adapter:
        given = settings(self.x, webhook=self.hook, reconcile=3600)
        return XAdapter(given, replace(context, routes=self.routes))

    @override
    async def say(self, text: str) -> None:
        await super().say(text)
        await self.x.hooks.settled()

    @override
    async def repeat(self) -> bool:
        await self.x.until(lambda: len(self.x.hooks.subscriptions) == 2)
        self.x.hooks.tell("dm.received", self.x.account.id, self._newest())
        await self.x.hooks.settled()
        return True

    def _newest(self) -> dict[str, Any]:
        return old_shape(self.x.messages[-1], [self.x.customers["customer1"], self.x.account])

    @override
    async def garble(self) -> bool:
        await self.x.until(lambda: len(self.x.hooks.subscriptions) == 2)
        self.x.hooks.tell("dm.received", self.x.account.id, {"direct_message_events": [{"id": "5"}]})
        await self.x.hooks.settled()
        return True


class TestXByWebhook(TestX):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[Harness]:
        x, late = XStandIn(), LateRoutes()
        web = application(fine)
        routes = InboxRoutes(web, "acme-x")
        for method in ("GET", "POST"):
            routes.add(method, "webhook", late.answer)
        await x.start()
        async with serving(web, "127.0.0.1", 0) as port:
            yield HookHarness(x, f"http://127.0.0.1:{port}/channels/acme-x/webhook", late)
            await x.stop()
