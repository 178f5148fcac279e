"""Asking in the chat with the real bot: resolved in Slack, a button in the widget, stars in the thread."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aiohttp

from tests.email.test_rating_story import PUBLIC, plain
from tests.flows.seen import read
from tests.flows.shop import DANA, Shop
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


async def test_a_question_that_nobody_saw_goes_by_mail_with_links(tmp_path: Path) -> None:
    public = f"    address: support@shop.example\n    public_url: {PUBLIC}\n"
    async with Shop(tmp_path) as shop:
        changes = {"inboxes:\n": INBOX, "    address: support@shop.example\n": public}
        configure(shop, ASKING, **changes)
        async with shop.open() as made, aiohttp.ClientSession() as session:
            visitor = Visitor(session, made.web_port)
            await visitor.arrive()
            await visitor.send(t="say", id="first-0001", text="Do you ship to Malta?")
            await visitor.until(lambda: any(frame["t"] == "sent" for frame in visitor.frames))
            await visitor.send(t="address", id="addr-00001", email=DANA)
            await visitor.until(lambda: any(frame["t"] == "address" for frame in visitor.frames))
            await visitor.leave()
            await shop.until(shop.roots)
            card = shop.roots()[0]

            def said() -> str:
                return "\n".join(read(one) for one in shop.slack.thread("support", card["ts"]))

            await shop.writes("agent1", "! We do, in five days.", card["ts"])
            await shop.gets(DANA, seconds=20)
            await shop.types("agent1", "/resolve C1")
            asked = plain(await shop.gets(DANA, 2, seconds=20))
            links = re.findall(r"https://\S+/rate/\S+", asked)
            assert len(links) == 5 and "How was our help?" in asked
            await shop.until(lambda: f"the question for a rating goes by email to {DANA} as well" in said())
            here = links[3].replace(PUBLIC, f"http://127.0.0.1:{made.web_port}")
            async with session.post(here, data={"score": "4", "comment": "Quick."}) as answer:
                assert answer.status == 200
            await shop.until(lambda: "rated ★★★★☆ 4 of 5: “Quick.”" in said())
            await (
                visitor.arrive()
            )  # back in the chat, the question is there too, and its answer is the same rating's
            await visitor.until(lambda: asks(visitor))
            await visitor.send(t="rate", id=asks(visitor)[0]["id"], score=5)
            await shop.until(lambda: "rated ★★★★★ 5 of 5: “Quick.”" in said())
            assert said().count(" rated ") == 1
            await visitor.leave()
