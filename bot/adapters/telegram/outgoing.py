"""Sending: which method carries a part, and the call itself. One part is one call, so that it is sent whole or not at all.

Pictures and videos travel together, sound with sound; any other mixture goes as documents, because Telegram's albums hold
one kind. A picture that Telegram cannot show (too large, odd proportions) goes as a document too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import telegram
from telegram import (
    InlineKeyboardMarkup,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    ReplyParameters,
)
from telegram.error import BadRequest

from bot.adapters.telegram.entities import to_entities
from bot.adapters.telegram.wire import FILE_SECONDS
from bot.messages import Text

PHOTO_LIMIT = 10 * 1024 * 1024
"""Bytes of a picture that Telegram shows as one."""
_PHOTOS = frozenset(("image/jpeg", "image/png", "image/webp"))
_VIDEOS = frozenset(("video/mp4",))
_SOUNDS = frozenset(("audio/mpeg", "audio/mp4", "audio/x-m4a", "audio/m4a"))
_NOT_A_PHOTO = ("photo_", "image_process_failed", "too big file for a photo")


@dataclass(frozen=True, slots=True)
class OutFile:
    """A file with its bytes."""

    name: str
    media_type: str
    data: bytes

    @property
    def kind(self) -> str:
        """``photo``, ``video``, ``audio`` or ``document``."""
        if self.media_type in _PHOTOS and len(self.data) <= PHOTO_LIMIT:
            return "photo"
        if self.media_type in _VIDEOS:
            return "video"
        return "audio" if self.media_type in _SOUNDS else "document"


async def send(
    bot: telegram.Bot,
    chat: int,
    text: Text,
    files: Sequence[OutFile],
    answers: ReplyParameters | None,
    buttons: InlineKeyboardMarkup | None = None,
) -> tuple[telegram.Message, ...]:
    """Send text, with buttons where there are some, or files with a caption. Raises ``TelegramError``."""
    if not files:
        entities = to_entities(text)
        sent = await bot.send_message(
            chat, text.plain, entities=entities, reply_parameters=answers, reply_markup=buttons
        )
        return (sent,)
    try:
        return await _send_files(bot, chat, text, files, answers, kinds(files))
    except BadRequest as problem:
        if not any(word in str(problem).lower() for word in _NOT_A_PHOTO) or "photo" not in kinds(files):
            raise
    return await _send_files(bot, chat, text, files, answers, ("document",) * len(files))


def kinds(files: Sequence[OutFile]) -> tuple[str, ...]:
    """How each file travels."""
    wanted = {file.kind for file in files}
    if len(files) == 1 or wanted <= {"photo", "video"} or len(wanted) == 1:
        return tuple(file.kind for file in files)
    return ("document",) * len(files)


async def _send_files(
    bot: telegram.Bot,
    chat: int,
    text: Text,
    files: Sequence[OutFile],
    answers: ReplyParameters | None,
    how: Sequence[str],
) -> tuple[telegram.Message, ...]:
    if len(files) > 1:
        media = [
            _medium(file, kind, text if number == 0 else Text())
            for number, (file, kind) in enumerate(zip(files, how, strict=True))
        ]
        return await bot.send_media_group(chat, media, reply_parameters=answers, read_timeout=FILE_SECONDS)
    return (await _send_one(bot, chat, text, files[0], answers, how[0]),)


def _medium(
    file: OutFile, kind: str, text: Text
) -> InputMediaPhoto | InputMediaVideo | InputMediaAudio | InputMediaDocument:
    caption, entities = text.plain or None, to_entities(text) or None
    if kind == "photo":
        return InputMediaPhoto(file.data, caption, caption_entities=entities, filename=file.name)
    if kind == "video":
        return InputMediaVideo(
            file.data, caption, caption_entities=entities, filename=file.name, supports_streaming=True
        )
    if kind == "audio":
        return InputMediaAudio(file.data, caption, caption_entities=entities, filename=file.name)
    return InputMediaDocument(
        file.data,
        caption,
        caption_entities=entities,
        filename=file.name,
        disable_content_type_detection=True,
    )


async def _send_one(
    bot: telegram.Bot, chat: int, text: Text, file: OutFile, answers: ReplyParameters | None, kind: str
) -> telegram.Message:
    caption, entities = text.plain or None, to_entities(text) or None
    if kind == "photo":
        return await bot.send_photo(
            chat,
            file.data,
            caption,
            caption_entities=entities,
            filename=file.name,
            reply_parameters=answers,
            read_timeout=FILE_SECONDS,
        )
    if kind == "video":
        return await bot.send_video(
            chat,
            file.data,
            caption=caption,
            caption_entities=entities,
            filename=file.name,
            supports_streaming=True,
            reply_parameters=answers,
            read_timeout=FILE_SECONDS,
        )
    if kind == "audio":
        return await bot.send_audio(
            chat,
            file.data,
            caption=caption,
            caption_entities=entities,
            filename=file.name,
            reply_parameters=answers,
            read_timeout=FILE_SECONDS,
        )
    return await bot.send_document(
        chat,
        file.data,
        caption=caption,
        caption_entities=entities,
        filename=file.name,
        disable_content_type_detection=True,
        reply_parameters=answers,
        read_timeout=FILE_SECONDS,
    )
