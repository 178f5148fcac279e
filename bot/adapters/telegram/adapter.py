"""The adapter of one Telegram bot: private chats with customers, by polling or webhook.

An update is done when `accept` has returned: only then is its offset confirmed or its webhook answered. One that nobody
can read becomes Unreadable and the next one flows. Replies go out with entities, never with a parse mode; a chat that has
moved is found under its new id.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import telegram
from telegram import ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, TelegramError

from bot.adapters.telegram import asking, outgoing, ways, wire
from bot.adapters.telegram.entities import to_entities
from bot.adapters.telegram.errors import adapter_error, repeatable, send_error
from bot.adapters.telegram.inbound import Inbound
from bot.adapters.telegram.outgoing import OutFile
from bot.adapters.telegram.parse import CHANNEL as NAME
from bot.adapters.telegram.parse import remote_id
from bot.adapters.telegram.polling import Poller
from bot.adapters.telegram.settings import TelegramSettings, label, own_addresses
from bot.adapters.telegram.state import Chats
from bot.adapters.telegram.webhook import Webhook
from bot.adapters.telegram.wire import Flood
from bot.capabilities import Capabilities, FileRules, Support, Unit
from bot.contract import AdapterContext, Channel
from bot.errors import AdapterError, AuthenticationFailed, ConnectionLost, PermanentFailure, StorageError
from bot.messages import Attachment, Event, Message, Part, Rated, Receipt, RemoteId, Reply, SpanKind

RETRY_FIRST, RETRY_MOST = 1.0, 60.0
"""Seconds between attempts to reach Telegram."""
TOKEN_FIRST, TOKEN_MOST = 15.0, 600.0
"""Seconds between attempts while the token is refused."""

CAPABILITIES = Capabilities(
    channel=NAME,
    max_text=4096,
    unit=Unit.UTF16,
    spans=frozenset(SpanKind),
    files=FileRules(max_bytes=50_000_000, per_message=10, max_total=50_000_000, caption=1024),
    edit=Support.FULL,
    delete=Support.FULL,
    can_initiate=False,
    receipts="accepted",
    rate=30.0,
    thread_interval=1.0,
    live=True,
    asks=True,
)


class TelegramAdapter:
    """One inbox. `run` reads until cancelled; `send`, `edit`, `delete` and `typing` may be called meanwhile."""

    def __init__(self, settings: TelegramSettings, context: AdapterContext) -> None:
        self._settings = settings
        self._context = context
        self._client: wire.Client | None = None
        self._making = asyncio.Lock()
        self._chats = Chats(context.state)
        self._inbound = Inbound(settings, context, self._chats)
        self._webhook = Webhook(settings, context, self._bot, self._inbound, self._take)
        self._pause = RETRY_FIRST
        self._username: str | None = None
        if settings.mode == "webhook" and context.routes is not None:
            context.routes.add("POST", "webhook", self._webhook.handle)

    @property
    def capabilities(self) -> Capabilities:
        """What Telegram can carry."""
        return CAPABILITIES

    async def check(self) -> None:
        """Ask Telegram who we are. Raises AdapterError with the cure."""
        if self._settings.mode == "webhook" and self._context.routes is None:
            raise AdapterError("mode: webhook needs the bot's web server; start it with `onethread run`.")
        try:
            await self._learn_name()
        except TelegramError as problem:
            raise adapter_error(problem) from problem

    async def close(self) -> None:
        """Give back connections."""
        self._webhook.closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _bot(self) -> telegram.Bot:
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(wire.Client, self._settings)  # reads certificates
            return self._client.bot

    def link(self, code: str) -> str | None:
        """A link that opens the chat and brings the code with Start; None until Telegram has told our name."""
        return f"https://t.me/{self._username}?start={code}" if self._username else None

    async def _learn_name(self) -> None:
        self._username = (await (await self._bot()).get_me()).username

    # -- reading ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read until cancelled."""
        failures = 0
        conflict = False

        async def healthy() -> None:
            nonlocal failures
            failures = 0
            await self._context.status(None)

        while True:
            try:
                if self._username is None:
                    await self._learn_name()
                if self._settings.mode == "webhook":
                    await self._webhook.run()
                else:
                    await self._poll(healthy, quick=not conflict)
            except (TelegramError, StorageError, OSError) as problem:
                conflict = isinstance(problem, Conflict)
                failures += 1
                await self._tell(problem, failures)
            await asyncio.sleep(self._pause)

    async def _poll(self, healthy: Any, *, quick: bool) -> None:
        bot = await self._bot()
        await bot.delete_webhook(drop_pending_updates=False)  # Telegram refuses polls while there is one

        async def ask(offset: int | None, timeout: int) -> list[Any]:
            return await wire.get_updates(bot, offset, timeout, self._settings.timeout)

        async def make(raws: Sequence[Any]) -> Event | None:
            return await self._inbound.event(bot, raws)

        poller = Poller(
            self._context,
            ask,
            make,
            self._take,
            poll_timeout=self._settings.poll_timeout,
            healthy=healthy,
        )
        await poller.run(quick=quick)

    async def _take(self, raws: Sequence[Any], event: Event | None, cursor: str | None) -> None:
        """Accept what some updates mean; what cannot be taken is kept as unreadable, and the next one flows."""
        if event is None:
            return
        try:
            accepted = await self._context.accept(event, cursor=cursor)
            if isinstance(event, Rated) and "callback_query" in raws[0]:
                await asking.thank(await self._bot(), raws[0])
            if accepted.joined is not None and isinstance(event, Message) and event.thread_key is not None:
                await ways.welcome(await self._bot(), int(event.thread_key), joined=accepted.joined)
        except (StorageError, OSError):
            raise  # nothing is wrong with the update: it waits
        except Exception as problem:
            reason = f"it could not be taken ({type(problem).__name__})"
            await self._context.accept(await self._inbound.unreadable(raws, reason), cursor=cursor)

    async def _tell(self, problem: Exception, failures: int) -> None:
        """Choose the pause before the next attempt, and say what is wrong unless it may be a passing cut."""
        self._pause = _backoff(failures, RETRY_FIRST, RETRY_MOST)
        if not isinstance(problem, TelegramError):
            return  # the core knows better than we do
        if isinstance(problem, Flood):
            self._pause = problem.seconds
        told = adapter_error(problem)
        if isinstance(told, AuthenticationFailed):
            self._pause = _backoff(failures, TOKEN_FIRST, TOKEN_MOST)
        if failures > 1 or not isinstance(told, ConnectionLost):
            await self._context.status(str(told))

    # -- sending ---------------------------------------------------------------------------------------

    async def send(self, reply: Reply, part: Part) -> Receipt:
        """Send one part, the first one as an answer to the message that it answers."""
        files = [await self._file(attachment) for attachment in part.attachments]
        chat = await self._chats.where(reply.thread_key or reply.to.address)
        ask = reply.ask if part.number == part.of - 1 else None
        answers = _answers(reply, chat) if part.number == 0 and ask is None else None
        text, buttons = (asking.words(ask, part.text), asking.keyboard(ask)) if ask else (part.text, None)
        try:
            bot = await self._bot()
            try:
                sent = await outgoing.send(bot, _number(chat), text, files, answers, buttons)
            except ChatMigrated as moved:  # refused, so nothing was sent
                await self._chats.moved(chat, str(moved.new_chat_id))
                sent = await outgoing.send(bot, moved.new_chat_id, text, files, None, buttons)
        except TelegramError as problem:
            raise send_error(problem) from problem
        return _receipt(sent)

    async def edit(self, reply: Reply, part: Part, remote_id: RemoteId) -> Receipt:
        """Change the words of a message that was sent. Done twice it does no harm."""
        chat, number = _place(remote_id)
        entities = to_entities(part.text)
        try:
            bot = await self._bot()
            if part.attachments:
                await bot.edit_message_caption(
                    chat, number, caption=part.text.plain, caption_entities=entities
                )
            else:
                await bot.edit_message_text(
                    part.text.plain, chat_id=chat, message_id=number, entities=entities
                )
        except BadRequest as problem:
            if "message is not modified" not in str(problem).lower():
                raise send_error(problem) from problem
        except TelegramError as problem:
            raise repeatable(send_error(problem)) from problem
        return Receipt((remote_id,), datetime.now(UTC), thread_key=str(chat))

    async def delete(self, reply: Reply, remote_id: RemoteId) -> None:
        """Take a message back. One that is gone already counts as taken back."""
        chat, number = _place(remote_id)
        try:
            await (await self._bot()).delete_message(chat, number)
        except BadRequest as problem:
            if "message to delete not found" not in str(problem).lower():
                raise send_error(problem) from problem
        except TelegramError as problem:
            raise repeatable(send_error(problem)) from problem

    async def typing(self, thread_key: str | None, address: str) -> None:
        """Show "typing…" for some seconds."""
        chat = await self._chats.where(thread_key or address)
        try:
            await (await self._bot()).send_chat_action(_number(chat), "typing")
        except TelegramError as problem:
            raise repeatable(send_error(problem)) from problem

    async def _file(self, attachment: Attachment) -> OutFile:
        if attachment.blob is None:
            raise PermanentFailure(f"the file {attachment.name} has no bytes to send")
        try:
            data = await self._context.blobs.get(attachment.blob)
        except KeyError as problem:
            raise PermanentFailure(f"the file {attachment.name} has been erased") from problem
        return OutFile(attachment.name, attachment.media_type, data)


