"""Asking for a rating: five buttons below the question, and what comes of pressing one.

A button's data hold the score, the token and what is said when it is pressed, so nothing has to be kept here:
``rate:4:<token>:Thank you!``, 64 bytes at most. The buttons stay, with a mark on the one that was pressed: somebody may think
again. Who answers the question with words says why: the buttons of the answered message hold the token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import TelegramError

from bot.messages import Ask, Rated, SourceId, Text

log = structlog.get_logger(__name__)

SCORES = range(1, 6)
DATA = 64
"""Bytes of a button's data, Telegram's maximum."""
MARK = "✓ "
_DATA = re.compile(r"rate:([1-5]):([a-z2-7]{26}):(.*)\Z", re.DOTALL)


def words(ask: Ask, text: Text) -> Text:
    """The question with what the numbers mean, and that words are welcome."""
    return text + Text(f"\n1 = {ask.bad}, 5 = {ask.great}\n{ask.invite}")


def keyboard(ask: Ask) -> InlineKeyboardMarkup:
    """The five buttons."""
    return _row({score: _data(score, ask.token, ask.thanks) for score in SCORES}, None)


def _data(score: int, token: str, thanks: str) -> str:
    data = f"rate:{score}:{token}:"
    room = DATA - len(data.encode())
    return data + thanks.encode()[:room].decode(errors="ignore")


def _row(data: Mapping[int, str], chosen: int | None) -> InlineKeyboardMarkup:
    row = [
        InlineKeyboardButton(f"{MARK if score == chosen else ''}{score}", callback_data=data[score])
        for score in SCORES
    ]
    return InlineKeyboardMarkup([row])


def pressed(query: telegram.CallbackQuery) -> Rated | None:
    """The rating of a pressed button; None for any other button."""
    found = _DATA.match(query.data or "")
    if found is None:
        return None
    source = SourceId(f"button:{query.id}")
    return Rated(source, found[2], datetime.now(UTC), int(found[1]))


def said(message: telegram.Message, raw: Mapping[str, Any]) -> Rated | None:
    """Words about a rating: an answer to the question. None for anything else, and for words that ask something."""
    token = _token(raw.get("reply_to_message"))
    if token is None or not message.text or "?" in message.text or message.forward_origin is not None:
        return None
    source = SourceId(f"message:{message.chat.id}:{message.message_id}")
    return Rated(source, token, message.date, None, message.text)


def _token(answered: Any) -> str | None:
    """The token of a question, from the buttons below it as Telegram sent them."""
    markup = answered.get("reply_markup") if isinstance(answered, Mapping) else None
    rows = markup.get("inline_keyboard") if isinstance(markup, Mapping) else None
    for row in rows if isinstance(rows, list) else []:
        for button in row if isinstance(row, list) else []:
            data = button.get("callback_data") if isinstance(button, Mapping) else None
            found = _DATA.match(data) if isinstance(data, str) else None
            if found is not None:
                return found[2]
    return None


async def thank(bot: telegram.Bot, raw: Any) -> None:
    """Says thank you, and marks the button. After the rating was kept; best effort, nothing depends on it."""
    query = telegram.Update.de_json(dict(raw), None).callback_query
    found = _DATA.match(query.data or "") if query is not None else None
    if query is None or found is None:
        return
    try:
        await bot.answer_callback_query(query.id, found[3] or None)
        if query.message is None:
            return
        data = {score: _data(score, found[2], found[3]) for score in SCORES}
        markup = _row(data, int(found[1]))
        await bot.edit_message_reply_markup(
            query.message.chat.id, query.message.message_id, reply_markup=markup
        )
    except TelegramError as problem:  # too late for an answer, or the same button twice
        log.info("telegram.rating_not_answered", problem=type(problem).__name__)
