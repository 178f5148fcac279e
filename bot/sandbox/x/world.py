"""What the stand-in for X knows: its users, messages, files, logins and webhooks."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from bot.sandbox.x.hooks import Hooks
from bot.sandbox.x.logins import Logins
from bot.sandbox.x.model import EPOCH_MS, Faults, File, Message, User, pair, wrapped

CUSTOMERS = {
    "customer1": User("2222222222222222201", "ada_l", "Ada Lovelace"),
    "customer2": User("2222222222222222202", "grace_h", "Grace Hopper"),
}
ACCOUNT = User("1111111111111111111", "acme", "Acme Support")
_SUFFIX = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "video/mp4": "mp4",
}


class World:
    """All of it in memory. ``clock`` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.account = ACCOUNT
        self.customers = dict(CUSTOMERS)
        self.logins = Logins(self.account.id, clock)
        self.faults = Faults()
        self.hooks = Hooks(lambda: self.logins.consumer_secret)
        self.messages: list[Message] = []
        self.files: dict[str, File] = {}
        self.changed = asyncio.Event()
        """Set at every call and message; ``until`` clears and awaits it."""
        self._last_id = 0

    def change(self) -> None:
        """Something happened."""
        self.changed.set()

    async def until(self, check: Callable[[], Any], timeout: float = 8.0) -> Any:
        """Waits until ``check()`` is true."""
        async with asyncio.timeout(timeout):
            while not (found := check()):
                self.changed.clear()
                await self.changed.wait()
            return found

    def user(self, user_id: str) -> User:
        """A user by id; strangers have no name."""
        return self.known(user_id) or User(user_id, f"user{user_id}", "")

    def known(self, user_id: str) -> User | None:
        """A user by id, where there is one."""
        everybody = (self.account, *self.customers.values())
        return next((one for one in everybody if one.id == user_id), None)

    def conversation_with(self, person: str) -> str:
        """The id of the account's conversation with a person."""
        return pair(self.account.id, person)

    def new_id(self) -> tuple[str, int]:
        """An id that carries the time, greater than all before; and that time in milliseconds."""
        ms = int(self.clock() * 1000)
        made = max((ms - EPOCH_MS) << 22, self._last_id + 1)
        self._last_id = made
        return str(made), (made >> 22) + EPOCH_MS

    def new_file(self, data: bytes, media_type: str) -> File:
        """A file that is uploaded, or on its way."""
        made = File(self.new_id()[0], data, media_type)
        made.resource = f"{secrets.token_hex(4)}.{_SUFFIX.get(media_type, 'bin')}"
        self.files[made.id] = made
        return made

    def keep(self, sender: str, to: str | None, conversation: str, text: str, file: File | None) -> Message:
        """Stores a message as X does."""
        made, ms = self.new_id()
        kept, urls = wrapped(text)
        if file is not None:
            short = f"https://t.co/{secrets.token_hex(5)}"
            urls.append((short, f"https://twitter.com/messages/media/{made}"))
            kept = f"{kept} {short}".strip()
        message = Message(made, sender, to, conversation, kept, ms, urls, file)
        self.messages.append(message)
        self.change()
        return message
