"""A shop for stories: the real bot from an ordinary app.yaml, between the Slack stand-in and a real mail server.

Customers write real mails; agents act in Slack with tokens of their own; what they see is read as they would see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import aiosmtplib

from bot import app as composition
from bot import config as configuration
from bot.app import App
from bot.sandbox.mail import MailStandIn
from bot.sandbox.slack import Person, SlackStandIn
from bot.storage import inboxes
from tests.flows.seen import read

DANA, OMAR = "customer1@mail.example", "customer2@mail.example"
SUPPORT, PRESS = "support@shop.example", "press@shop.example"
SECRET = "a-key-for-stories-that-is-long-enough-0123456789"

CONFIG = """\
slack:
  bot_token: ${{SLACK_BOT_TOKEN}}
  app_token: ${{SLACK_APP_TOKEN}}
  api_url: {api}
teams:
  support:
    name: Shop Support
    slack_channel: {support}
    members: [{agent1}, {agent2}]
    leads: [{lead}]
    undo_seconds: {undo}
  press:
    name: Shop Press
    slack_channel: {press}
    members: [{agent2}]
    undo_seconds: {undo}
inboxes:
  support-mail:
    channel: email
    team: support
    address: support@shop.example
    authserv_id: mx.shop.example
    poll: 5
    imap: {{host: 127.0.0.1, port: {imap}, user: support@shop.example, password: "${{SUPPORT_PASSWORD}}", tls: none}}
    smtp: {{host: 127.0.0.1, port: {smtp}, user: support@shop.example, password: "${{SUPPORT_PASSWORD}}", tls: none}}
  press-mail:
    channel: email
    team: press
    address: press@shop.example
    authserv_id: mx.shop.example
    poll: 5
    imap: {{host: 127.0.0.1, port: {imap}, user: press@shop.example, password: "${{PRESS_PASSWORD}}", tls: none}}
    smtp: {{host: 127.0.0.1, port: {smtp}, user: press@shop.example, password: "${{PRESS_PASSWORD}}", tls: none}}
secret_key: ${{ONETHREAD_SECRET_KEY}}
database: {{url: "{database}"}}
data_dir: {folder}
pace: {{channel_per_second: 200, channel_burst: 50, workspace_per_second: 500, workspace_burst: 100,
       card_updates_per_minute: 6000, card_delay_seconds: 0.05}}
