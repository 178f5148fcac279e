"""What stands for the core in the adapter's tests: it stores, it refuses duplicates, it can fail."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from bot.contract import Accepted, AdapterContext, Secrets
from bot.errors import StorageError
from bot.messages import BlobId, Event, InboxId, Message

T = TypeVar("T")
KEY = b"k" * 32


class Core:
    """`events` is what was accepted, in order and once each."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.seen: set[str] = set()
        self.duplicates = 0
        self.cursor: str | None = None
        self.values: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.problems: list[str | None] = []
        self.fail: Callable[[Event], Exception | None] = lambda event: None
        self.changed = asyncio.Event()

    def context(self, **changes: Any) -> AdapterContext:
        cursor, state, blobs = _Cursor(self), _State(self), _Blobs(self)
        inbox, keys = InboxId("support-mail"), Secrets((KEY,))
        base = AdapterContext(inbox, "support", self.accept, cursor, state, blobs, self.status, keys)
        return replace(base, **changes)

    async def accept(self, event: Event, *, cursor: str | None = None) -> Accepted:
        await asyncio.sleep(0)
        problem = self.fail(event)
        if problem is not None:
            raise problem
        source = str(getattr(event, "source_id", ""))
        duplicate = bool(source) and source in self.seen
        self.duplicates += duplicate
        if not duplicate:
            self.seen.add(source)
            self.events.append(event)
        if cursor is not None:
            self.cursor = cursor
        self.changed.set()
        return Accepted(duplicate)

    async def status(self, problem: str | None) -> None:
        self.problems.append(problem)
        self.changed.set()

    async def until(self, check: Callable[[], T], timeout: float = 8.0) -> T:
        """Wait until `check()` is true."""
        try:
            async with asyncio.timeout(timeout):
                while not (result := check()):
                    self.changed.clear()
                    await self.changed.wait()
                return result
        except TimeoutError:
            raise AssertionError(f"never came true; events {self.events}, problems {self.problems}") from None

    @property
    def messages(self) -> list[Message]:
        return [event for event in self.events if isinstance(event, Message)]

    @property
    def texts(self) -> list[str]:
        return [message.text.plain for message in self.messages]


class _Cursor:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def get(self) -> str | None:
        return self._core.cursor

    async def set(self, cursor: str) -> None:
        self._core.cursor = cursor
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
        blob = hashlib.sha256(data).hexdigest()
        self._core.files[blob] = data
        return BlobId(blob)

    async def get(self, blob: BlobId) -> bytes:
        return self._core.files[blob]


def no_storage(event: Event) -> Exception:
    """For `Core.fail`: the database does not commit."""
    return StorageError("the database is locked")
