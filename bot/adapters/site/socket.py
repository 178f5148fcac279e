"""One tab's WebSocket: what is pushed waits in a bounded queue, so one that never reads harms nobody."""

import asyncio
import time
from collections import deque

from aiohttp import web

QUEUE_FRAMES, QUEUE_BYTES = 256, 1_000_000
"""What may wait for one socket, beside what the operating system holds."""
SEND_SECONDS = 30.0
"""How long one frame may take before the socket counts as dead."""
GOODBYE_SECONDS = 5.0
_AT_ONCE = 12_000
"""Characters that are certainly below the transport's high-water mark of 64 KiB."""
FRAMES_PER_MINUTE = 240
"""What one socket may send, of every kind."""


class Socket:
    """``push`` never waits. No task runs while there is nothing to send."""

    __slots__ = (
        "_bye",
        "_bytes",
        "_frames",
        "_queue",
        "_task",
        "_transport",
        "_window",
        "_ws",
        "address",
        "gone",
        "token",
        "unseen",
    )

    def __init__(
        self, ws: web.WebSocketResponse, transport: asyncio.BaseTransport | None, address: str
    ) -> None:
        self._ws = ws
        self._transport = transport if isinstance(transport, asyncio.WriteTransport) else None
        self._queue: deque[str] | None = None
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._window = 0.0
        self._frames = 0
        self._bye: asyncio.Task[None] | None = None
        self.gone = False
        """Whether it was dropped because it did not read."""
        self.address = address
        """The IP address it counts for."""
        self.token: str | None = None
        """What its visitor came in with, or has stored since; the tabs of one browser have the same."""
        self.unseen: set[str] | None = None
        """Keys of replies that were given here and not yet seen: only of these a visitor may say so."""

    def push(self, text: str) -> bool:
        """Queues a frame. False where the socket is gone, or was dropped just now because it does not read."""
        if self.gone or self._ws.closed:
            return False
        if self._queue is None:
            self._queue = deque()
        if len(self._queue) >= QUEUE_FRAMES or self._bytes + len(text) > QUEUE_BYTES:
            self.drop()
            return False
        self._queue.append(text)
        self._bytes += len(text)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._flush())
        return True

    async def say(self, text: str) -> None:
        """Sends a frame from the socket's own handler, after what waits. Waits for a slow reader."""
        if self._queue:
            self.push(text)
        elif not self.gone:
            await self._send(text)

    def offered(self, keys: set[str]) -> None:
        """Replies that this tab is being given."""
        if keys:
            self.unseen = (self.unseen or set()) | keys

    def too_fast(self) -> bool:
        """Counts a frame from the client; True above ``FRAMES_PER_MINUTE``."""
        now = time.monotonic()
        if now - self._window > 60:
            self._window, self._frames = now, 0
        self._frames += 1
        return self._frames > FRAMES_PER_MINUTE

    def drop(self) -> None:
        """Ends the connection at once, without a goodbye that nobody would read."""
        self.gone = True
        self._queue = None
        self._bytes = 0
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Says goodbye with a code; one who does not listen is dropped."""
        if self._ws.closed:
            return
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._ws.close(code=code, message=reason.encode())
        except TimeoutError:
            self.drop()

    def bye(self, code: int, reason: str) -> None:
        """Closes without waiting for the client's answer."""
        if not self.gone and self._bye is None:
            self._bye = asyncio.get_running_loop().create_task(self.close(code, reason))

    async def _flush(self) -> None:
        try:
            while self._queue:
                text = self._queue.popleft()
                self._bytes -= len(text)
                await self._send(text)
            self._queue = None
        finally:
            self._task = None

    async def _send(self, text: str) -> None:
        # What fits into the transport's empty buffer is written without waiting, so needs no timer.
        idle = self._transport is not None and not self._transport.get_write_buffer_size()
        try:
            if idle and len(text) < _AT_ONCE:
                await self._ws.send_str(text)
                return
            async with asyncio.timeout(SEND_SECONDS):
                await self._ws.send_str(text)
        except (TimeoutError, ConnectionError):
            self.drop()
