"""Asking with the real bot: resolved in Slack, a button on a phone, stars in the thread, a lead who hears of it, /stats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flows.linked import LinkedShop, opened
from tests.flows.seen import read
from tests.flows.test_reminder_story import configure, press, told

ASKING = """
ratings:
  not_again_days: 0
  inboxes:
    phone: {ask: true, after: 0 min}
"""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[LinkedShop]:
    async with opened(tmp_path) as made:
        configure(made, ASKING)
        yield made


async def test_a_button_on_the_phone_reaches_the_lead(shop: LinkedShop) -> None:
    telegram = shop.telegram
    async with shop.open():
        telegram.say("customer1", "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        await shop.types("agent1", "/reply C1 It ships today.")
        await telegram.wait_for("customer1")
        await shop.sees("accepted")
        await shop.types("agent1", "/resolve C1")
        asked = await telegram.wait_for("customer1", lambda one: "How was our help?" in one["text"])
        await shop.sees("Asked for a rating")
        query = telegram.people.press("customer1", asked["message_id"], "2")
        await shop.sees("⭐ Dana Petrov rated ★★☆☆☆ 2 of 5")
        await telegram.until(lambda: telegram.world.pressed[query] == "Thank you!")
        telegram.say("customer1", "Took a week.", reply_to=asked["message_id"])
        direct = await told(shop, "lead", "rated ★★☆☆☆ 2 of 5: “Took a week.”")
        assert read(direct).split("\n") == [
            "⭐ Dana Petrov (C1) rated ★★☆☆☆ 2 of 5: “Took a week.”",
            "[Reply][Reopen][Follow up tomorrow]",
        ]
        await shop.until(lambda: "resolved" in read(shop.card() or {}).lower())
        await press(shop, "lead", direct, "Follow up tomorrow")
        await shop.until(lambda: any("You will be reminded of Dana" in one for one in shop.whispered("lead")))
        answer = await shop.types("lead", "/stats today")
        assert answer["ok"]
        await shop.until(lambda: any("2.0 of 5" in one for one in shop.whispered("lead")))
        shown = next(one for one in shop.whispered("lead") if "2.0 of 5" in one)
        assert "answered 100 %" in shown or "answered 100%" in shown, shown
        await shop.types("lead", "/rating C1")
        await shop.until(lambda: any("2 of 5" in one and "Kim" in one for one in shop.whispered("lead")[-1:]))
