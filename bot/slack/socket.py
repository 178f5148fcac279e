"""Socket Mode: two connections, each watched, each replaced before it ends.

slack_sdk's own client closes the old socket before the new one is open, retries a failed upgrade on the same
URL for ever and loops for
ever on a bad token; so the connections are kept here, and only what arrives on them goes through bolt. Each
envelope comes on any ONE
connection. It is acknowledged after bolt has handled it; what raises is not acknowledged and comes again.

A connection is rebuilt when it closes, when Slack announces its end (the new one is open before the old one
stops), when its peer does
not answer pings, or when nothing at all came for ``DEAF_SECONDS`` (Slack pings several times a minute).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.errors import DeliveryError, TemporaryFailure
from bot.slack.api import SlackApi
from bot.slack.policy import SlackPolicy

PING_SECONDS = 10.0
DEAF_SECONDS = 45.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
DRAIN_SECONDS = 5.0
SOON_SECONDS = 0.1
"""A connection that is told to end as soon as it began (too many of them) is not rebuilt at once."""
MAX_FRAME = 8 * 1024 * 1024
_ENVELOPES = frozenset({"events_api", "slash_commands", "interactive"})
_log = logging.getLogger(__name__)


class SocketRunner:
    """Keeps ``policy.connections`` connections open until cancelled. ``connections`` counts those that are up.

    ``foreign`` is the number of connections that other programs hold on the same app token, as far as Slack's
    hello tells: they take a
    share of what arrives. ``ready`` is set while at least one connection is up.
    """

    def __init__(self, policy: SlackPolicy, app: AsyncApp, *, deaf_after: float = DEAF_SECONDS) -> None:
        self._policy = policy
        self._app = app
        self._deaf_after = deaf_after
        self._api = SlackApi(app.client, policy.timeout)
        self._up: set[Connection] = set()
        self._open_ones: set[Connection] = set()
        self._work: set[asyncio.Task[None]] = set()
        self.foreign = 0
        self.ready = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many connections are up."""
        return len(self._up)

    async def run(self) -> None:
        """Runs until cancelled; then finishes what has arrived, for at most ``DRAIN_SECONDS``."""
        session = self._app.client.session
        assert session is not None
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._policy.connections):
                    group.create_task(self._keep(number, session), name=f"slack-socket-{number}")
        finally:
            await self._drain()

    async def _drain(self) -> None:
        await asyncio.gather(*(connection.stop_reading() for connection in list(self._open_ones)))
        if self._work:
            _, left = await asyncio.wait(self._work, timeout=DRAIN_SECONDS)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        await asyncio.gather(*(connection.close() for connection in list(self._open_ones)))
        self._up.clear()
        self.ready.clear()

    async def _keep(self, number: int, session: aiohttp.ClientSession) -> None:
        """One connection for ever: a new one as soon as the last one ends or is about to."""
        wait = FIRST_WAIT
        while True:
            try:
                connection = await self._open(session)
            except Exception as error:
                reason = error.reason if isinstance(error, DeliveryError) else type(error).__name__
                _log.warning("Slack connection %d: %s", number, reason)
                pause = error.retry_after if isinstance(error, TemporaryFailure) else None
                await asyncio.sleep(min(LONGEST_WAIT, max(wait, pause or 0.0)))
                wait = min(LONGEST_WAIT, wait * 2)
                continue
            began = time.monotonic()
            await connection.until_ending()
            lasted = time.monotonic() - began
            wait = FIRST_WAIT if lasted > 5.0 else min(LONGEST_WAIT, wait * 2)
            if not connection.announced or lasted < SOON_SECONDS:
                await asyncio.sleep(wait)

    async def _open(self, session: aiohttp.ClientSession) -> Connection:
        answer = await self._api.call("apps.connections.open", app_token=self._policy.app_token)
        try:
            async with asyncio.timeout(self._policy.timeout):
                socket = await session.ws_connect(
                    str(answer["url"]),
                    heartbeat=PING_SECONDS,
                    max_msg_size=MAX_FRAME,
                    compress=0,
                    proxy=self._app.client.proxy,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TemporaryFailure("Slack did not open the connection.") from error
        connection = Connection(self, socket, self._deaf_after)
        self._open_ones.add(connection)
        connection.start()
        return connection

    def came_up(self, connection: Connection, count: int) -> None:
        """Slack said hello; ``count`` connections are open on this app token in all."""
        self._up.add(connection)
        self.ready.set()
        self.foreign = max(0, count - len(self._up))
        if self.foreign and len(self._up) >= self._policy.connections:
            _log.warning(
                "%d more connection(s) on this app token: another program takes a share of what arrives. "
                "Stop it, or give it an app of its own.",
                self.foreign,
            )

    def went_down(self, connection: Connection, *, closed: bool = True) -> None:
        """Nothing more is read from a connection; where it is not ``closed``, it can still acknowledge."""
        self._up.discard(connection)
        if closed:
            self._open_ones.discard(connection)
        if not self._up:
            self.ready.clear()

    def handle(self, connection: Connection, envelope: dict[str, Any]) -> None:
        """Handles an envelope beside the others; order is kept by ``ts``, not by arrival."""
        task = asyncio.create_task(self._handle(connection, envelope))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _handle(self, connection: Connection, envelope: dict[str, Any]) -> None:
        request = AsyncBoltRequest(
            mode="socket_mode", body=envelope.get("payload") or {}, headers=_headers(envelope)
        )
        try:
            answer = await self._app.async_dispatch(request)
        except Exception:
            _log.exception("an envelope could not be handled; Slack will send it again")
            return
        if answer.status != 200:
            _log.warning("an envelope was not handled (%s)", answer.status)
            return
        reply: dict[str, Any] = {"envelope_id": envelope["envelope_id"]}
        if answer.body:
            reply["payload"] = _payload(answer.body)
        await connection.send(reply)


def _headers(envelope: dict[str, Any]) -> dict[str, str | Sequence[str]]:
    headers: dict[str, str | Sequence[str]] = {}
    if envelope.get("retry_attempt"):
        headers["x-slack-retry-num"] = [str(envelope["retry_attempt"])]
        headers["x-slack-retry-reason"] = [str(envelope.get("retry_reason") or "")]
    return headers


def _payload(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {"text": body}


class Connection:
    """One web socket. ``announced``: Slack said that it will close it, so another one is opened beside it."""

    def __init__(
        self, runner: SocketRunner, socket: aiohttp.ClientWebSocketResponse, deaf_after: float
    ) -> None:
        self._runner = runner
        self._socket = socket
        self._deaf_after = deaf_after
        self._ending = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self.announced = False

    def start(self) -> None:
        """Begins to read."""
        self._reader = asyncio.create_task(self._read())

    async def until_ending(self) -> None:
        """Returns when the connection is over or will soon be."""
        await self._ending.wait()

    async def _read(self) -> None:
        try:
            while not self._socket.closed:
                try:
                    message = await self._socket.receive(timeout=self._deaf_after)
                except TimeoutError:
                    _log.warning(
                        "nothing came from Slack for %d s: the connection is rebuilt", self._deaf_after
                    )
                    break
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                self._take(message.data)
        except asyncio.CancelledError:
            self._runner.went_down(self, closed=False)
            raise
        except Exception as error:
            _log.warning("a Slack connection broke (%s)", type(error).__name__)
        self._runner.went_down(self)
        self._ending.set()
        await self.close()

    def _take(self, frame: str) -> None:
        try:
            envelope = json.loads(frame)
            kind = envelope.get("type")
        except (ValueError, AttributeError):
            _log.warning("Slack sent something that is no envelope; it is left out")
            return
        if kind == "hello":
            self._runner.came_up(self, int(envelope.get("num_connections") or 0))
        elif kind == "disconnect":
            self.announced = True
            self._ending.set()
        elif kind in _ENVELOPES and envelope.get("envelope_id"):
            self._runner.handle(self, envelope)

    async def stop_reading(self) -> None:
        """Takes nothing more; what was taken can still be acknowledged."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def send(self, reply: dict[str, Any]) -> None:
        """Acknowledges. Where the socket is gone Slack sends the event again."""
        if self._socket.closed:
            return
        with contextlib.suppress(aiohttp.ClientError, OSError, RuntimeError):
            await self._socket.send_str(json.dumps(reply))

    async def close(self) -> None:
        """Closes the socket, within a second."""
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(1.0):
                await self._socket.close()
