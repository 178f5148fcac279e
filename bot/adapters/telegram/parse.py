"""A parsed update as the contract's words: whose it is, what was said, what it belongs to. Pure.

`remote_id` is ``<chat>:<message>``, because a message's number is unique in its chat only. `source_id` names the message, not
the update that brought it, so a second way in (webhook after polling) makes no second copy; edits, reactions and
notices, which are several for one message, are named after their update.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import telegram

from bot import languages
from bot.adapters.telegram import asking
from bot.adapters.telegram.kinds import Content, RemoteFile, content
from bot.messages import (
    AddressChanged,
    Contact,
    Edit,
    Message,
    Rated,
    Reaction,
    RemoteId,
    SourceId,
    Text,
)

CHANNEL = "telegram"
EVIDENCE = "Telegram account"
START_REFERENCE = "start:"
"""``/start payload`` is kept as the reference ``start:payload`` of the message, unless it has the form of a link code."""
QUOTED = 500
"""Code points of an answered message that are kept as quoted text."""
_START = re.compile(r"/start(?:@\w+)?(?:\s+([A-Za-z0-9_-]{1,64}))?\s*\Z")
_LINK = re.compile(r"[a-z2-7]{26}\Z")
_MENU = re.compile(r"/(?:menu|continue)(?:@\w+)?\s*\Z")
_WANTED = ("message", "edited_message", "message_reaction", "my_chat_member", "callback_query")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message whose files have not been fetched yet."""

    message: Message
    files: tuple[RemoteFile, ...] = ()


Parsed = Draft | Edit | Reaction | Rated | AddressChanged | None
"""What an update means; None: it is not for us (a group where groups are not allowed, a poll's votes…)."""


def update(raw: Mapping[str, Any], own_id: str, *, groups: bool) -> Parsed:
    """What a raw update means. Raises whatever python-telegram-bot raises on one that it cannot read."""
    parsed = telegram.Update.de_json(dict(raw), None)
    kinds = [key for key in raw if key != "update_id"]
    if not any(kind in _WANTED for kind in kinds):
        if any(kind not in telegram.Update.ALL_TYPES for kind in kinds) or not kinds:
            named = ", ".join(kinds)[:80] or "an empty one"
            raise ValueError(f"Telegram sent a kind of update that this version does not know: {named}")
        return None
    if parsed.message is not None:
        return said(parsed.message, raw["message"], own_id, groups=groups)
    if parsed.edited_message is not None:
        return _edited(parsed, raw["edited_message"], groups=groups)
    if parsed.message_reaction is not None:
        return _reaction(parsed.update_id, parsed.message_reaction, groups=groups)
    if parsed.callback_query is not None:
        return asking.pressed(parsed.callback_query)
    if parsed.my_chat_member is not None:
        return _member(parsed.update_id, parsed.my_chat_member)
    raise ValueError("the update holds nothing that can be read")


def said(message: telegram.Message, raw: Mapping[str, Any], own_id: str, *, groups: bool) -> Parsed:
    """A message; a moved group is told as such."""
    chat = message.chat
    if chat.type != chat.PRIVATE and not groups:
        return None
    moved = _moved(message)
    if moved is not None:
        return moved
    who = sender(message)
    if who.address == own_id:
        return None
    comment = asking.said(message, raw)
    if comment is not None:
        return comment
    start = _START.match(message.text or "") if chat.type == chat.PRIVATE else None
    what = Content(Text("Started the chat.")) if start else content(message, raw)
    payload = start[1] if start else None
    link = payload if payload and _LINK.match(payload) else None
    references = [RemoteId(f"{START_REFERENCE}{payload}")] if payload and link is None else []
    answered = message.reply_to_message
    if answered is not None:
        references.append(remote_id(answered.chat.id, answered.message_id))
    automated = "Telegram's Start button" if start else "written by a bot" if _by_bot(message) else None
    made = Message(
        source_id=SourceId(f"message:{chat.id}:{message.message_id}"),
        sender=who,
        sent_at=message.date,
        text=with_origin(message, what.text),
        tail=quoted(message),
        remote_id=remote_id(chat.id, message.message_id),
        references=tuple(references),
        thread_key=str(chat.id),
        automated=automated,
        link=link if message.forward_origin is None else None,
    )
    return Draft(made, what.files)


def menu(raw: Any) -> tuple[int, Contact] | None:
    """Chat and sender of an update that asks for other ways to go on: ``/menu`` in a private chat."""
    message = raw.get("message") if isinstance(raw, Mapping) else None
    if not isinstance(message, Mapping) or "forward_origin" in message:
        return None
    text = message.get("text")
    if not isinstance(text, str) or not _MENU.match(text):
        return None
    parsed = telegram.Update.de_json(dict(raw), None).message
    if parsed is None or parsed.chat.type != parsed.chat.PRIVATE or parsed.from_user is None:
        return None
    return parsed.chat.id, contact(parsed.from_user)


def sender(message: telegram.Message) -> Contact:
    """Who wrote it: a user, or the chat in whose name an anonymous administrator writes."""
    user = message.from_user
    if user is not None and message.sender_chat is None:
        return contact(user)
    chat = message.sender_chat or message.chat
    name = chat.title or chat.full_name or chat.username
    return Contact(CHANNEL, str(chat.id), name, True, "Telegram chat")


def contact(user: telegram.User) -> Contact:
    """A Telegram account: the id proves it, the name is only what they call themselves."""
    name = user.full_name or user.username
    return Contact(
        CHANNEL, str(user.id), name, True, EVIDENCE, language=languages.tag(user.language_code or "")
    )


def remote_id(chat_id: int | str, message_id: int) -> RemoteId:
    """The name of one message in our words."""
    return RemoteId(f"{chat_id}:{message_id}")


