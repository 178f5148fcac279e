"""One update's way in: raw JSON -> event, its files and itself in the blob store. What cannot be understood becomes Unreadable.

A file is fetched before its message is accepted. Telegram gives bots files of at most 20 MB; a larger one, and one that
cannot be had after some attempts, is named with the reason, so that its message does not wait for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
import telegram
from telegram.error import BadRequest, TelegramError

from bot.adapters.telegram import parse, ways
from bot.adapters.telegram.errors import said
from bot.adapters.telegram.kinds import RemoteFile
from bot.adapters.telegram.settings import TelegramSettings
from bot.adapters.telegram.state import Chats
from bot.contract import AdapterContext
from bot.errors import StorageError
from bot.messages import AddressChanged, Attachment, BlobId, Event, Message, SourceId, Text, Unreadable

log = structlog.get_logger(__name__)

DOWNLOAD_LIMIT = 20 * 1024 * 1024
"""Bytes of a file that Telegram gives to bots."""
DOWNLOADS = 4
"""Files fetched at a time: at most this many are in memory."""
ATTEMPTS, ATTEMPT_PAUSE = 5, 1.0
"""How often a file is tried, and the seconds after the first attempt; they double."""
FILE_SECONDS = 60.0
"""Seconds a download may be silent."""


class Inbound:
    """Turns raw updates into events for one inbox."""

    def __init__(self, settings: TelegramSettings, context: AdapterContext, chats: Chats) -> None:
        self._settings = settings
        self._context = context
        self._chats = chats
        self._downloads = asyncio.Semaphore(DOWNLOADS)

    async def event(self, bot: telegram.Bot, raws: Sequence[Any]) -> Event | None:
        """The event of one update, or of the several that make an album; None for what is not for us."""
        try:
            return await self._event(bot, raws)
        except (StorageError, OSError):
            raise  # nothing is wrong with the update: it waits
        except (
            Exception
        ) as problem:  # a library that cannot read it, a field of another shape: anything may come
            return await self.unreadable(raws, f"{type(problem).__name__}: {problem}"[:300])

    async def _event(self, bot: telegram.Bot, raws: Sequence[Any]) -> Event | None:
        asked = parse.menu(raws[0]) if len(raws) == 1 else None
        if asked is not None:
            await ways.menu(bot, self._context, *asked)
            return None
        own, groups = self._settings.bot_id, self._settings.allow_groups
        drafts = [parse.update(raw, own, groups=groups) for raw in raws]
        kept = [draft for draft in drafts if draft is not None]
        if not kept:
            return None
        if isinstance(kept[0], AddressChanged):
            await self._chats.moved(kept[0].old, kept[0].new)
        if not isinstance(kept[0], parse.Draft):
            return kept[0]  # nothing would name its raw form, so nobody could erase it
        blob = await self._context.blobs.put(parse.pack(raws[0] if len(raws) == 1 else list(raws)))
        return await self._message(bot, [one for one in kept if isinstance(one, parse.Draft)], blob)

    async def unreadable(self, raws: Sequence[Any], reason: str) -> Unreadable:
        """The event for updates that cannot be understood, kept as they came."""
        raw = raws[0] if len(raws) == 1 else list(raws)
        packed = parse.pack(raw)
        log.warning("telegram.unreadable", inbox=self._context.inbox, update=parse.update_id(raws[0]))
        return Unreadable(
            parse.unread_source(raws[0], packed),
            reason,
            datetime.now(UTC),
            await self._context.blobs.put(packed),
            parse.unread_sender(raws[0]),
        )

    async def unreadable_bytes(self, body: bytes, reason: str) -> Unreadable:
        """The event for something that is not even JSON."""
        source = SourceId(f"unreadable:{hashlib.sha256(body).hexdigest()[:32]}")
        return Unreadable(source, reason, datetime.now(UTC), await self._context.blobs.put(body))

    async def _message(self, bot: telegram.Bot, drafts: Sequence[parse.Draft], blob: BlobId) -> Message:
        message = album(drafts) if len(drafts) > 1 else drafts[0].message
        files = [file for draft in drafts for file in draft.files]
        attachments = tuple([await self._fetch(bot, file) for file in files])
        return replace(message, attachments=attachments, raw=blob)

    async def _fetch(self, bot: telegram.Bot, file: RemoteFile) -> Attachment:
        if file.size is not None and file.size > DOWNLOAD_LIMIT:
            return _missing(file, "Telegram gives files to bots up to 20 MB only; ask for it another way")
        attempt = 1
        while True:
            try:
                async with self._downloads:
                    found = await bot.get_file(file.file_id)
                    data = bytes(await found.download_as_bytearray(read_timeout=FILE_SECONDS))
                    blob = await self._context.blobs.put(data)
                return Attachment(file.name, file.media_type, len(data), blob)
            except StorageError:
                raise
            except TelegramError as problem:
                if isinstance(problem, BadRequest):
                    return _missing(file, f"Telegram does not give it out: {said(problem)}")
                if attempt >= ATTEMPTS:
                    return _missing(file, f"it could not be fetched from Telegram: {said(problem)}")
            await asyncio.sleep(ATTEMPT_PAUSE * 2 ** (attempt - 1))
            attempt += 1


def album(drafts: Sequence[parse.Draft]) -> Message:
    """One message of an album's parts: the words of all; it is called after the part that has the first words."""
    ordered = sorted(drafts, key=lambda draft: draft.message.source_id.rpartition(":")[2].zfill(20))
    messages = [draft.message for draft in ordered]
    first = messages[0]
    spoken = _different([message for message in messages if message.text])
    named = spoken[0] if spoken else first
    text = Text()
    for message in spoken:
        text = text + Text("\n\n") + message.text if text else message.text
    numbers = ",".join(message.source_id.rpartition(":")[2] for message in messages)
    digest = hashlib.sha256(numbers.encode()).hexdigest()[:16]
    source = SourceId(f"album:{first.source_id.partition(':')[2]}:{digest}")
    return replace(first, source_id=source, text=text, remote_id=named.remote_id)


def _different(messages: Sequence[Message]) -> list[Message]:
    """Without those whose words begin another's, as the line of a forwarded album does that stands on each part."""
    words = [message.text.plain for message in messages]
    return [
        message
        for at, message in enumerate(messages)
        if words[at] not in words[:at]
        and not any(other != words[at] and other.startswith(words[at]) for other in words)
    ]


def _missing(file: RemoteFile, problem: str) -> Attachment:
    return Attachment(file.name, file.media_type, file.size or 0, None, problem)
