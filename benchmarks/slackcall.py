"""Goal 8: what a Slack call of ours costs over raw aiohttp, under TLS, and how many handshakes it takes.

Both post the same body over one shared session each to the same TLS stub in another process; calls are sequential, so CPU a
call is the figure. Rounds alternate.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.messages import TeamId
from bot.slack.api import SlackApi, make_client
from bot.slack.policy import SlackPolicy, TeamPolicy

CALLS = 2_000
BODY = {
    "channel": "C1",
    "thread_ts": "1700000000.000001",
    "text": "Where is my parcel? It should have come on Monday.",
    "blocks": [
        {
            "type": "section",
            "text": {"type": "plain_text", "text": "Where is my parcel? It should have come on Monday."},
        }
    ],
}


async def stub(folder: Path) -> None:
    """Serves TLS until ended; counts connections."""
    connections = 0
    known: set[int] = set()

    async def answer(request: web.Request) -> web.Response:
        nonlocal connections
        if request.path.endswith("connections"):
            return web.json_response({"connections": connections})
        if request.transport is not None and id(request.transport) not in known:
            known.add(id(request.transport))
            connections += 1
        await request.read()
        return web.json_response({"ok": True, "ts": "1700000000.000002", "channel": "C1"})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    application = web.Application()
    application.router.add_route("*", "/api/{method}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def _ours(api: SlackApi) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        await api.call("chat.postMessage", **BODY)
    return (time.process_time() - began) / CALLS * 1e6


async def _raw(session: aiohttp.ClientSession, url: str) -> float:
    headers = {"Authorization": "Bearer xoxb-bench"}
    began = time.process_time()
    for _ in range(CALLS):
        async with session.post(f"{url}chat.postMessage", json=BODY, headers=headers) as answer:
            assert json.loads(await answer.text())["ok"]
    return (time.process_time() - began) / CALLS * 1e6


async def main(rounds: int) -> None:
    """Prints a line a round, then the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(  # noqa: ASYNC221 - nothing else runs yet
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
            ],
            check=True,
            capture_output=True,
        )
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.slackcall", str(folder), stdout=asyncio.subprocess.PIPE
        )
        assert server.stdout is not None
        try:
            port = int(await asyncio.wait_for(server.stdout.readline(), 30))
            await _measure(rounds, f"https://127.0.0.1:{port}/api/", folder / "cert.pem")
        finally:
            server.terminate()
            await server.wait()


async def _measure(rounds: int, url: str, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    ours: list[float] = []
    raw: list[float] = []
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as bare,
    ):
        policy = SlackPolicy("xoxb-bench", "xapp-bench", (TeamPolicy(TeamId("s"), "S", "C1"),), api_url=url)
        api = SlackApi(make_client(policy, session), 20.0)
        await _ours(api)
        await _raw(bare, url)
        for number in range(rounds):
            raw.append(await _raw(bare, url))
            ours.append(await _ours(api))
            print(f"round {number + 1}: raw {raw[-1]:5.0f} µs CPU a call, ours {ours[-1]:5.0f} µs")
        async with bare.get(f"{url}connections") as answer:
            connections = (await answer.json())["connections"]
    per_thousand = (connections - 1) / (CALLS * (rounds + 1)) * 1000
    print(f"handshakes of ours per 1,000 calls (goal ≤ 1): {per_thousand:.2f}")
    print(
        f"ratio 8, CPU of a Slack call to raw aiohttp (goal ≤ 1.7): {statistics.median(ours) / statistics.median(raw):.2f}"
    )


if __name__ == "__main__":
    asyncio.run(stub(Path(sys.argv[1])))
