"""What a Telegram holds: people, chats, messages, files, and the queue of updates for one bot. In memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

DOWNLOAD_LIMIT = 20 * 1024 * 1024
"""Bytes of a file that bots may fetch."""


class Refusal(Exception):
    """An error answer. ``code`` is the HTTP state and `error_code`; ``parameters`` as Telegram sends them."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad(words: str) -> Refusal:
    """A 400."""
    return Refusal(400, f"Bad Request: {words}")


@dataclass(slots=True)
class Person:
    """A customer with a phone. ``blocked``: they have blocked the bot."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    blocked: bool = False

    def user(self) -> Json:
        """As the API shows a user."""
        shown: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name, "language_code": "en"}
        shown |= {"last_name": self.last_name} if self.last_name else {}
        return shown | ({"username": self.username} if self.username else {})

    def chat(self) -> Json:
        """As the API shows the private chat with them."""
        shown = self.user()
        return {"type": "private"} | {
            key: shown[key] for key in ("id", "first_name", "last_name", "username") if key in shown
        }


@dataclass(slots=True)
class Chat:
    """A chat and its messages by number. ``moved_to``: it has become a supergroup with that id."""

    shown: Json
    person: Person | None = None
    messages: dict[int, Json] = field(default_factory=dict)
    moved_to: int | None = None
    actions: list[str] = field(default_factory=list)


@dataclass(slots=True)
class StoredFile:
    """A file that lies at Telegram. ``size`` may claim more than there is, for files that are too large to make."""

    data: bytes
    path: str
    name: str
    size: int


@dataclass(slots=True)
class Call:
    """One call of the bot's, for the referee. ``files`` are the sizes of uploaded parts by name."""

    method: str
    args: Json
    files: dict[str, int]
    reply: Json | None = None


class World:
    """Everything there is."""

    def __init__(self, bot: Json) -> None:
        self.bot = bot
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self.pending: list[Json] = []
        self.pressed: dict[str, str | None] = {}
        """What the bot has answered to each button that was pressed, by the query's id; None: nothing yet."""
        self.next_update = 700_000_001
        self._next_message = 1
        self._next_file = 1

    def chat(self, chat_id: Any) -> Chat:
        """A chat by its id. Raises the API's errors."""
        try:
            found = self.chats.get(int(chat_id))
        except (TypeError, ValueError):
            found = None
        if found is None:
            raise bad("chat not found")
        if found.moved_to is not None:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, words, {"migrate_to_chat_id": found.moved_to})
        if found.person is not None and found.person.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        return found

    def add_message(self, chat: Chat, who: Json | None, fields: Mapping[str, Any]) -> Json:
        """A new message in a chat."""
        number = self._next_message
        self._next_message += 1
        made: Json = {"message_id": number, "date": int(time.time()), "chat": dict(chat.shown)}
        made |= {"from": dict(who)} if who else {}
        made |= fields
        chat.messages[number] = made
        return made

    def add_file(self, data: bytes, name: str, folder: str, *, size: int | None = None) -> Json:
        """Keep a file; what every kind of file in the API begins with."""
        number = self._next_file
        self._next_file += 1
        file_id = f"BQACAgIAAxkBAAI{number:08d}"
        suffix = name.rpartition(".")[2] if "." in name else "bin"
        real = len(data) if size is None else size
        self.files[file_id] = StoredFile(data, f"{folder}/file_{number}.{suffix}", name, real)
        return {"file_id": file_id, "file_unique_id": f"AgAD{number:08d}", "file_size": real}

    def bot_user(self) -> Json:
        """The bot as the sender of a message."""
        return {key: self.bot[key] for key in ("id", "is_bot", "first_name", "username")}

    def number(self) -> int:
        """The next update's number."""
        self.next_update += 1
        return self.next_update - 1
