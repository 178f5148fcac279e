"""The customers' phones: what their chats on Telegram and X hold, and how they write. Only the stand-ins are asked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from typing import Any, Protocol

from bot.sandbox.telegram import TelegramStandIn
from bot.sandbox.telegram.model import Person
from bot.sandbox.x import XStandIn
from bot.sandbox.x.model import Message as XMessage
from bot.sandbox.x.model import User

from .mailprogram import BY_KEY, Refused

Json = dict[str, Any]

ADAPTERS = "onethread.adapters"
MAX_FILE = 10_000_000
"""Bytes of one file that a phone sends."""
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""First bytes -> type. Only these are shown; whatever else there is can be saved."""


def missing(channel: str) -> str | None:
    """Why a channel cannot be part of the demo: its adapter is not installed, or cannot be loaded. None when it can."""
    found = [point for point in entry_points(group=ADAPTERS) if point.name == channel]
    if not found:
        return "its adapter is not installed"
    try:
        found[0].load()
    except Exception as error:
        return f"its adapter cannot be loaded ({type(error).__name__}: {error})"
    return None


class Phone(Protocol):
    """One messenger, with a chat for each customer."""

    channel: str
    label: str
    owner: str
    """The customer whose phone the page shows. Scripts may use all customers."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def linked(self) -> bool:
        """Whether the bot listens: nothing that is said from now on is too early."""
        ...

    def chat(self, customer: str) -> list[Json]:
        """Both sides, oldest first: {id, mine, text, at (Unix seconds), edited, files: [{name, type, size}]}."""
        ...

    def file(self, customer: str, message: str, index: int) -> tuple[str, str, bytes]:
        """Name, type and bytes of a file of the chat. Raises KeyError."""
        ...

    async def say(self, customer: str, text: str, file: tuple[str, bytes] | None) -> str:
        """The customer writes, perhaps with one file (name, bytes); the message's id. Raises Refused."""
        ...

    def endpoints(self) -> Json:
        """The API's address and the bot's tokens."""
        ...


class TelegramPhone:
    """Telegram: edits and deletions of the bot's are seen."""

    channel = "telegram"
    label = "Telegram"
    owner = "customer1"

    def __init__(self) -> None:
        ids = {"customer1": (5_000_000_001, "dana_p"), "customer2": (5_000_000_002, "luis_f")}
        people = {}
        for key, (number, username) in ids.items():
            first, _, last = BY_KEY[key].name.partition(" ")
            people[key] = Person(number, first, last, username)
        self.standin = TelegramStandIn(people=people)

    async def start(self) -> None:
        """Listen."""
        await self.standin.start()

    async def stop(self) -> None:
        """Close everything."""
        await self.standin.stop()

    def linked(self) -> bool:
        """Telegram keeps updates for a bot that polls later, so this is only for the eye."""
        return any(call.method.lower() == "getupdates" for call in self.standin.calls)

    def _messages(self, customer: str) -> Iterable[Json]:
        world = self.standin.world
        return world.chats[self.standin.people.person(customer).id].messages.values()

    def chat(self, customer: str) -> list[Json]:
        """As the phone shows it."""
        bot = self.standin.world.bot["id"]
        return [
            {
                "id": str(one["message_id"]),
                "mine": one.get("from", {}).get("id") != bot,
                "text": one.get("text") or one.get("caption") or "",
                "at": one["date"],
                "edited": "edit_date" in one,
                "files": [_shown(name, data) for name, data in self._files(one)],
            }
            for one in self._messages(customer)
        ]

    def _files(self, message: Json) -> list[tuple[str, bytes]]:
        sizes = message.get("photo") or []
        kinds = ("document", "video", "video_note", "audio", "voice", "sticker", "animation")
        held = [*sizes[-1:], *(message[kind] for kind in kinds if kind in message)]
        stored = self.standin.world.files
        return [
            (one.get("file_name") or stored[one["file_id"]].name, stored[one["file_id"]].data) for one in held
        ]

    def file(self, customer: str, message: str, index: int) -> tuple[str, str, bytes]:
        """A file of the chat."""
        for one in self._messages(customer):
            if str(one["message_id"]) == message:
                return _one(self._files(one), index)
        raise KeyError(message)

    async def say(self, customer: str, text: str, file: tuple[str, bytes] | None) -> str:
        """A picture goes as a photo, anything else as a document; the text is its caption."""
        people, fields = self.standin.people, {}
        if file is not None:
            name, data = file
            media_type = sniffed(data)
            shown = media_type in ("image/png", "image/jpeg")
            fields = people.photo(data) if shown else people.document(name, data, media_type)
        return str(self.standin.say(customer, text, **fields)["message_id"])

    def endpoints(self) -> Json:
        """For scripts."""
        return {"api": self.standin.url, "token": self.standin.token}


