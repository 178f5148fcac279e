"""Goals 1 and 2: what durability costs.

The floor is a relay that keeps nothing: an aiohttp handler that calls ``chat.postMessage`` with the same Slack client and
answers. The bot is the real relay, outbox, desk and SQLite (WAL, FULL), behind the same kind of handler. Each runs in a
process of its own; this process is the 32 customers and the Slack stub, so its CPU counts for neither.

A message starts when a customer sends it and ends when the stub has answered its post; 32 are in flight. The floor's
latency runs from "request received" to "stub answered", the bot's from the call of ``accept`` to its return (durable).
Buckets are open and nothing is held. Rounds alternate; the figures are medians over rounds.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

IN_FLIGHT = 32
MESSAGES = 3_000


class Stub:
    """Slack, as far as a post needs it: answers at once, and tells who waits for which post."""

    def __init__(self) -> None:
        self.count = 0
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """Any method: ok."""
        self.count += 1
        body = await request.text()
        if "bench-" in body:
            start = body.index("bench-")
            key = body[start : start + 16]
            waiter = self.waiting.pop(key, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        return web.json_response({"ok": True, "ts": f"1700000000.{self.count:06d}", "channel": "C1"})

    async def start(self) -> tuple[web.AppRunner, int]:
        """Serves on a free port."""
        application = web.Application()
        application.router.add_route("*", "/api/{method}", self.answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, int(runner.addresses[0][1])


class Worker:
    """A process that is measured."""

    def __init__(self, kind: str, slack_port: int, folder: Path) -> None:
        self._kind = kind
        self._arguments = [
            sys.executable,
            "-m",
            "benchmarks.relay_worker",
            kind,
            str(slack_port),
            str(folder),
        ]
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        """Starts it and waits for its address."""
        self._process = await asyncio.create_subprocess_exec(*self._arguments, stdout=asyncio.subprocess.PIPE)
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        self.url = f"http://127.0.0.1:{int(line)}"

    async def stop(self) -> None:
        """Ends it."""
        assert self._process is not None
        self._process.terminate()
        await self._process.wait()


async def _customer(
    session: aiohttp.ClientSession,
    stub: Stub,
    worker: Worker,
    who: int,
    numbers: asyncio.Queue[int],
    run: str,
) -> None:
    loop = asyncio.get_running_loop()
    while not numbers.empty():
        number = numbers.get_nowait()
        key = f"bench-{run}{who:02d}{number:05d}".ljust(16, "x")[:16]
        seen: asyncio.Future[None] = loop.create_future()
        stub.waiting[key] = seen
        body = {"who": who, "text": f"{key} Where is my parcel? It should have come on Monday.", "id": key}
        async with session.post(f"{worker.url}/message", json=body) as answer:
            assert answer.status == 200, await answer.text()
        await asyncio.wait_for(seen, 30)


async def _round(stub: Stub, worker: Worker, messages: int, run: str) -> dict[str, Any]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:
        await session.post(f"{worker.url}/reset")
        numbers: asyncio.Queue[int] = asyncio.Queue()
        for number in range(messages):
            numbers.put_nowait(number)
        began = time.perf_counter()
        await asyncio.gather(
            *(_customer(session, stub, worker, who, numbers, run) for who in range(IN_FLIGHT))
        )
        took = time.perf_counter() - began
        async with session.get(f"{worker.url}/figures") as answer:
            figures: dict[str, Any] = json.loads(await answer.text())
    cpu = figures["cpu"] / messages * 1e6
    return {"rate": messages / took, "p99": figures["p99"] * 1000, "p50": figures["p50"] * 1000, "cpu": cpu}


async def main(rounds: int) -> None:
    """Prints a line a round, then the ratios."""
    stub = Stub()
    runner, port = await stub.start()
    with tempfile.TemporaryDirectory() as folder:
        workers = {kind: Worker(kind, port, Path(folder)) for kind in ("floor", "bot")}
        for worker in workers.values():
            await worker.start()
        results: dict[str, list[dict[str, Any]]] = {"floor": [], "bot": []}
        try:
            for kind, worker in workers.items():
                await _round(stub, worker, 400, f"w{kind[0]}")
            for number in range(rounds):
                for kind, worker in workers.items():
                    figures = await _round(stub, worker, MESSAGES, f"{number % 10}{kind[0]}")
                    results[kind].append(figures)
                    print(
                        f"round {number + 1} {kind:5}: {figures['rate']:6.0f} messages/s  p50 {figures['p50']:5.1f} ms  "
                        f"p99 {figures['p99']:5.1f} ms  CPU {figures['cpu']:5.0f} µs a message"
                    )
        finally:
            for worker in workers.values():
                await worker.stop()
            await runner.cleanup()
    _summary(results)


def _summary(results: dict[str, list[dict[str, Any]]]) -> None:
    def median(kind: str, figure: str) -> float:
        return float(statistics.median(one[figure] for one in results[kind]))

    print(f"CPU a message: floor {median('floor', 'cpu'):.0f} µs, bot {median('bot', 'cpu'):.0f} µs")
    print(
        f"ratio 1, durable relay to floor (goal ≥ 0.6, stretch 0.8): {median('bot', 'rate') / median('floor', 'rate'):.2f}"
    )
    print(
        f"ratio 2, accept p99 to the floor's p99 (goal ≤ 1.5): {median('bot', 'p99') / median('floor', 'p99'):.2f}"
    )
