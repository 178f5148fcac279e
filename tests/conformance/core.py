"""What stands for the core in the conformance suite: it stores once, keeps the cursor with the event, and can refuse."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TypeVar

from bot.contract import Accepted, AdapterContext, Secrets
from bot.errors import StorageError
from bot.messages import BlobId, Event, InboxId, Message, Unreadable

T = TypeVar("T")
KEY = b"conformance-key-" * 2


class Core:
    """Everything that survives a restart of the adapter. ``refuse``: how many accepts fail before one works."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.seen: set[str] = set()
        self.duplicates = 0
        self.refuse = 0
        self.refused = 0
        self.position: str | None = None
        self.values: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.problems: list[str | None] = []
        self.changed = asyncio.Event()

    def context(self, inbox: str = "conformance") -> AdapterContext:
        """What an adapter gets."""
        blobs, secrets = _Blobs(self), Secrets((KEY,))
        return AdapterContext(
            InboxId(inbox), "Support", self.accept, _Cursor(self), _State(self), blobs, self.status, secrets
        )

    async def accept(self, event: Event, *, cursor: str | None = None) -> Accepted:
        """Stores an event once, and the cursor with it."""
        await asyncio.sleep(0)
        if self.refuse > 0:
            self.refuse -= 1
            self.refused += 1
            self.changed.set()
            raise StorageError("Nothing was stored: the conformance suite says so.")
        source = str(getattr(event, "source_id", ""))
        duplicate = bool(source) and source in self.seen
        self.duplicates += duplicate
        if not duplicate:
            self.seen.add(source)
            self.events.append(event)
        if cursor is not None:
            self.position = cursor
        self.changed.set()
        return Accepted(duplicate)

    async def status(self, problem: str | None) -> None:
        """Keeps what the adapter tells people."""
        self.problems.append(problem)
        self.changed.set()

    async def until(self, check: Callable[[], T], seconds: float = 25.0) -> T:
        """Waits until something is so."""
        try:
            async with asyncio.timeout(seconds):
                while not (result := check()):
                    self.changed.clear()
                    await self.changed.wait()
                return result
        except TimeoutError:
            raise AssertionError(
                f"never came true; {len(self.events)} events, problems {self.problems}"
            ) from None

    @property
    def messages(self) -> list[Message]:
        """What customers said."""
        return [event for event in self.events if isinstance(event, Message)]

    @property
    def texts(self) -> list[str]:
        """Their words."""
        return [message.text.plain.strip() for message in self.messages]

    @property
    def unreadable(self) -> list[Unreadable]:
        """What was kept raw."""
        return [event for event in self.events if isinstance(event, Unreadable)]


class _Cursor:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def get(self) -> str | None:
        return self._core.position

    async def set(self, cursor: str) -> None:
        self._core.position = cursor
        self._core.changed.set()


class _State:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def get(self, key: str) -> str | None:
        return self._core.values.get(key)

    async def set(self, key: str, value: str) -> None:
        self._core.values[key] = value


class _Blobs:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def put(self, data: bytes) -> BlobId:
        blob = BlobId(hashlib.sha256(data).hexdigest())
        self._core.files[blob] = data
        return blob

    async def get(self, blob: BlobId) -> bytes:
        return self._core.files[blob]
