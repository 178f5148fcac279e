"""What a Telegram message holds, as words and files. Pure: nothing is fetched here.

A kind that nobody wrote a rule for is named in a plain sentence, so that an agent knows that something came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import telegram

from bot.adapters.telegram.entities import from_entities
from bot.messages import Span, SpanKind, Text

MAP = "https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=16/{lat}/{lon}"
"""A link that shows a place; nothing is fetched from there by the bot."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that lies at Telegram. ``size`` in bytes, None where Telegram does not say."""

    file_id: str
    name: str
    media_type: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """Words and files of one message."""

    text: Text
    files: tuple[RemoteFile, ...] = ()


def content(message: telegram.Message, raw: Mapping[str, Any]) -> Content:
    """What the message says; ``raw`` is the same message as Telegram sent it, for kinds that are unknown here."""
    if message.text is not None:
        return Content(from_entities(message.text, message.entities))
    caption = from_entities(message.caption or "", message.caption_entities)
    for name, rule in _RULES:
        value = getattr(message, name, None)
        if value:
            found = rule(value)
            return Content(_paragraphs(found.text, caption), found.files)
    return Content(_paragraphs(Text(unknown(raw)), caption))


def unknown(raw: Mapping[str, Any]) -> str:
    """A sentence for a message of a kind that has no rule."""
    kinds = sorted(key for key in raw if key not in _ENVELOPE)
    named = ", ".join(kind.replace("_", " ") for kind in kinds[:3]) or "an empty message"
    return f"(Sent something that cannot be shown here: {named}.)"


def _paragraphs(first: Text, second: Text) -> Text:
    return first + Text("\n\n") + second if first and second else first or second


def _file(file: Any, name: str, media_type: str, *, words: Callable[[Any], str] = lambda file: "") -> Content:
    named = getattr(file, "file_name", None) or name
    kind = getattr(file, "mime_type", None) or media_type
    return Content(Text(words(file)), (RemoteFile(file.file_id, named, kind, file.file_size),))


def _photo(sizes: tuple[telegram.PhotoSize, ...]) -> Content:
    largest = max(sizes, key=lambda size: (size.width * size.height, size.file_size or 0))
    return Content(Text(), (RemoteFile(largest.file_id, "photo.jpg", "image/jpeg", largest.file_size),))


def _audio(audio: telegram.Audio) -> Content:
    title = " – ".join(part for part in (audio.performer, audio.title) if part)
    return _file(audio, f"{title}.mp3" if title else "audio.mp3", "audio/mpeg")


def _sticker(sticker: telegram.Sticker) -> Content:
    if sticker.is_video:
        name, kind = "sticker.webm", "video/webm"
    elif sticker.is_animated:
        name, kind = "sticker.tgs", "application/x-tgsticker"
    else:
        name, kind = "sticker.webp", "image/webp"
    words = f"{sticker.emoji} (sticker)" if sticker.emoji else "(sticker)"
    return Content(Text(words), (RemoteFile(sticker.file_id, name, kind, sticker.file_size),))


def _place(place: telegram.Location, words: str) -> Content:
    link = MAP.format(lat=f"{place.latitude:.6f}", lon=f"{place.longitude:.6f}")
    text = Text(f"{words}\n{link}")
    start = len(words) + 1
    return Content(Text(text.plain, (Span(start, len(text), SpanKind.LINK, link),)))


def _location(place: telegram.Location) -> Content:
    return _place(place, "Location" if place.to_dict().get("live_period") is None else "Live location")


def _venue(venue: telegram.Venue) -> Content:
    return _place(venue.location, ", ".join(part for part in (venue.title, venue.address) if part))


def _contact(contact: telegram.Contact) -> Content:
    name = " ".join(part for part in (contact.first_name, contact.last_name) if part)
    return Content(Text(f"Contact: {name}, {contact.phone_number}"))


def _poll(poll: telegram.Poll) -> Content:
    options = "".join(f"\n• {option.text}" for option in poll.options)
    return Content(Text(f"Poll: {poll.question}{options}"))


def _dice(dice: telegram.Dice) -> Content:
    return Content(Text(f"{dice.emoji} {dice.value}"))


def _game(game: telegram.Game) -> Content:
    return Content(Text(f"Game: {game.title}"))


def _web_app(data: telegram.WebAppData) -> Content:
    return Content(Text(f"Sent by the button “{data.button_text}”: {data.data}"))


_RULES: tuple[tuple[str, Callable[[Any], Content]], ...] = (
    ("venue", _venue),
    ("location", _location),
    ("photo", _photo),
    ("animation", lambda file: _file(file, "animation.mp4", "video/mp4")),
    ("document", lambda file: _file(file, "file", "application/octet-stream")),
    ("voice", lambda file: _file(file, "voice.ogg", "audio/ogg", words=lambda file: "(voice message)")),
    ("audio", _audio),
    ("video_note", lambda file: _file(file, "video-note.mp4", "video/mp4", words=lambda f: "(video note)")),
    ("video", lambda file: _file(file, "video.mp4", "video/mp4")),
    ("sticker", _sticker),
    ("contact", _contact),
    ("poll", _poll),
    ("dice", _dice),
    ("game", _game),
    ("web_app_data", _web_app),
)
"""First match: a venue comes with its location, an animation with a copy of itself as a document."""

_ENVELOPE = frozenset(
    """message_id message_thread_id from sender_chat sender_boost_count sender_business_bot date chat
    business_connection_id forward_origin is_topic_message is_automatic_forward reply_to_message external_reply
    quote reply_to_story via_bot edit_date has_protected_content is_from_offline is_paid_post media_group_id
    author_signature paid_star_count link_preview_options effect_id caption caption_entities text entities
    show_caption_above_media has_media_spoiler reply_markup direct_messages_topic sender_tag""".split()  # noqa: SIM905
)
"""Fields of a message that are about it, and do not say what it is."""
