"""A Telegram adapter at work on the stand-in, with a core of a few dictionaries around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bot.adapters.telegram.adapter import TelegramAdapter
from bot.adapters.telegram.settings import TelegramSettings
from bot.messages import Attachment, Contact, ConversationId, Part, Quoted, RemoteId, Reply, Text
from bot.sandbox.telegram import TelegramStandIn
from bot.web import InboxRoutes, application, serving
from tests.email.core import Core

DANA = 5_000_000_001
LUIS = 5_000_000_002
SECRET = "a-secret-of-the-webhook_01"


def settings(standin: TelegramStandIn, **changes: Any) -> TelegramSettings:
    """Settings that lead to the stand-in; a poll waits 5 seconds."""
    values: dict[str, Any] = {
        "token": standin.token,
        "api_url": standin.url,
        "poll_timeout": 5,
        "timeout": 5,
    }
    return TelegramSettings.model_validate({**values, **changes})


@asynccontextmanager
async def receiving(standin: TelegramStandIn, core: Core, **changes: Any) -> AsyncIterator[TelegramAdapter]:
    """The adapter at work by polling, from the moment it has said how it is."""
    adapter = TelegramAdapter(settings(standin, **changes), core.context())
    before = len(core.problems)
    task = asyncio.create_task(adapter.run())
    try:
        await core.until(lambda: len(core.problems) > before or task.done())
        yield adapter
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await adapter.close()


@asynccontextmanager
async def hooked(
    standin: TelegramStandIn, core: Core, **changes: Any
) -> AsyncIterator[tuple[TelegramAdapter, str]]:
    """The adapter at work by webhook; gives its address too."""
    web = application(_fine)
    context = core.context(routes=InboxRoutes(web, "phone"))
    # The route is there from the beginning, the address is known when the server listens.
    made = settings(
        standin,
        mode="webhook",
        webhook_url="http://127.0.0.1:1/channels/phone/webhook",
        webhook_secret=SECRET,
        **changes,
    )
    adapter = TelegramAdapter(made, context)
    async with serving(web, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}/channels/phone/webhook"
        moved = made.model_copy(update={"webhook_url": url})
        adapter._webhook._settings = moved
        before = len(core.problems)
        task = asyncio.create_task(adapter.run())
        try:
            await core.until(lambda: len(core.problems) > before or task.done())
            yield adapter, url
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await adapter.close()


@asynccontextmanager
async def sending(standin: TelegramStandIn, core: Core, **changes: Any) -> AsyncIterator[TelegramAdapter]:
    """An adapter that only sends."""
    adapter = TelegramAdapter(settings(standin, **changes), core.context())
    try:
        yield adapter
    finally:
        await adapter.close()


def reply(
    text: Text | str = "It ships today.",
    *,
    chat: int = DANA,
    files: tuple[Attachment, ...] = (),
    answers: str | None = None,
) -> Reply:
    """A reply to Dana, or into another chat."""
    quoted = None
    if answers is not None:
        quoted = Quoted(RemoteId(answers), Text("Where is it?"), "Dana Petrov", datetime.now(UTC))
    words = Text(text) if isinstance(text, str) else text
    return Reply(
        key="abcdefghijklmnopqrstuvwxyz"[:26],
        conversation_id=ConversationId(1),
        to=Contact("telegram", str(DANA), "Dana Petrov", True),
        author="Kim",
        text=words,
        attachments=files,
        reply_to=quoted,
        thread_key=str(chat),
    )


def part(of: Reply, number: int = 0, parts: int = 1) -> Part:
    """The whole reply as one part."""
    return Part(number, parts, of.text, of.attachments)


async def _fine() -> dict[str, Any]:
    return {"ok": True}
