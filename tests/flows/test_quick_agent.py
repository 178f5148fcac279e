"""An agent who is quicker than the bot: they answer while the card's place is not stored yet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.slack.desk import SlackDesk
from tests.flows.shop import DANA, Shop


async def test_who_answers_before_the_card_is_stored_is_heard(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = SlackDesk.open_card
    stored = asyncio.Event()

    async def slowly(self: SlackDesk, *given: Any, **more: Any) -> Any:
        place = await opens(self, *given, **more)
        await stored.wait()
        return place

    monkeypatch.setattr(SlackDesk, "open_card", slowly)
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?")
        await shop.until(shop.roots)
        written = asyncio.create_task(shop.writes("agent1", "! It ships today.", shop.roots()[0]["ts"]))
        await asyncio.sleep(0.4)
        stored.set()
        await written
        assert "It ships today." in str(await shop.gets(DANA))
        await shop.sees("Where is my parcel?")
        assert len(shop.inbox(DANA)) == 1 and len(shop.roots()) == 1
