"""Stories of the chat on the shop's page, with the real bot: a visitor chats, the agent answers from a thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app import App
from tests.flows.seen import read
from tests.flows.shop import DANA, Shop

ORIGIN = "http://127.0.0.1:8099"
INBOX = f"""\
inboxes:
  shop-chat:
    channel: site
    team: support
    origins: ["{ORIGIN}"]
    mail_after_minutes: 0.02
"""


class Visitor:
    """A browser tab, as far as the wire goes. Keeps its token, and each message once, as the widget does."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/channels/shop-chat/ws"
        self.token: str | None = None
        self.items: dict[str, dict[str, Any]] = {}
        self.frames: list[dict[str, Any]] = []
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None

    async def arrive(self, **more: str) -> None:
        """Opens the chat, with what is known from before."""
        self._socket = await self._session.ws_connect(self._url, headers={"Origin": ORIGIN})
        after = max((item.get("n", 0) for item in self.items.values()), default=0)
        hello = {"t": "hello", "v": 1, "after": after, **more}
        await self._socket.send_json(hello | ({"token": self.token} if self.token else {}))
        self._reader = asyncio.create_task(self._read())
        await self.until(lambda: any(frame["t"] == "ready" for frame in self.frames))

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            frame = json.loads(message.data)
            self.frames.append(frame)
            if frame.get("token"):
                self.token = frame["token"]
                await self._socket.send_json({"t": "kept"})
            for item in frame.get("items", ()):
                self.items[item["id"]] = {**self.items.get(item["id"], {}), **item}

    async def leave(self) -> None:
        """Loses the network."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        self.frames.clear()

    async def send(self, **frame: Any) -> None:
        assert self._socket is not None
        await self._socket.send_json(frame)

    async def until(self, predicate: Any, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not predicate():
                await asyncio.sleep(0.02)

    def heard(self) -> list[str]:
        return [item["text"] for item in self.items.values() if item["from"] == "team"]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with Shop(tmp_path) as opened:
        opened.write_config(**{"inboxes:\n": INBOX})
        yield opened


async def _listening(made: App) -> int:
    async with asyncio.timeout(5):
        while not made.web_port:
            await asyncio.sleep(0.01)
    return made.web_port


async def test_a_visitor_chats_and_nobody_notices_the_network(shop: Shop) -> None:
    async with shop.open() as made, aiohttp.ClientSession() as session:
        visitor = Visitor(session, await _listening(made))
        await visitor.arrive()
        assert shop.roots() == []  # a thread appears with the first words, not before
        await visitor.send(t="say", id="first-0001", text="Is the blue one in stock?")
        await visitor.until(lambda: any(f["t"] == "sent" for f in visitor.frames))
        await visitor.send(
            t="say", id="first-0001", text="Is the blue one in stock?"
        )  # repeated after a hiccup
        await shop.until(shop.roots)
        card = shop.roots()[0]
        thread = shop.slack.thread("support", card["ts"])
        await shop.until(
            lambda: "blue one" in "\n".join(read(m) for m in shop.slack.thread("support", card["ts"])[1:])
        )
        await shop.writes("agent1", "! Yes, three of them.", card["ts"])
        await visitor.until(lambda: "Yes, three of them." in visitor.heard())
        await visitor.leave()
        await shop.writes("agent1", "! Shall I put one aside?", card["ts"])
        await shop.until(lambda: len(shop.slack.thread("support", card["ts"])) > len(thread))
        await asyncio.sleep(1.0)
        await visitor.arrive()
        await visitor.until(lambda: len(visitor.heard()) == 2)
        assert visitor.heard() == ["Yes, three of them.", "Shall I put one aside?"]
        key = next(item["id"] for item in visitor.items.values() if "aside" in item["text"])
        await visitor.send(t="seen", ids=[key])
        said = [read(m) for m in shop.slack.thread("support", card["ts"])]
        assert sum("blue one" in post for post in said[1:]) == 1
        await visitor.leave()


async def test_an_answer_that_nobody_saw_goes_by_mail(shop: Shop) -> None:
    async with shop.open() as made, aiohttp.ClientSession() as session:
        visitor = Visitor(session, await _listening(made))
        await visitor.arrive()
        await visitor.send(t="say", id="first-0001", text="Do you ship to Malta?")
        await visitor.until(lambda: any(f["t"] == "sent" for f in visitor.frames))
        await visitor.send(t="address", id="addr-00001", email=DANA)
        await visitor.until(lambda: any(f["t"] == "address" for f in visitor.frames))
        await visitor.leave()
        await shop.until(shop.roots)
        card = shop.roots()[0]
        await shop.writes("agent1", "! We do, in five days.", card["ts"])
        got = await shop.gets(DANA, seconds=20)
        assert "We do, in five days." in got.as_string()
        await shop.until(
            lambda: "Not seen for" in "\n".join(read(m) for m in shop.slack.thread("support", card["ts"]))
        )
        answer = await shop.mails(DANA, "Great, thank you", answering=got)
        assert answer is not None
        await shop.until(
            lambda: "Great, thank you" in "\n".join(read(m) for m in shop.slack.thread("support", card["ts"]))
        )
        assert len(shop.roots()) == 1
        await visitor.arrive()  # back in the chat: the answer is there too
        await visitor.until(lambda: visitor.heard() == ["We do, in five days."])
        await visitor.leave()
