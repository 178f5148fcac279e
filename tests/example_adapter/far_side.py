"""The other side of the hook: an app with one customer, which delivers until it hears 200, as it should."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from tests.conformance.suite import Break
from tests.example_adapter.onethread_hook.wire import HEADER, is_signed, sign

SECRET = "between-you-and-me"


class App:
    """``url`` is where answers are posted to; ``deliver_to`` where it delivers."""

    def __init__(self) -> None:
        self.secret = SECRET
        self.received: dict[str, str] = {}
        self.breaks: list[Break] = []
        self.cuts = 0
        self.statuses: list[int] = []
        self.deliver_to = ""
        self.url = ""
        self._queue: deque[bytes] = deque()
        self._newest = b""
        self._number = 0
        self._more = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._courier: asyncio.Task[None] | None = None

    async def start(self) -> None:
        made = web.Application()
        made.router.add_post("/answers", self._answer)
        self._runner = web.AppRunner(made, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/answers"
        self._courier = asyncio.create_task(self._deliver())

    async def stop(self) -> None:
        assert self._courier is not None and self._runner is not None
        self._courier.cancel()
        await asyncio.gather(self._courier, return_exceptions=True)
        await self._runner.cleanup()

    def say(self, text: str) -> None:
        """The customer writes."""
        self._number += 1
        at = datetime.now(UTC).isoformat()
        message = {"id": f"m{self._number}", "at": at, "text": text, "from": {"id": "u-77", "name": "Dana"}}
        self.push(json.dumps(message).encode())

    def push(self, body: bytes) -> None:
        """Anything at all is delivered."""
        self._newest = body
        self._queue.append(body)
        self._more.set()

    def repeat(self) -> None:
        """The newest once more."""
        self.push(self._newest)

    async def _deliver(self) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
            while True:
                while not self._queue:
                    self._more.clear()
                    await self._more.wait()
                if await self._post(http, self._queue[0]) == 200 and not self._lost():
                    self._queue.popleft()
                else:
                    await asyncio.sleep(0.02)

    def _lost(self) -> bool:
        """The answer did not arrive: the same again."""
        self.cuts -= self.cuts > 0
        return self.cuts > 0

    async def _post(self, http: aiohttp.ClientSession, body: bytes) -> int:
        headers = {HEADER: sign(self.secret.encode(), body, time.time())}
        try:
            async with http.post(self.deliver_to, data=body, headers=headers) as answer:
                self.statuses.append(answer.status)
                return answer.status
        except aiohttp.ClientError:
            return 0

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(self.secret.encode(), body, request.headers.get(HEADER, ""), time.time()):
            return web.Response(status=401)
        content: dict[str, Any] = json.loads(body)
        if "ping" in content:
            return web.json_response({"ok": True})
        how = self.breaks.pop(0) if self.breaks else None
        if how in (Break.BUSY, Break.REFUSED):
            return web.Response(status=503 if how is Break.BUSY else 422)
        if how is not Break.LOST_NOT_TAKEN:
            self.received.setdefault(content["key"], content["text"])
        if how is not None:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"id": f"app-{content['key']}"})