web: {{port: 0}}
log: {{level: info, format: console}}
"""


class Shop:
    """Everything around the bot. ``undo`` in seconds."""

    def __init__(
        self,
        folder: Path,
        *,
        undo: float = 0.3,
        database: str | None = None,
        people: dict[str, Person] | None = None,
    ) -> None:
        self.folder = folder
        self.undo = undo
        self.database = database or f"sqlite:///{folder}/onethread.db"
        self.slack = SlackStandIn(rates=False, people=people, clock_scale=20.0)  # Slack's minute is 3 s
        self.mail = MailStandIn()
        self.bot: App | None = None
        self._children: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Shop:
        await self.slack.start()
        await self.mail.start()
        self.write_config()
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in self._children:
            if child.returncode is None:
                child.kill()
                await child.wait()
        await self.mail.stop()
        await self.slack.stop()

    @property
    def config_path(self) -> Path:
        return self.folder / "app.yaml"

    def write_config(self, **more: str) -> None:
        people, channels = self.slack.people, self.slack.channels
        text = CONFIG.format(
            api=self.slack.api_url,
            support=channels["support"].id,
            press=channels["press"].id,
            agent1=people["agent1"].id,
            agent2=people["agent2"].id,
            lead=people["lead"].id,
            undo=self.undo,
            imap=self.mail.imap_port,
            smtp=self.mail.smtp_port,
            database=self.database,
            folder=self.folder,
        )
        for old, new in more.items():
            text = text.replace(old, new)
        self.config_path.write_text(text)

    def environment(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SUPPORT_PASSWORD": self.mail.mailboxes[SUPPORT],
            "PRESS_PASSWORD": self.mail.mailboxes[PRESS],
            "ONETHREAD_SECRET_KEY": SECRET,
        }

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[App]:
        """The real bot, in this process."""
        loaded = configuration.load(self.config_path, self.environment())
        async with composition.starting(loaded) as made:
            self.bot = made
            running = asyncio.create_task(made.run())
            try:
                async with asyncio.timeout(10):
                    await made.sockets.ready.wait()
                await self.listening(made)
                yield made
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                self.bot = None

    async def listening(self, made: App) -> None:
        """Each mailbox has been looked at once, so that a mail that comes now is new."""
        async with asyncio.timeout(10):
            while len(await made.database.read(inboxes.statuses)) < len(made.adapters):
                await asyncio.sleep(0.02)

    async def child(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """The real bot, in a process of its own."""
        command = arguments or (sys.executable, "-m", "bot", "run", "--config", str(self.config_path))
        with (self.folder / "bot.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **self.environment(), **environment},
            )
        self._children.append(child)
        return child

    async def end(self, child: asyncio.subprocess.Process) -> int:
        """Ends a child as an operator would; it must be gone within 10 s."""
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(child.wait(), 12)

    def log(self) -> str:
        """What the child has said."""
        path = self.folder / "bot.log"
        return path.read_text() if path.exists() else ""

    # Customers

    async def mails(
        self,
        sender: str,
        body: str,
        *,
        to: str = SUPPORT,
        subject: str = "Hello",
        name: str = "Dana Petrov",
        answering: EmailMessage | None = None,
        files: Iterable[tuple[str, bytes]] = (),
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """A customer sends a real mail over SMTP."""
        message = EmailMessage()
        message["From"] = f"{name} <{sender}>"
        message["Message-ID"] = make_msgid(domain="mail.example")
        message["Date"] = email.utils.localtime()
        if answering is not None:
            message["To"] = str(answering["Reply-To"] or answering["From"])
            message["Subject"] = f"Re: {answering['Subject']}"
            message["In-Reply-To"] = str(answering["Message-ID"])
            before = str(answering["References"] or "")
            message["References"] = f"{before} {answering['Message-ID']}".strip()
        else:
            message["To"] = to
            message["Subject"] = subject
        for key, value in (headers or {}).items():
            message[key] = value
        message.set_content(body)
        for file, data in files:
            message.add_attachment(data, maintype="application", subtype="octet-stream", filename=file)
        await aiosmtplib.send(
            message,
            hostname="127.0.0.1",
            port=self.mail.smtp_port,
            start_tls=False,
            username=sender if sender in self.mail.mailboxes else None,
            password=self.mail.mailboxes.get(sender),
        )
        return message

    def inbox(self, address: str) -> list[EmailMessage]:
        """What lies in a customer's mailbox."""
        raw = self.mail.messages(address)
        return [email.message_from_bytes(one, policy=email.policy.default) for one in raw]  # type: ignore[misc]

    async def gets(self, address: str, count: int = 1, seconds: float = 10) -> EmailMessage:
        """Waits until a customer has so many mails; gives the newest."""
        await self.until(lambda: len(self.inbox(address)) >= count, seconds)
        return self.inbox(address)[-1]

    # Agents

    async def types(self, who: str, command: str, channel: str = "support", **more: Any) -> dict[str, Any]:
        """An agent types a slash command."""
        return await self.slack.act(who, "chat.command", channel=channel, command=command, **more)

    async def writes(self, who: str, text: str, thread: str, channel: str = "support") -> dict[str, Any]:
        """An agent writes in a thread."""
        return await self.slack.act(who, "chat.postMessage", channel=channel, text=text, thread_ts=thread)

    async def presses(
        self, who: str, ts: str, action: str, channel: str = "support", **more: Any
    ) -> dict[str, Any]:
        """An agent presses a button of a message. ``action`` may be the beginning of its id."""
        return await self.slack.act(who, "blocks.actions", channel=channel, ts=ts, action_id=action, **more)

    # What is seen

    def roots(self, channel: str = "support") -> list[dict[str, Any]]:
        """The cards of a channel."""
        return [
            m
            for m in self.slack.messages(channel)
            if m.get("thread_ts") in (None, m["ts"]) and m.get("bot_id")
        ]

    def card(self, name: str = "Dana Petrov", channel: str = "support") -> dict[str, Any] | None:
        """The newest card that names a customer."""
        cards = [m for m in self.roots(channel) if name in read(m)]
        return cards[-1] if cards else None

    def thread(self, name: str = "Dana Petrov", channel: str = "support") -> list[str]:
        """What a customer's thread shows under the card, each post as text."""
        card = self.card(name, channel)
        if card is None:
            return []
        return [read(m) for m in self.slack.thread(channel, card["ts"])[1:]]

    async def sees(
        self, words: str, name: str = "Dana Petrov", channel: str = "support", seconds: float = 10
    ) -> str:
        """Waits until a customer's thread shows these words; gives the post."""
        found: list[str] = []

        def look() -> bool:
            found[:] = [post for post in self.thread(name, channel) if words in post]
            return bool(found)

        try:
            await self.until(look, seconds)
        except TimeoutError:
            raise AssertionError(
                f"nobody sees {words!r}; the thread shows {self.thread(name, channel)}"
            ) from None
        return found[-1]

    async def until(self, predicate: Callable[[], Any], seconds: float = 10) -> Any:
        """Waits until something is so."""
        async with asyncio.timeout(seconds):
            while not (result := predicate()):
                await asyncio.sleep(0.02)
        return result

    def whispered(self, who: str) -> list[str]:
        """What only one person was shown, as text."""
        return [read(message) for message in self.slack.people[who].ephemerals]