def with_origin(message: telegram.Message, words: Text) -> Text:
    """The words, below a line that says whose they are where they were forwarded."""
    origin = message.forward_origin
    if origin is None:
        return words
    name = None
    if isinstance(origin, telegram.MessageOriginUser):
        name = origin.sender_user.full_name
    elif isinstance(origin, telegram.MessageOriginHiddenUser):
        name = origin.sender_user_name
    elif isinstance(origin, telegram.MessageOriginChat):
        name = origin.sender_chat.title
    elif isinstance(origin, telegram.MessageOriginChannel):
        name = origin.chat.title
    line = f"Forwarded from {name or 'somebody'}:"
    return Text(f"{line}\n") + words if words else Text(line)


def quoted(message: telegram.Message) -> Text | None:
    """What it answers: the words that the customer marked, or the beginning of the whole message."""
    answered, marked = message.reply_to_message, message.quote
    if marked is not None:
        words = marked.text
    elif answered is not None:
        words = answered.text or answered.caption or ""
    else:
        return None
    words = words if len(words) <= QUOTED else words[: QUOTED - 1] + "…"
    return Text(f"In answer to: {words}" if words else "In answer to a message without words.")


def unread_sender(raw: Any) -> Contact | None:
    """Whose an unreadable update is, as far as that much of it can be read."""
    if not isinstance(raw, Mapping):
        return None
    for key, value in raw.items():
        if key != "update_id" and isinstance(value, Mapping):
            user = value.get("from") or value.get("user")
            if not isinstance(user, Mapping) or not isinstance(user.get("id"), int):
                continue
            names = (user.get("first_name"), user.get("last_name"))
            name = " ".join(part for part in names if isinstance(part, str) and part)
            return Contact(CHANNEL, str(user["id"]), name or None, True, EVIDENCE)
    return None


def update_id(raw: Any) -> int | None:
    """An update's number, None where it has none."""
    found = raw.get("update_id") if isinstance(raw, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def unread_source(raw: Any, packed: bytes) -> SourceId:
    """What makes an unreadable update unique."""
    number = update_id(raw)
    digest = hashlib.sha256(packed).hexdigest()[:32]
    return SourceId(f"unreadable:{digest}" if number is None else f"unreadable:{number}:{digest}")


def chat_of(raw: Any) -> str:
    """The chat of an update, for keeping order; empty where it has none."""
    if isinstance(raw, Mapping):
        for value in raw.values():
            said = (
                value.get("message", value) if isinstance(value, Mapping) else None
            )  # a button is below a message
            chat = said.get("chat") if isinstance(said, Mapping) else None
            if isinstance(chat, Mapping) and isinstance(chat.get("id"), int):
                return str(chat["id"])
    return ""


def album_of(raw: Any) -> str | None:
    """``<chat>:<media_group_id>`` of a new message that belongs to an album."""
    message = raw.get("message") if isinstance(raw, Mapping) else None
    group = message.get("media_group_id") if isinstance(message, Mapping) else None
    return f"{chat_of(raw)}:{group}" if isinstance(group, str) and group else None


def pack(raw: Any) -> bytes:
    """A raw update as it is kept."""
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _edited(parsed: telegram.Update, raw: Mapping[str, Any], *, groups: bool) -> Edit | None:
    message = parsed.edited_message
    if message is None or (message.chat.type != message.chat.PRIVATE and not groups):
        return None
    return Edit(
        SourceId(f"edit:{parsed.update_id}"),
        remote_id(message.chat.id, message.message_id),
        str(message.chat.id),
        with_origin(message, content(message, raw).text),
        message.edit_date or message.date,
    )


def _reaction(number: int, change: telegram.MessageReactionUpdated, *, groups: bool) -> Reaction | None:
    if change.chat.type != change.chat.PRIVATE and not groups:
        return None
    emoji = "".join(_emoji(one) for one in change.new_reaction)
    return Reaction(
        SourceId(f"reaction:{number}"),
        remote_id(change.chat.id, change.message_id),
        str(change.chat.id),
        emoji,
        change.date,
    )


def _emoji(reaction: telegram.ReactionType) -> str:
    """What can be shown of a reaction; pictures of Telegram's own have no character."""
    if isinstance(reaction, telegram.ReactionTypeEmoji):
        return str(reaction.emoji)
    return "⭐" if isinstance(reaction, telegram.ReactionTypePaid) else "(custom emoji)"


def _member(number: int, change: telegram.ChatMemberUpdated) -> Draft | None:
    """The customer blocked the bot or let it in again."""
    if change.chat.type != change.chat.PRIVATE:
        return None
    gone = change.new_chat_member.status in ("kicked", "left")
    was_gone = change.old_chat_member.status in ("kicked", "left")
    if gone == was_gone:
        return None
    words = "Blocked the bot: replies do not reach them any more." if gone else "Unblocked the bot."
    message = Message(
        source_id=SourceId(f"member:{number}"),
        sender=contact(change.from_user),
        sent_at=change.date,
        text=Text(words),
        thread_key=str(change.chat.id),
        automated="a notice from Telegram",
    )
    return Draft(message)


def _moved(message: telegram.Message) -> AddressChanged | None:
    if message.migrate_to_chat_id:
        old, new = message.chat.id, message.migrate_to_chat_id
    elif message.migrate_from_chat_id:
        old, new = message.migrate_from_chat_id, message.chat.id
    else:
        return None
    return AddressChanged(SourceId(f"moved:{old}:{new}"), str(old), str(new), message.date)


def _by_bot(message: telegram.Message) -> bool:
    return message.from_user is not None and message.from_user.is_bot and message.sender_chat is None
