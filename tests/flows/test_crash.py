"""kill -9 of the real bot between the steps of the path, both ways: nothing is lost, and there is one copy or it is uncertain.

The child is the real bot with one function wrapped (``crash_child.py``); after the kill it is started again, untouched.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from tests.flows.shop import DANA, Shop

IN = [
    "bot.relay:Relay.accept_customer:before:1",
    "bot.relay:Relay.accept_customer:after:1",
    "bot.outbox:Outbox._claim:before:1",
    "bot.outbox:Outbox._claim:after:1",
    "bot.slack.desk:SlackDesk.open_card:before:1",
    "bot.slack.desk:SlackDesk.open_card:after:1",
    "bot.outbox:Outbox._attempt:after:1",
    "bot.slack.desk:SlackDesk.post:before:1",
    "bot.slack.desk:SlackDesk.post:after:1",
    "bot.slack.desk:SlackDesk.upload:before:1",
    "bot.slack.files:SlackFiles._share:before:1",
    "bot.slack.files:SlackFiles._share:after:1",
    "bot.slack.desk:SlackDesk.update_card:after:1",
]
"""Points on the way in: from the mailbox to the thread."""

OUT = [
    "bot.cases.casework:Casework.reply:before:1",
    "bot.cases.casework:Casework.reply:after:1",
    "bot.delivery.attempt:Attempts._send:before:1",
    "bot.adapters.email.adapter:EmailAdapter.send:before:1",
    "bot.adapters.email.adapter:EmailAdapter.send:after:1",
    "bot.slack.desk:SlackDesk.mark:after:2",
]
"""Points on the way out: from an agent's words to the customer's mailbox."""


async def _first_look(shop: Shop) -> None:
    """Lets the bot see its empty mailboxes once: a first start begins now, not with old mail."""
    child = await shop.child()

    def looked() -> bool:
        assert child.returncode is None, shop.log()
        return shop.slack.connections >= 1 and shop.log().count("inbox.works") == 2

    await shop.until(looked, 20)
    assert await shop.end(child) == 0, shop.log()


async def _crashes(shop: Shop, child: asyncio.subprocess.Process, point: str) -> None:
    try:
        code = await asyncio.wait_for(child.wait(), 25)
    except TimeoutError:
        raise AssertionError(f"the bot never came to {point}\n{shop.log()}") from None
    assert code == -signal.SIGKILL, shop.log()


async def _once_more(shop: Shop) -> asyncio.subprocess.Process:
    """Starts the real bot again, untouched."""
    before = shop.log().count("app.running")
    child = await shop.child()
    await shop.until(lambda: shop.log().count("app.running") > before, 20)
    return child


def _armed(shop: Shop, point: str) -> asyncio.Task[asyncio.subprocess.Process]:
    arguments = (sys.executable, "-m", "tests.flows.crash_child", str(shop.config_path))
    return asyncio.create_task(shop.child(*arguments, CRASH_AT=point))


@pytest.mark.parametrize("point", IN)
async def test_killed_on_the_way_in(shop: Shop, point: str) -> None:
    await _first_look(shop)
    await shop.mails(DANA, "Where is my parcel?", files=[("photo.bin", b"\x00\x01\x02" * 100)])
    child = await _armed(shop, point)
    if "update_card" in point:  # a new card is right as it is; more words change it
        await shop.sees("Where is my parcel?", seconds=20)
        await shop.mails(DANA, "It is urgent.")
    await _crashes(shop, child, point)
    again = await _once_more(shop)
    try:
        await shop.sees("Where is my parcel?", seconds=25)
        await shop.until(lambda: any("photo.bin" in post for post in shop.thread()[1:]), 15)
        await asyncio.sleep(1.0)  # a second copy would come now
        assert len(shop.roots()) == 1
        assert sum("Where is my parcel?" in post for post in shop.thread()) == 1
        assert sum("📎 photo.bin" in post for post in shop.thread()[1:]) == 1
    finally:
        assert await shop.end(again) == 0, shop.log()


@pytest.mark.parametrize("point", OUT)
async def test_killed_on_the_way_out(shop: Shop, point: str) -> None:
    await _first_look(shop)
    await shop.mails(DANA, "Where is my parcel?")
    child = await _armed(shop, point)
    await shop.sees("Where is my parcel?", seconds=20)
    card = shop.card()
    assert card is not None
    await shop.writes("agent1", "! It ships today.", card["ts"])
    await _crashes(shop, child, point)
    again = await _once_more(shop)
    try:

        def told() -> bool:
            mine = [post for post in shop.thread() if "It ships today." in post]
            done = any(mark in post for post in mine for mark in (":white_check_mark:", "may have arrived"))
            return done

        await shop.until(told, 25)
        await asyncio.sleep(1.0)  # a second copy would come now
        mails = shop.inbox(DANA)
        uncertain = any("may have arrived" in post for post in shop.thread())
        assert len(mails) == 1 or (uncertain and not mails), (len(mails), shop.thread())
        if not uncertain:
            assert len(mails) == 1
    finally:
        assert await shop.end(again) == 0, shop.log()
