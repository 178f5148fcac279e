"""kill -9 of the real bot around a reminder: there is one copy of it afterwards."""

from __future__ import annotations

import pytest

from tests.flows.shop import DANA, Shop
from tests.flows.test_crash import _armed, _crashes, _first_look, _once_more
from tests.flows.test_reminder_story import configure

SOON = """
sla:
  - {name: quick, first_response: 0.1 min, hours: calendar, remind: [50%], remind_at_night: true}
reminders:
  after_breach: [{after: 1h, tell: leads}]
"""
POINTS = ["bot.timing.reminders:tell:after:1", "bot.slack.desk:SlackDesk.post:after:2"]
"""Before the posts are stored; after Slack has the post. Every other window: tests/core/test_reminders_once.py."""


@pytest.mark.parametrize("point", POINTS)
async def test_killed_around_a_reminder(shop: Shop, point: str) -> None:
    configure(shop, SOON)
    await _first_look(shop)
    await shop.mails(DANA, "Where is my parcel?")
    child = await _armed(shop, point)
    await _crashes(shop, child, point)
    again = await _once_more(shop)
    try:
        await shop.sees("has waited", seconds=25)
        second = await shop.mails(DANA, "And my invoice?")
        assert second is not None
        await shop.sees("And my invoice?", seconds=25)  # what comes after it is there, so is a second copy
        assert sum("has waited" in post for post in shop.thread()) == 1, shop.thread()
    finally:
        assert await shop.end(again) == 0, shop.log()
