"""Goals 4 and 5: what an idle chat holds in memory, and what a chat message costs on its way to the disk.

Floor: a bare aiohttp WebSocket without compression that answers each frame with one; bot: the site chat on the real relay
and SQLite. Both are processes of their own, measured by what they read of themselves. The client offers compression to
both. A round starts both anew. Idle: every tab has said hello and one message (the floor: one frame). A message: ``say``
until ``sent``, 200 tabs at a time among 2,000 open ones; the CPU of the whole server process counts, the writer thread's
too. What ``accept`` alone takes, called without a WebSocket by as many at a time, is printed beside it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from benchmarks.ws_worker import INBOX, ORIGIN, WORDS

IDLE, OPEN, ACTIVE, EACH = 5_000, 2_000, 200, 20
"""Sockets for memory; sockets for CPU, those of them that talk, and what each of them says in a round."""


class Server:
    """A process that is measured."""

    def __init__(self, kind: str, port: int, session: aiohttp.ClientSession) -> None:
        self.kind = kind
        self._base = f"http://127.0.0.1:{port}"
        self._session = session

    async def figures(self, path: str = "figures") -> dict[str, Any]:
        """What it says of itself."""
        async with self._session.get(f"{self._base}/{path}", timeout=aiohttp.ClientTimeout(120)) as answer:
            made: dict[str, Any] = json.loads(await answer.text())
            return made

    async def tab(self, number: int) -> aiohttp.ClientWebSocketResponse:
        """An open tab that has said hello and one message."""
        ws = await self._session.ws_connect(
            f"{self._base}/channels/{INBOX}/ws", headers={"Origin": ORIGIN}, compress=15, autoping=True
        )
        await ws.send_str('{"t":"hello","v":1,"after":0}')
        await _until(ws, "ready" if self.kind == "bot" else "sent")
        await say(ws, f"first-{number:06}")
        return ws

    async def tabs(self, count: int) -> list[aiohttp.ClientWebSocketResponse]:
        """So many open tabs."""
        made: list[aiohttp.ClientWebSocketResponse] = []
        for start in range(0, count, 50):
            made += await asyncio.gather(*(self.tab(start + n) for n in range(min(50, count - start))))
        return made


async def _until(ws: aiohttp.ClientWebSocketResponse, kind: str) -> None:
    while json.loads((await ws.receive(60)).data)["t"] != kind:
        pass


async def say(ws: aiohttp.ClientWebSocketResponse, client_id: str) -> None:
    """Says something and waits until it is durable."""
    await ws.send_str(json.dumps({"t": "say", "id": client_id, "text": WORDS}))
    await _until(ws, "sent")


@asynccontextmanager
async def server(kind: str) -> AsyncIterator[Server]:
    """A fresh process, and a session towards it."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [sys.executable, "-m", "benchmarks.ws_worker", kind, folder]
        process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        try:
            port = int(await asyncio.wait_for(process.stdout.readline(), 30))
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                yield Server(kind, port, session)
        finally:
            process.terminate()
            await process.wait()


async def _talk(ws: aiohttp.ClientWebSocketResponse, number: int, run: str) -> None:
    for turn in range(EACH):
        await say(ws, f"{run}-{number:04}-{turn:04}")


async def _round(kind: str, idle: int) -> dict[str, float]:
    async with server(kind) as one:
        await one.tab(0)
        before = await one.figures()
        tabs = await one.tabs(idle)
        memory = ((await one.figures())["memory"] - before["memory"]) / idle / 1024
        for ws in tabs[OPEN:]:
            await ws.close()
        talking = tabs[:ACTIVE]
        await asyncio.gather(*(_talk(ws, number, "warm-up") for number, ws in enumerate(talking)))
        before = await one.figures()
        await asyncio.gather(*(_talk(ws, number, "measured") for number, ws in enumerate(talking)))
        cpu = ((await one.figures())["cpu"] - before["cpu"]) / (ACTIVE * EACH) * 1e6
        accept = 0.0
        if kind == "bot":
            await one.figures(f"direct?n={ACTIVE * EACH}")
            accept = (await one.figures(f"direct?n={ACTIVE * EACH}"))["cpu"] / (ACTIVE * EACH) * 1e6
    return {"memory": memory, "cpu": cpu, "accept": accept}


async def main(rounds: int) -> None:
    """Prints a line a round, then the ratios."""
    idle = min(IDLE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    print(f"{idle} sockets (goal's size {IDLE}), {ACTIVE} active of {min(OPEN, idle)}, deflate offered")
    results: dict[str, list[dict[str, float]]] = {"floor": [], "bot": []}
    for number in range(rounds):
        for kind, kept in results.items():
            kept.append(await _round(kind, idle))
            one = kept[-1]
            beside = f" (accept alone {one['accept']:.0f})" if kind == "bot" else ""
            print(
                f"round {number + 1} {kind:5}: {one['memory']:5.1f} KiB a socket, {one['cpu']:5.0f} µs CPU a message{beside}"
            )

    def median(kind: str, figure: str) -> float:
        return statistics.median(one[figure] for one in results[kind])

    print(f"an idle chat (goal ≤ 25 KiB): {median('bot', 'memory'):.1f} KiB")
    print(
        "ratio 4, an idle chat to a bare aiohttp WebSocket (goal ≤ 1.5): "
        f"{median('bot', 'memory') / median('floor', 'memory'):.2f}"
    )
    more = median("bot", "cpu") - median("floor", "cpu")
    print(
        f"of that, accept (durable) {median('bot', 'accept'):.0f} µs, the chat itself {more - median('bot', 'accept'):.0f} µs"
    )
    print(f"goal 5, CPU of a durable chat message over the floor (goal ≤ 100 µs): {more:.0f} µs")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
