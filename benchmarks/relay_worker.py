"""The measured process of ``benchmarks.relay``: ``floor`` or ``bot``. Prints its port and serves until it is ended."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.blobs import FolderBlobs
from bot.messages import Contact, InboxId, Message, SourceId, TeamId, Text
from bot.outbox import Outbox
from bot.policy import CorePolicy, InboxPolicy, PacePolicy, Rate, TeamPolicy
from bot.relay import Relay
from bot.slack.api import SlackApi, make_client
from bot.slack.desk import SlackDesk
from bot.slack.policy import SlackPolicy
from bot.slack.policy import TeamPolicy as SlackTeam
from bot.storage.database import connect
from bot.storage.migrate import migrate

TEAM, INBOX = TeamId("support"), InboxId("bench")
OPEN = Rate(1e9, 1e9)


class Meter:
    """Latencies and CPU since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Starts anew."""
        self.latencies: list[float] = []
        self._cpu = time.process_time()

    def figures(self) -> dict[str, float]:
        """What was measured; seconds."""
        ordered = sorted(self.latencies)
        return {
            "cpu": time.process_time() - self._cpu,
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[int(len(ordered) * 0.99)],
        }


def slack_policy(port: int) -> SlackPolicy:
    """The desk's settings for the stub."""
    return SlackPolicy(
        "xoxb-bench",
        "xapp-bench",
        (SlackTeam(TEAM, "Support", "C1"),),
        api_url=f"http://127.0.0.1:{port}/api/",
    )


async def serve(handle: Callable[[dict[str, Any]], Awaitable[None]], meter: Meter) -> None:
    """Serves until SIGTERM."""

    async def message(request: web.Request) -> web.Response:
        body = await request.json()
        began = time.perf_counter()
        await handle(body)
        meter.latencies.append(time.perf_counter() - began)
        return web.Response()

    async def reset(request: web.Request) -> web.Response:
        meter.reset()
        return web.Response()

    async def figures(request: web.Request) -> web.Response:
        return web.json_response(meter.figures())

    application = web.Application()
    application.router.add_post("/message", message)
    application.router.add_post("/reset", reset)
    application.router.add_get("/figures", figures)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()


async def floor(port: int) -> None:
    """No persistence: the words are posted, then the request is answered."""
    policy = slack_policy(port)
    async with aiohttp.ClientSession() as session:
        api = SlackApi(make_client(policy, session), 20.0)

        async def handle(body: dict[str, Any]) -> None:
            blocks = [{"type": "section", "text": {"type": "plain_text", "text": body["text"]}}]
            await api.call(
                "chat.postMessage",
                channel="C1",
                thread_ts="1700000000.000001",
                text=body["text"],
                blocks=blocks,
            )

        await serve(handle, Meter())


async def bot(port: int, folder: Path) -> None:
    """The real relay, outbox, desk and SQLite."""
    policy = CorePolicy(
        {TEAM: TeamPolicy(TEAM, "Support", "C1", 0.0)}, {INBOX: InboxPolicy(INBOX, "bench", TEAM, "bench")}
    )
    database = connect(f"sqlite:///{folder}/bench.db")
    await database.open()
    await database.write(migrate)
    async with aiohttp.ClientSession() as session:
        blobs = FolderBlobs(folder / "blobs")
        desk = SlackDesk(slack_policy(port), session, blobs)

        async def fetch(source: str) -> bytes:
            return b""

        async def trouble(about: str, text: str) -> None:
            print(text, file=sys.stderr)

        pace = PacePolicy(OPEN, OPEN, OPEN, OPEN, OPEN)
        outbox = Outbox(database, policy, pace, desk, {}, blobs, fetch, trouble)
        relay = Relay(database, policy, outbox.wake)
        working = asyncio.create_task(outbox.run())

        async def handle(body: dict[str, Any]) -> None:
            event = Message(
                SourceId(body["id"]),
                Contact("bench", f"c{body['who']}", f"Customer {body['who']}", verified=True),
                datetime.now(UTC),
                Text(body["text"]),
            )
            await relay.accept_customer(INBOX, event)

        await serve(handle, Meter())
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    await database.close()


if __name__ == "__main__":
    kind, slack_port, place = sys.argv[1:4]
    asyncio.run(floor(int(slack_port)) if kind == "floor" else bot(int(slack_port), Path(place)))
