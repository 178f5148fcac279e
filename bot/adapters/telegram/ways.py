"""Going on by another channel, and coming from one: what the bot itself says in a chat. Best effort; nothing depends on it."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import structlog
import telegram
from telegram.error import TelegramError

from bot.contract import AdapterContext, Offer
from bot.errors import StorageError
from bot.messages import Contact

log = structlog.get_logger(__name__)

NOTHING_YET = "Just write here: we read it."
JOINED = "You are connected: we know what you wrote before. Go on here."
NOT_JOINED = "That link was used already or is too old. Just write here: we read it all the same."


async def menu(bot: telegram.Bot, context: AdapterContext, chat: int, sender: Contact) -> None:
    """Answers ``/menu`` with the other ways to go on with this conversation."""
    offers = context.offers
    try:
        made = await offers(sender) if offers is not None and offers.labels() else ()
        lines = [words(one) for one in made]
        text = "\n\n".join(["You can go on with this conversation:", *lines]) if lines else NOTHING_YET
        await bot.send_message(chat, text)
    except (TelegramError, StorageError) as problem:
        log.warning("telegram.menu_not_answered", inbox=context.inbox, problem=type(problem).__name__)


async def welcome(bot: telegram.Bot, chat: int, *, joined: bool) -> None:
    """Says what came of a link."""
    try:
        await bot.send_message(chat, JOINED if joined else NOT_JOINED)
    except TelegramError as problem:
        log.warning("telegram.link_not_answered", problem=type(problem).__name__)


def words(offer: Offer) -> str:
    """An offer as a line; Telegram makes links of addresses itself, and takes no mailto in a button."""
    parts = urlsplit(offer.url)
    if parts.scheme != "mailto":
        return f"{_first(offer.label)}: {offer.url}"
    subject = parse_qs(parts.query).get("subject", [""])[0]
    line = f"{_first(offer.label)}: {unquote(parts.path)}"
    return f"{line} with the subject “{subject}”" if "[" in subject else line


def _first(label: str) -> str:
    return label[:1].upper() + label[1:]
