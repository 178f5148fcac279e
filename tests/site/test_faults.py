"""Rows 26 and 27 of the faults: a network that flaps, and a client that never reads."""

from __future__ import annotations

import asyncio
import random
import statistics
import time

from bot.adapters.site import socket as site_socket
from tests.site.rig import Core, Rig, Tab, chat

FLAPS = 100


async def flap(rig: Rig, token: str, number: int, said: list[str], chance: random.Random) -> Tab:
    """A tab that loses its line again and again, and does not know what arrived: it sends until it is told."""
    open_ = [f"tab{number}-message-{n:03}" for n in range(FLAPS // 2)]
    shown: dict[str, dict[str, object]] = {}
    after = 0
    for _ in range(FLAPS):
        tab = Tab(await rig.connect(), token, after)
        tab.shown = shown
        await tab.hello()
        after = tab.after
        for client_id in open_[:2]:
            await tab.send(t="say", id=client_id, text=client_id)
        if chance.random() < 0.7:  # the answer arrives, else the line is cut before
            while open_ and (frame := await tab.next()):
                if frame["t"] == "sent":
                    said.append(open_.pop(open_.index(frame["id"])))
                    if frame["id"] == client_id:
                        break
        after = tab.after
        transport = tab.ws._response.connection
        assert transport is not None
        assert transport.transport is not None
        transport.transport.abort()
    tab = Tab(await rig.connect(), token, after)
    tab.shown = shown
    await tab.hello()
    for client_id in open_:
        assert (await tab.say(client_id, client_id))["t"] == "sent"
    return tab


async def test_a_hundred_flaps_with_two_tabs_lose_double_and_reorder_nothing() -> None:
    async with chat(Core()) as rig:
        first = await rig.talking("start")
        assert first.token is not None
        chance = random.Random(26)
        done = asyncio.Event()
        replies: list[str] = []

        async def agent() -> None:
            while not done.is_set():
                words = f"reply {len(replies):04}"
                await rig.reply(first.visitor, words)
                replies.append(words)
                await asyncio.sleep(0.002)

        answering = asyncio.create_task(agent())
        said: tuple[list[str], list[str]] = ([], [])
        tabs = await asyncio.gather(*(flap(rig, first.token, n, said[n], chance) for n in (0, 1)))
        done.set()
        await answering
        for tab in tabs:
            await tab.ws.close()
        told = [message.text.plain for message in rig.core.messages()]
        assert sorted(told) == sorted(
            {"start", *(f"tab{t}-message-{n:03}" for t in (0, 1) for n in range(FLAPS // 2))}
        )
        for number in (0, 1):
            own = [words for words in told if words.startswith(f"tab{number}")]
            assert own == sorted(own)
        history = rig.core.said[first.visitor]
        for tab in tabs:
            back = Tab(await rig.connect(), first.token, tab.after)
            back.shown = tab.shown
            await back.hello()
            numbered = sorted((one for one in back.shown.values() if "n" in one), key=lambda one: one["n"])
            texts = [one["text"] for one in numbered]
            assert texts == [item.part.text.plain for item in history]
            assert len(replies) > FLAPS


async def test_a_client_that_never_reads_is_dropped_and_harms_nobody() -> None:
    async with chat() as rig:
        victim, deaf = await rig.talking(), await rig.talking()
        deaf_socket = next(iter(rig.adapter._visitors.here(deaf.visitor).sockets))  # type: ignore[union-attr]
        connection = deaf.ws._response.connection
        assert connection is not None
        assert isinstance(connection.transport, asyncio.Transport)
        connection.transport.pause_reading()

        async def round_trip() -> float:
            began = time.perf_counter()
            await rig.reply(victim.visitor, "x")
            await victim.get("messages")
            return time.perf_counter() - began

        alone = [await round_trip() for _ in range(200)]
        beside = []
        most = 0
        for _ in range(2_000):
            await rig.reply(deaf.visitor, "y" * 9_000)
            beside.append(await round_trip())
            most = max(most, deaf_socket._bytes)
            if deaf_socket.gone:
                break
        assert deaf_socket.gone, "it was never dropped"
        assert most <= site_socket.QUEUE_BYTES
        assert rig.adapter._visitors.here(deaf.visitor).sockets == () or await gone(rig, deaf.visitor)  # type: ignore[union-attr]
        receipt = await rig.reply(deaf.visitor, "later")
        assert "away" in (receipt.detail or "")
        assert statistics.quantiles(beside, n=100)[98] <= 2 * statistics.quantiles(alone, n=100)[98] + 0.005


async def gone(rig: Rig, visitor_id: str) -> bool:
    """Waits until a visitor has no tab any more."""
    async with asyncio.timeout(5):
        while rig.adapter._visitors.here(visitor_id).sockets:  # type: ignore[union-attr]
            await asyncio.sleep(0)
    return True
