"""kill -9 of the real bot around a rating: one question, one rating, one post in the thread.

The child is the real bot with one function wrapped (``crash_child.py``); after the kill it is started again, untouched.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.demo.run import free_port
from tests.email.test_rating_story import PUBLIC, plain
from tests.flows.shop import DANA, Shop
from tests.flows.test_crash import _armed, _crashes, _once_more
from tests.flows.test_reminder_story import configure

ASKING = """
ratings:
  not_again_days: 0
  inboxes:
    support-mail: {ask: true, after: 0 min}
"""
IN_DOUBT = [
    "bot.adapters.email.adapter:EmailAdapter.send:before:1",
    "bot.adapters.email.adapter:EmailAdapter.send:after:1",
    "bot.rating.ratingshow:_line:after:1",
]
ASKED = [
    "bot.rating.ratings:_ask:after:1",
    "bot.delivery.attempt:Attempts._send:before:1",
    *IN_DOUBT,
]
"""Points on the way of the question: it is being stored, it is stored, it is leaving, the mail server
has it, it is being told. ``IN_DOUBT``: nobody can know whether the mail server has it."""

LOST = [
    "bot.relay:Relay.accept_customer:before:1",
    "bot.rating.ratings:rated:after:1",
]
"""Points on the way of an answer at which nothing is stored yet: the browser has no page, and the customer presses again."""

KEPT = [
    "bot.relay:Relay.accept_customer:after:1",
    "bot.slack.desk:SlackDesk.post:before:1",
    "bot.slack.desk:SlackDesk.post:after:1",
]
"""Points after that: it is stored, the page may be lost, the thread does not show it yet or does already."""


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop that asks by mail, with links, at a port that is known."""
    port = free_port()
    address = "    address: support@shop.example\n"
    async with Shop(tmp_path) as shop:
        configure(
            shop,
            ASKING,
            **{address: f"{address}    public_url: {PUBLIC}\n", "web: {port: 0}": f"web: {{port: {port}}}"},
        )
        yield shop


async def _helped(shop: Shop) -> asyncio.subprocess.Process:
    """Dana wrote and was answered. Gives the bot, which runs."""
    child = await shop.child()
    await shop.until(lambda: shop.slack.connections >= 1 and shop.log().count("inbox.works") == 2, 20)
    await shop.mails(DANA, "Where is my parcel?")
    await shop.sees("Where is my parcel?", seconds=20)
    await shop.types("agent1", "/reply C1 It ships today.")
    await shop.gets(DANA)
    await shop.sees("accepted")
    return child


async def _armed_again(shop: Shop, point: str) -> asyncio.subprocess.Process:
    """Starts a bot that will be killed, and waits until it hears what agents type."""
    starts = shop.log().count("app.running")
    child = await _armed(shop, point)
    await shop.until(lambda: shop.log().count("app.running") > starts and shop.slack.connections >= 1, 20)
    return child


def _questions(shop: Shop) -> list[EmailMessage]:
    return [mail for mail in shop.inbox(DANA) if "/rate/" in plain(mail)]


def _rows(shop: Shop) -> list[tuple[str, int | None, str | None]]:
    with sqlite3.connect(f"file:{shop.folder}/onethread.db?mode=ro", uri=True) as database:
        return database.execute("select state, score, comment from rating").fetchall()


def _link(shop: Shop, score: int) -> str:
    """A link of the question, as it leads to the bot here."""
    port = re.search(r"web: \{port: (\d+)\}", shop.config_path.read_text())
    assert port is not None
    found = re.findall(r"https://\S+", plain(_questions(shop)[0]))[score - 1]
    return str(found).replace(PUBLIC, f"http://127.0.0.1:{port[1]}")


async def _form(link: str) -> dict[str, str]:
    """What a person has filled in."""
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        (name,) = re.findall(r'name="form" value="(\w+)"', await answer.text())
    return {"score": "2", "comment": "Took a week.", "form": name}


async def _press(link: str, form: dict[str, str]) -> int | None:
    """Sends the form. None: the connection broke, and the browser says so."""
    try:
        async with aiohttp.ClientSession() as session, session.post(link, data=form) as answer:
            return answer.status
    except aiohttp.ClientError:
        return None


@pytest.mark.parametrize("point", ASKED)
async def test_killed_while_a_question_for_a_rating_goes_out(asking: Shop, point: str) -> None:
    shop = asking
    child = await _helped(shop)
    assert await shop.end(child) == 0, shop.log()
    child = await _armed_again(shop, point)
    await shop.types("agent1", "/resolve C1")
    await _crashes(shop, child, point)
    again = await _once_more(shop)
    try:

        def told() -> list[str]:
            return [post for post in shop.thread() if "sked for a rating" in post or "Asking" in post]

        await shop.until(told, 25)
        await asyncio.sleep(1.0)  # a second copy would come now
        assert len(told()) == 1, shop.thread()
        assert len(_rows(shop)) == 1
        uncertain = "may not have arrived" in told()[0]
        assert uncertain == (point in IN_DOUBT), told()
        if "EmailAdapter.send:before" in point:
            assert not _questions(shop), "nobody knows, so it is not sent again"
        else:
            link = _link(shop, 2)
            assert await _press(link, await _form(link)) == 200
            await shop.sees("rated ★★☆☆☆ 2 of 5: “Took a week.”")
            assert _rows(shop) == [("answered", 2, "Took a week.")]
            assert len(_questions(shop)) == 1
    finally:
        assert await shop.end(again) == 0, shop.log()


@pytest.mark.parametrize("point", [*LOST, *KEPT])
async def test_killed_while_a_rating_is_stored(asking: Shop, point: str) -> None:
    shop = asking
    child = await _helped(shop)
    await shop.types("agent1", "/resolve C1")
    await shop.until(lambda: _questions(shop), 20)
    await shop.sees("Asked for a rating", seconds=20)
    assert await shop.end(child) == 0, shop.log()
    child = await _armed_again(shop, point)
    link = _link(shop, 2)
    form = await _form(link)
    await _press(link, form)
    await _crashes(shop, child, point)
    again = await _once_more(shop)
    try:
        if point in LOST:
            assert _rows(shop) == [("asked", None, None)]
        else:
            await shop.sees("rated ★★☆☆☆ 2 of 5: “Took a week.”", seconds=25)
        assert await _press(link, form) == 200, "the browser sends the same form again"
        await shop.sees("rated ★★☆☆☆ 2 of 5: “Took a week.”", seconds=25)
        await asyncio.sleep(1.0)  # a second copy would come now
        assert sum(" rated " in post for post in shop.thread()) == 1, shop.thread()
        assert _rows(shop) == [("answered", 2, "Took a week.")]
        assert len(_questions(shop)) == 1
    finally:
        assert await shop.end(again) == 0, shop.log()