def _answers(reply: Reply, chat: str) -> ReplyParameters | None:
    """The quote; none where the message is of another chat or channel."""
    quoted = reply.reply_to.remote_id if reply.reply_to is not None else None
    where, _, number = (quoted or "").rpartition(":")
    if where != chat or not number.isdigit():
        return None
    return ReplyParameters(int(number), allow_sending_without_reply=True)


def _receipt(sent: Sequence[telegram.Message]) -> Receipt:
    ids = tuple(remote_id(message.chat.id, message.message_id) for message in sent)
    return Receipt(ids, sent[0].date, thread_key=str(sent[0].chat.id))


def _place(name: RemoteId) -> tuple[int, int]:
    chat, _, number = name.rpartition(":")
    if not number.isdigit():
        raise PermanentFailure("this is not a message of Telegram")
    return _number(chat), int(number)


def _number(chat: str) -> int:
    try:
        return int(chat)
    except ValueError:
        raise PermanentFailure(f"{chat!r} is not a Telegram chat") from None


def _backoff(failures: int, first: float, most: float) -> float:
    """Doubling, at most `most`, with a fifth of chance so that many inboxes do not come at once."""
    return float(min(first * 2 ** min(failures - 1, 20), most) * random.uniform(0.8, 1.2))


def build(settings: TelegramSettings, context: AdapterContext) -> TelegramAdapter:
    """The adapter of an inbox."""
    return TelegramAdapter(settings, context)


CHANNEL = Channel(
    name=NAME,
    icon=":iphone:",
    settings=TelegramSettings,
    build=build,
    addresses=own_addresses,
    label=label,
    title="Telegram",
    answer_within=300.0,
)
"""What the entry point `telegram` in the group `onethread.adapters` offers."""
