"""What customers say on Telegram, as messages: text, files, albums, edits, reactions, and what has no rule."""

from __future__ import annotations

from typing import Any

import pytest

from bot.messages import Edit, Message, Reaction, SpanKind
from bot.sandbox.telegram import TelegramStandIn
from tests.email.core import Core
from tests.telegram.rig import DANA, receiving


async def test_a_text_becomes_a_message(telegram: TelegramStandIn, core: Core) -> None:
    async with receiving(telegram, core):
        telegram.say(
            "customer1",
            "👋 where is my parcel?",
            entities=[
                {"type": "bold", "offset": 3, "length": 5},
                {"type": "text_link", "offset": 15, "length": 6, "url": "https://shop.example/7"},
            ],
        )
        await core.until(lambda: core.messages)
    message = core.messages[0]
    assert message.text.plain == "👋 where is my parcel?"
    assert [(s.kind, message.text.plain[s.start : s.end], s.value) for s in message.text.spans] == [
        (SpanKind.BOLD, "where", None),
        (SpanKind.LINK, "parcel", "https://shop.example/7"),
    ]
    who = message.sender
    assert (who.channel, who.address, who.name) == ("telegram", str(DANA), "Dana Petrov")
    assert (who.verified, who.evidence) == (True, "Telegram account")
    assert (message.thread_key, message.remote_id, message.automated) == (str(DANA), f"{DANA}:1", None)
    assert b'"where is' not in core.files[message.raw or ""]
    assert "where is my parcel".encode() in core.files[message.raw or ""]
    assert core.problems == [None]
