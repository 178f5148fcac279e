"""The measured process of ``benchmarks.ws``: ``floor`` or ``bot``. Prints its port and serves until it is ended."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from bot.adapters.site.adapter import SiteAdapter, capabilities
from bot.adapters.site.settings import SiteSettings
from bot.blobs import FolderBlobs
from bot.contract import Accepted, AdapterContext, BacklogItem, Secrets
from bot.delivery.backlog import after
from bot.messages import Contact, Event, InboxId, Message, SourceId, TeamId, Text
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.relay import Relay
from bot.storage.database import Database, connect
from bot.storage.inboxes import get_state, set_state
from bot.storage.migrate import migrate
from bot.web import InboxRoutes

ORIGIN = "https://shop.example"
TEAM, INBOX = TeamId("support"), InboxId("chat")
WORDS = "Where is my parcel? It should have come on Monday."


def resident() -> int:
    """Bytes of memory this process has, after what is unused was given back."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


async def serve(application: web.Application, direct: Any = None) -> None:
    """Serves until SIGTERM. /figures: CPU seconds so far and memory. /direct?n=…: CPU of so many bare accepts."""

    async def figures(request: web.Request) -> web.Response:
        return web.json_response({"cpu": time.process_time(), "memory": resident()})

    async def accepts(request: web.Request) -> web.Response:
        return web.json_response({"cpu": await direct(int(request.query["n"]))})

    application.router.add_get("/figures", figures)
    application.router.add_get("/direct", accepts)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    gc.freeze()
    print(runner.addresses[0][1], flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()


async def floor() -> None:
    """A bare aiohttp WebSocket without compression that reads a frame and answers with one."""

    async def chat(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        while (got := await ws.receive()).type is WSMsgType.TEXT:
            frame = json.loads(got.data)
            await ws.send_str(json.dumps({"t": "sent", "id": frame.get("id")}))
        return ws

    application = web.Application()
    application.router.add_get(f"/channels/{INBOX}/ws", chat)
    await serve(application)


@dataclass
class Kept:
    """The adapter's state, in the real table."""

    database: Database

    async def get(self, key: str) -> str | None:
        """One value."""
        return await self.database.read(partial(get_state, inbox=INBOX, key=key))

    async def set(self, key: str, value: str) -> None:
        """Replaces one value."""
        await self.database.write(partial(set_state, inbox=INBOX, key=key, value=value))


class NoCursor:
    """The site has none."""

    async def get(self) -> str | None:
        """Nothing."""
        return None

    async def set(self, cursor: str) -> None:
        """Nothing."""


async def bot(folder: Path) -> None:
    """The real adapter, relay and SQLite; nothing is posted to Slack, since a visitor's "sent" does not wait for it."""
    able = capabilities(SiteSettings(origins=(ORIGIN,)))
    policy = CorePolicy(
        {TEAM: TeamPolicy(TEAM, "Support", "C1", 0.0)},
        {INBOX: InboxPolicy(INBOX, "site", TEAM, "chat", able)},
    )
    database = connect(f"sqlite:///{folder}/bench.db")
    await database.open()
    await database.write(migrate)
    relay = Relay(database, policy, lambda buckets: None)

    async def accept(event: Event, *, cursor: str | None = None) -> Accepted:
        return await relay.accept_customer(INBOX, event, cursor)

    async def backlog(thread: str, number: int) -> tuple[BacklogItem, ...]:
        return await database.read(partial(after, inbox=INBOX, thread_key=thread, number=number))

    async def status(problem: str | None) -> None:
        return None

    numbers = itertools.count()

    async def one() -> None:
        number = next(numbers)
        who = f"direct{number % 200}"
        contact = Contact("site", who, who, verified=True)
        source = SourceId(f"direct{number}")
        await relay.accept_customer(
            INBOX, Message(source, contact, datetime.now(UTC), Text(WORDS), thread_key=who)
        )

    async def some(count: int) -> None:
        for _ in range(count):
            await one()

    async def direct(count: int) -> float:
        began = time.process_time()
        await asyncio.gather(*(some(count // 200) for _ in range(200)))
        return time.process_time() - began

    application = web.Application()
    settings = SiteSettings(
        origins=(ORIGIN,),
        connections_per_address=100_000,
        messages_per_minute=10_000_000,
        messages_per_minute_per_address=10_000_000,
        messages_per_minute_in_all=10_000_000,
    )
    context = AdapterContext(
        INBOX,
        "Support",
        accept,
        NoCursor(),
        Kept(database),
        FolderBlobs(folder / "blobs"),
        status,
        Secrets((b"k" * 32,)),
        backlog=backlog,
        routes=InboxRoutes(application, INBOX),
    )
    adapter = SiteAdapter(settings, context)
    await serve(application, direct)
    await adapter.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(floor() if sys.argv[1] == "floor" else bot(Path(sys.argv[2])))