class XPhone:
    """X: direct messages, which nobody can change."""

    channel = "x"
    label = "X"
    owner = "customer2"

    def __init__(self) -> None:
        names = {
            "customer1": ("2222222222222222201", "dana_p"),
            "customer2": ("2222222222222222202", "luis_f"),
        }
        self.standin = XStandIn()
        self.standin.customers = {
            key: User(number, username, BY_KEY[key].name) for key, (number, username) in names.items()
        }
        self.standin.account = User(self.standin.account.id, "shop_example", "Shop")
        # X lets a bot read 15 pages in 15 minutes. Ours reads one at each start, and here it is killed for fun.
        self.standin.limits["read"] = 300

    async def start(self) -> None:
        """Listen."""
        await self.standin.start()

    async def stop(self) -> None:
        """Close everything."""
        await self.standin.stop()

    def linked(self) -> bool:
        """The bot has looked once, which is where its "now" begins, and X knows where to deliver."""
        looked = any(call.path == "/2/dm_events" and call.status == 200 for call in self.standin.calls)
        return looked and bool(self.standin.hooks.subscriptions)

    def _messages(self, customer: str) -> list[XMessage]:
        conversation = self.standin.conversation_with(self.standin.customers[customer].id)
        return [one for one in self.standin.messages if one.conversation == conversation]

    def chat(self, customer: str) -> list[Json]:
        """As the phone shows it."""
        own = self.standin.customers[customer].id
        return [
            {
                "id": one.id,
                "mine": one.sender == own,
                "text": _words(one),
                "at": one.ms // 1000,
                "edited": False,
                "files": [_shown(name, data) for name, data in self._files(one)],
            }
            for one in self._messages(customer)
        ]

    @staticmethod
    def _files(message: XMessage) -> list[tuple[str, bytes]]:
        return [(message.file.resource, message.file.data)] if message.file is not None else []

    def file(self, customer: str, message: str, index: int) -> tuple[str, str, bytes]:
        """A file of the chat."""
        for one in self._messages(customer):
            if one.id == message:
                return _one(self._files(one), index)
        raise KeyError(message)

    async def say(self, customer: str, text: str, file: tuple[str, bytes] | None) -> str:
        """X's own program sends pictures and videos, and nothing else."""
        data = file[1] if file is not None else None
        if data is not None and sniffed(data) == "application/octet-stream":
            raise Refused("X takes pictures and videos only.")
        return await self.standin.say(customer, text, data)

    def endpoints(self) -> Json:
        """For scripts."""
        given = self.standin.endpoints()
        return {key: value for key, value in given.items() if key not in ("say", "heard", "customers")}


PHONES: tuple[Callable[[], Phone], ...] = (TelegramPhone, XPhone)


def version(phone: Phone) -> dict[str, str]:
    """Another word for each customer whenever their chat is another one."""
    chats = {key: json.dumps(phone.chat(key)) for key in BY_KEY}
    return {key: hashlib.sha256(chat.encode()).hexdigest()[:12] for key, chat in chats.items()}


def heard(phone: Phone, customer: str) -> list[Json]:
    """What a customer has received, oldest first, as it stands now."""
    return [
        {key: value for key, value in one.items() if key != "mine"}
        for one in phone.chat(customer)
        if not one["mine"]
    ]


async def say(phone: Phone, customer: str, given: Json) -> Json:
    """Write from a phone: {text, file?: {name, data}}, the bytes in base64. Raises Refused with a sentence."""
    text, packed = str(given.get("text") or ""), given.get("file")
    if not text.strip() and not packed:
        raise Refused("Write something first.")
    file = None
    if packed:
        try:
            file = str(packed["name"]), base64.b64decode(packed["data"], validate=True)
        except (KeyError, TypeError, binascii.Error, ValueError) as error:
            raise Refused("This file cannot be read.") from error
        if not 0 < len(file[1]) <= MAX_FILE:
            raise Refused("A file may have 10 MB, and must not be empty.")
    return {"ok": True, "id": await phone.say(customer, text, file)}


def sniffed(data: bytes) -> str:
    """The type of a picture or video by its first bytes."""
    if data[4:8] == b"ftyp":
        return "video/mp4"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next(
        (kind for start, kind in PICTURES.items() if data.startswith(start)), "application/octet-stream"
    )


def _shown(name: str, data: bytes) -> Json:
    return {"name": name, "type": sniffed(data), "size": len(data)}


def _one(files: list[tuple[str, bytes]], index: int) -> tuple[str, str, bytes]:
    if not 0 <= index < len(files):
        raise KeyError(index)
    name, data = files[index]
    return name, sniffed(data), data


def _words(message: XMessage) -> str:
    """A message as a person reads it: links open, nothing escaped, the picture's own link left out."""
    text = message.text
    for short, address in message.urls:
        text = text.replace(
            short, "" if address.startswith("https://twitter.com/messages/media/") else address
        )
    for written, plain in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(written, plain)
    return text.strip()
