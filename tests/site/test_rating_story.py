"""Asking in the chat with the real bot: resolved in Slack, a button in the widget, stars in the thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from tests.flows.seen import read
from tests.flows.shop import Shop
from tests.flows.test_chat_story import INBOX, Visitor
from tests.flows.test_reminder_story import configure

ASKING = """
ratings:
  not_again_days: 0
  inboxes:
    shop-chat: {ask: true, after: 0 min}
"""


def asks(visitor: Visitor) -> list[dict[str, Any]]:
    return [item for item in visitor.items.values() if "ask" in item]


async def test_a_visitor_is_asked_after_they_left(tmp_path: Path) -> None:
    async with Shop(tmp_path) as shop:
        configure(shop, ASKING, **{"inboxes:\n": INBOX})
        async with shop.open() as made, aiohttp.ClientSession() as session:
            visitor = Visitor(session, made.web_port)
            await visitor.arrive()
            await visitor.send(t="say", id="first-0001", text="Is the blue one in stock?")
            await shop.until(shop.roots)
            card = shop.roots()[0]

            def said() -> str:
                return "\n".join(read(one) for one in shop.slack.thread("support", card["ts"]))

            await shop.writes("agent1", "! Yes, three of them.", card["ts"])
            await visitor.until(lambda: "Yes, three of them." in visitor.heard())
            await visitor.leave()
            await shop.types("agent1", "/resolve C1")
            await shop.until(lambda: "Asked for a rating" in said())
            await visitor.arrive()
            await visitor.until(lambda: asks(visitor))
            (item,) = asks(visitor)
            assert item["text"] == "How was our help?"
            assert item["ask"]["great"] == "great"
            await visitor.send(t="rate", id=item["id"], score=5)
            await shop.until(lambda: "rated ★★★★★ 5 of 5" in said())
            await visitor.send(t="rate", id=item["id"], comment="Kind people.")
            await shop.until(lambda: "“Kind people.”" in said())
            await visitor.leave()
            visitor.items.clear()
            await visitor.arrive()
            await visitor.until(lambda: any(frame["t"] == "ready" for frame in visitor.frames))
            again = [one["ask"] for one in asks(visitor)] + [
                frame["ask"] for frame in visitor.frames if frame["t"] == "rated"
            ]
            assert (again[-1]["score"], again[-1]["said"]) == (5, True)
            await visitor.leave()
