"""Socket Mode: the app's WebSocket connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import time
from collections.abc import Callable

from aiohttp import WSMsgType, web

from .faults import Faults
from .model import Json

MAX_CONNECTIONS = 10
PING_SECONDS = 10.0
TICKET_SECONDS = 30.0


class Connection:
    """One open socket with a queue in front, so that a slow reader never holds the workspace up."""

    def __init__(self, ws: web.WebSocketResponse, faults: Faults) -> None:
        self.ws = ws
        self._faults = faults
        self._deaf = False
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()

    @property
    def deaf(self) -> bool:
        """Open, but nothing comes: this one alone, or all of them."""
        return self._deaf or self._faults.deaf

    @deaf.setter
    def deaf(self, on: bool) -> None:
        self._deaf = on

    def send(self, text: str) -> None:
        """Queue a text frame; a deaf socket swallows it."""
        if not self.deaf:
            self._queue.put_nowait(text)

    def finish(self) -> None:
        """Close after what is queued."""
        self._queue.put_nowait(None)

    async def write(self) -> None:
        """Send what is queued and ping in between, until `finish` or the peer is gone."""
        with contextlib.suppress(ConnectionError):
            while not self.ws.closed:
                try:
                    text = await asyncio.wait_for(self._queue.get(), PING_SECONDS)
                except TimeoutError:
                    if not self.deaf:
                        await self.ws.ping(b"Ping from applink-stand-in")
                    continue
                if text is None:
                    await self.ws.close()
                    return
                await self.ws.send_str(text)


class SocketMode:
    """Tickets, connections and the choice of a recipient."""

    def __init__(self, app_id: str, faults: Faults, on_ack: Callable[[str, Json | None], None]) -> None:
        """`on_ack(envelope_id, payload)` is called for every acknowledgement."""
        self.app_id = app_id
        self.connections: list[Connection] = []
        self.on_change: Callable[[], None] = lambda: None
        self._faults = faults
        self._on_ack = on_ack
        self._tickets: dict[str, float] = {}
        self._random = random.Random(7)

    def ticket(self) -> str:
        """A single-use ticket for one connection, good for 30 s."""
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = time.monotonic() + TICKET_SECONDS
        return ticket

    def send(self, text: str) -> bool:
        """Give an envelope to any ONE connection; False when there is none."""
        open_ones = [connection for connection in self.connections if not connection.ws.closed]
        if not open_ones:
            return False
        self._random.choice(open_ones).send(text)
        return True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket endpoint."""
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.Response(status=403, text="invalid ticket")
        ws = web.WebSocketResponse(autoping=False, max_msg_size=4 * 2**20)
        await ws.prepare(request)
        connection = Connection(ws, self._faults)
        writer = asyncio.create_task(connection.write())
        try:
            if len(self.connections) >= MAX_CONNECTIONS:
                connection.send(json.dumps({"type": "disconnect", "reason": "too_many_websockets"}))
                connection.finish()
                await writer
                return ws
            self.connections.append(connection)
            self._hello(connection)
            self.on_change()
            await self._read(connection)
        finally:
            writer.cancel()
            if connection in self.connections:
                self.connections.remove(connection)
            self.on_change()
        return ws

    def _hello(self, connection: Connection) -> None:
        hello: Json = {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {
                "host": "applink-stand-in",
                "started": time.strftime("%Y-%m-%d %H:%M:%S.000"),
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": self.app_id},
        }
        connection.send(json.dumps(hello))

    async def _read(self, connection: Connection) -> None:
        async for message in connection.ws:
            if message.type is WSMsgType.PING and not connection.deaf:
                await connection.ws.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._acknowledge(message.data)

    def _acknowledge(self, text: str) -> None:
        try:
            body = json.loads(text)
        except ValueError:
            return
        if isinstance(body, dict) and isinstance(body.get("envelope_id"), str):
            self._on_ack(body["envelope_id"], body.get("payload") or None)

    async def refresh(self, warn_seconds: float = 0.0) -> None:
        """Slack renews its containers: `warning`, then `refresh_requested`, then the socket closes."""
        leaving = list(self.connections)
        for connection in leaving:
            connection.send(json.dumps(self._disconnect("warning")))
        await asyncio.sleep(warn_seconds)
        for connection in leaving:
            connection.send(json.dumps(self._disconnect("refresh_requested")))
            connection.finish()

    @staticmethod
    def _disconnect(reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-stand-in"}}

    async def close_all(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self.connections):
            await connection.ws.close(code=1011)
