"""Starts the demo, says where it is, and stops everything again.

Order: take the port, take the folder, start the stand-ins, write app.yaml, start the bot, wait until it hears Slack
and every inbox, and only then answer on the port, so that whoever gets an answer there has a demo that works.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox.mail import MailStandIn
from bot.sandbox.slack import SlackStandIn

from . import settings
from .child import BotProcess
from .demo import Demo
from .folder import DemoError, Folder, prepare
from .mailprogram import MailProgram
from .phones import PHONES, Phone, missing
from .server import PageServer
from .shop import Shop

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of its own insides at each login

READY_SECONDS = 60.0
"""How long the bot may take to start; it takes two or three seconds where nothing else runs."""
HOST = "127.0.0.1"
UNASKED = range(20_000, 32_000)
"""Ports below those that Linux, macOS and Windows give to a socket that asks for any."""


def say(words: str) -> None:
    """Tell the person at the terminal."""
    print(words, flush=True)


async def run_demo(port: int, directory: Path) -> int:
    """Run the demo until Ctrl-C or SIGTERM. `port` is the page's (0: any free one); the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        with take_port(port) as listener:
            folder = prepare(directory)
            async with running(folder, listener, stop) as demo:
                if not stop.is_set():
                    greet(demo)
                await stop.wait()
                say("\nStopping …")
        say("Stopped.")
        return 0
    except DemoError as error:
        print(f"onethread demo: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def take_port(port: int) -> socket.socket:
    """Hold the page's port without answering yet. Raises DemoError when somebody else has it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise _taken(port, error) from error
    return listener


def _taken(port: int, error: Exception) -> DemoError:
    other = port + 1 if 0 < port < 65535 else 8081
    return DemoError(
        f"port {port} on {HOST} cannot be used ({error}).\n"
        f"  Choose another: make demo PORT={other}   (or: onethread demo --port {other})"
    )


def free_port() -> int:
    """A port for the bot's own web server: free now, and none that systems give to whoever asks for any.

    So nobody has it when the bot comes to it a moment later, or comes back after it was killed.
    """
    for port in (*random.sample(UNASKED, 50), 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise DemoError(f"no port on {HOST} is free for the bot's web server.")


@contextlib.asynccontextmanager
async def running(folder: Folder, listener: socket.socket, stop: asyncio.Event) -> AsyncIterator[Demo]:
    """A demo whose bot is ready and whose page answers; everything is stopped afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        say(f"Starting stand-ins of Slack, mail and messengers, and the bot. Its folder is {folder.path}")
        if folder.emptied:
            say("  (What the last demo left there was removed: its Slack and its mailboxes were in memory.)")
        slack, mail = SlackStandIn(), MailStandIn()
        await slack.start()
        stack.push_async_callback(slack.stop)
        await mail.start()
        stack.push_async_callback(mail.stop)
        web_port = free_port()
        shop = Shop(listener.getsockname()[1], web_port) if _takes_part("site", "The shop's chat") else None
        phones = {one.channel: one for make in PHONES if (one := await _phone(make(), stack)) is not None}
        environment = settings.write(folder, slack, mail, web_port, shop, phones)
        bot = BotProcess(folder.config, environment, folder.log, say)
        demo = Demo(slack, mail, bot, folder, MailProgram(mail), web_port, shop, phones)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60)
            )
        )
        await demo.learn_manifest()
        stack.push_async_callback(bot.stop)
        await bot.start()
        if await _either(_ready(demo, session), stop):
            demo.page_port = await stack.enter_async_context(_page(demo, session, listener))
        yield demo


def _takes_part(channel: str, label: str) -> bool:
    """Whether a channel's adapter can be used; says so where it cannot."""
    problem = missing(channel)
    if problem is not None:
        say(f"  ({label} is left out: {problem}.)")
    return problem is None


async def _phone(phone: Phone, stack: contextlib.AsyncExitStack) -> Phone | None:
    """The messenger, started, where the bot can speak with it."""
    if not _takes_part(phone.channel, phone.label):
        return None
    await phone.start()
    stack.push_async_callback(phone.stop)
    return phone


@contextlib.asynccontextmanager
async def _page(demo: Demo, session: aiohttp.ClientSession, listener: socket.socket) -> AsyncIterator[int]:
    """Answers on the port, which is what it gives."""
    application = PageServer(demo, session).application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    try:
        try:
            await web.SockSite(runner, listener).start()
        except OSError as error:  # another demo took it in the seconds since `take_port`
            raise _taken(listener.getsockname()[1], error) from error
        yield int(listener.getsockname()[1])
    finally:
        await runner.cleanup()


async def _either(ready: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """True when the bot is ready, False when somebody wants to stop before."""
    getting_ready = asyncio.create_task(ready)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((getting_ready, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if getting_ready.done():
        getting_ready.result()
        return True
    getting_ready.cancel()
    return False


async def _ready(demo: Demo, session: aiohttp.ClientSession) -> None:
    """Until the bot hears Slack and every mailbox. Raises DemoError when it ends before, or takes too long."""
    end = time.monotonic() + READY_SECONDS
    while not await _hears(demo, session):
        if not demo.bot.running:
            await demo.bot.wait()
            raise DemoError(f"the bot did not start. All of its log: {demo.folder.log}")
        if time.monotonic() > end:
            raise DemoError(
                f"the bot is not ready after {READY_SECONDS:.0f} s. Its log: {demo.folder.log}\n"
                + "\n".join(f"    {line}" for line in demo.bot.tail())
            )
        await asyncio.sleep(0.05)


async def _hears(demo: Demo, session: aiohttp.ClientSession) -> bool:
    """The bot's own /healthz: connected to Slack, every inbox works, and the messengers have seen it."""
    if demo.slack.connections == 0:
        return False
    try:
        async with session.get(
            f"http://{HOST}:{demo.web_port}/healthz", timeout=aiohttp.ClientTimeout(total=2)
        ) as answer:
            report = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
    inboxes = report.get("inboxes") or {}
    working = bool(report.get("ok")) and all(state == "ok" for state in inboxes.values())
    return working and all(phone.linked() for phone in demo.phones.values())


def greet(demo: Demo) -> None:
    """Where it is, and how it stops."""
    say(
        f"\n  Ready: {demo.page}\n\n"
        f"  The bot is real: process {demo.bot.pid}, {demo.folder.config}, log in {demo.folder.log}\n"
        f"  All that it talks to are stand-ins on this machine; {demo.page}endpoints.json has their addresses.\n"
        "  Stop everything with Ctrl-C.\n"
    )
