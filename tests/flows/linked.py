"""A shop with mail, a chat whose site signs tokens, and a Telegram bot: one team, three channels."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import jwt
from typing_extensions import override

from bot.app import App
from bot.sandbox.telegram import TelegramStandIn
from tests.flows.seen import read
from tests.flows.shop import SUPPORT, Shop
from tests.flows.test_chat_story import ORIGIN, Visitor

KEY, OLD_KEY = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
PAGE = f"{ORIGIN}/help"
INBOXES = """\
inboxes:
  shop-chat:
    channel: site
    team: support
    name: the shop
    origins: ["{origin}"]
    page: "{page}"
    mail_after_minutes: 0
    identify:
      keys: ["${{CHAT_KEY}}", "${{CHAT_KEY_OLD}}"]
  phone:
    channel: telegram
    team: support
    name: "@shop_demo_bot"
    token: ${{TELEGRAM_TOKEN}}
    api_url: {api}
    poll_timeout: 5
"""


class LinkedShop(Shop):
    """The shop with all three."""

    telegram: TelegramStandIn

    @override
    def environment(self) -> dict[str, str]:
        keys = {"CHAT_KEY": KEY, "CHAT_KEY_OLD": OLD_KEY, "TELEGRAM_TOKEN": self.telegram.token}
        return {**super().environment(), **keys}

    @override
    def write_config(self, **more: str) -> None:
        inboxes = INBOXES.format(origin=ORIGIN, page=PAGE, api=self.telegram.url)
        links = "    poll: 5\n    links: [telegram, site]\n"
        super().write_config(**{"inboxes:\n": inboxes, "    poll: 5\n": links, **more})

    async def forges(
        self,
        sender: str,
        body: str,
        *,
        to: str = SUPPORT,
        subject: str = "Hello",
        verdict: str = "",
        **headers: str,
    ) -> None:
        """A mail in somebody's name from a server that may not send for them. ``verdict``: what ours says of the server."""
        self.mail.knobs.auth_results = verdict
        message = EmailMessage()
        message["From"] = f"Dana Petrov <{sender}>"
        message["Message-ID"] = make_msgid(domain="mail.example")
        message["Date"] = localtime()
        message["To"], message["Subject"] = to, subject
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(body)
        port = self.mail.smtp_port
        await aiosmtplib.send(
            message, sender="x@evil.example", hostname="127.0.0.1", port=port, start_tls=False
        )
        self.mail.knobs.auth_results = ""

    def everything(self, channel: str = "support") -> str:
        """All that the team sees in its channel."""
        return "\n".join(read(message) for message in self.slack.messages(channel))

    def posts(self, number: int = 0) -> list[str]:
        """What the thread of one card shows."""
        return [read(one) for one in self.slack.thread("support", self.roots()[number]["ts"])[1:]]

    def posts_of_others(self) -> list[str]:
        """What the threads of all but the oldest card show."""
        return [post for number in range(1, len(self.roots())) for post in self.posts(number)]

    async def in_thread(self, words: str, number: int = 0) -> str:
        """Waits until the thread of one card, by default the oldest, shows these words; gives the post."""

        def look() -> list[str]:
            cards = self.roots()
            return [one for one in self.posts(number) if words in one] if len(cards) > number else []

        try:
            found: list[str] = await self.until(look)
        except TimeoutError:
            raise AssertionError(f"nobody sees {words!r}; the thread shows {self.posts(number)}") from None
        return found[-1]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[LinkedShop]:
    """The shop, its bot not running yet."""
    shop = LinkedShop(folder)
    shop.telegram = TelegramStandIn()
    await shop.telegram.start()
    try:
        async with shop:
            yield shop
    finally:
        await shop.telegram.stop()


@asynccontextmanager
async def visiting(made: App) -> AsyncIterator[Visitors]:
    """Browsers on the shop's page."""
    while not made.web_port:  # the shop waits for every inbox, so this is soon
        await made.sockets.ready.wait()
    async with aiohttp.ClientSession() as session:
        visitors = Visitors(session, made.web_port)
        yield visitors
        for one in visitors.made:
            await one.leave()


class Visitors:
    """Browsers, each with what it keeps."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._port = port
        self.made: list[Visitor] = []

    async def come(self, signed: str | None = None, token: str | None = None) -> Visitor:
        """A browser opens the chat; ``signed`` is the site's word, ``token`` what the browser kept from before."""
        visitor = Visitor(self._session, self._port)
        self.made.append(visitor)
        visitor.token = token
        more = {"identity": signed, "device": secrets.token_hex(8)} if signed is not None else {}
        await visitor.arrive(**more)
        return visitor


async def says(visitor: Visitor, words: str, **more: str) -> None:
    """A visitor says something; it is on disk."""
    made = secrets.token_hex(8)
    await visitor.send(t="say", id=made, text=words, **more)
    await visitor.until(lambda: any(f["t"] == "sent" and f["id"] == made for f in visitor.frames))


def token(key: str = KEY, **changes: Any) -> str:
    """A token as the shop's server signs it; None takes a claim away."""
    now = time.time()
    claims: dict[str, Any] = {
        "aud": "shop-chat",
        "sub": "4711",
        "iat": int(now),
        "exp": int(now) + 600,
        "jti": secrets.token_hex(8),
        "name": "Dana Petrov",
        "email": "customer1@mail.example",
        "email_verified": True,
    }
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(claims, key, "HS256")
