"""Socket Mode on the stand-in: two connections, refreshed without a gap, rebuilt when dead, stopped cleanly."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import pytest

from bot.slack import socket
from tests.slack.rig import rig


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(socket, "PING_SECONDS", 0.4)


async def test_two_connections() -> None:
    async with rig() as desk:
        assert desk.runner is not None
        await desk.wait(lambda: desk.runner is not None and desk.runner.connections == 2)
        assert desk.runner.foreign == 0


async def test_a_refresh_loses_nothing() -> None:
    async with rig() as desk:
        refreshes: list[asyncio.Task[None]] = []
        for number in range(6):
            if number in (1, 3):
                refreshes.append(
                    asyncio.create_task(desk.standin.control("refresh_sockets", warn_seconds=0.2))
                )
            await desk.say("agent1", f"! number {number}")
        await asyncio.gather(*refreshes)
        await desk.settled()
        assert sorted(draft.text.plain for draft in desk.services.drafts) == [f"number {n}" for n in range(6)]
        assert all(delivery.attempt == 0 for delivery in desk.standin.deliveries)
        await desk.wait(lambda: desk.standin.connections == 2)


async def test_closed_sockets_are_rebuilt() -> None:
    async with rig(ack_timeout=0.5) as desk:
        await desk.standin.control("close_sockets")
        await desk.say("agent1", "! while away")
        await desk.wait(lambda: desk.services.drafts)
        await desk.wait(lambda: desk.standin.connections == 2)


async def test_deaf_sockets_are_rebuilt() -> None:
    async with rig(ack_timeout=0.5, clock_scale=60) as desk:
        before = len(desk.standin.calls_of("apps.connections.open"))
        await desk.standin.control("deaf")
        await desk.say("agent1", "! can you hear me")
        await desk.wait(lambda: len(desk.standin.calls_of("apps.connections.open")) > before)
        await desk.standin.control("deaf", on=False)
        await desk.wait(lambda: desk.services.drafts, 8)


async def test_a_foreign_program_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    async with rig() as desk, aiohttp.ClientSession() as session:
        answer = await desk.desk.client.apps_connections_open(app_token=desk.standin.app_token)
        async with session.ws_connect(str(answer["url"])):
            await desk.wait(lambda: desk.standin.connections == 3)
            with caplog.at_level(logging.WARNING, "bot.slack.socket"):
                await desk.standin.control("refresh_sockets", warn_seconds=0.2)
                await desk.wait(lambda: desk.standin.connections == 2)
        assert any("another program takes a share" in record.message for record in caplog.records)


async def test_a_bad_token_waits_and_does_not_spin(caplog: pytest.LogCaptureFixture) -> None:
    async with rig() as desk:
        assert desk.runner is not None
        object.__setattr__(desk.runner._policy, "app_token", "xapp-wrong")
        await desk.standin.control("close_sockets")
        before = len(desk.standin.calls_of("apps.connections.open"))
        await asyncio.sleep(0.5)
        assert len(desk.standin.calls_of("apps.connections.open")) - before <= 4
        assert desk.runner.connections == 0 and not desk.runner.ready.is_set()


async def test_stopping_finishes_what_has_arrived() -> None:
    go = asyncio.Event()
    async with rig() as desk:
        real = desk.services.note

        async def slow(*args: object, **more: object) -> None:
            go.set()
            await asyncio.sleep(0.2)
            await real(*args, **more)  # type: ignore[arg-type]

        desk.services.note = slow  # type: ignore[method-assign,assignment]
        await desk.say("agent1", "keep me")
        await go.wait()
    assert [note[1] for note in desk.services.notes] == ["keep me"]
    assert all(delivery.acked for delivery in desk.standin.deliveries)


async def test_shuffled_envelopes_are_all_handled() -> None:
    async with rig() as desk:
        await desk.standin.control("reorder", window=4)
        for number in range(8):
            await desk.say("agent1", f"! number {number}")
        await desk.settled()
        ordered = sorted(desk.services.drafts, key=lambda draft: draft.order)
        assert [draft.text.plain for draft in ordered] == [f"number {n}" for n in range(8)]


async def test_what_is_no_envelope_is_left_out() -> None:
    async with rig() as desk:
        for connection in desk.standin.core.dispatch.sockets.connections:
            for frame in (
                "[]",
                "not json",
                "{}",
                '{"type": "events_api"}',
                '{"type": "unheard_of", "envelope_id": "x"}',
            ):
                connection.send(frame)
        await desk.say("agent1", "! still here")
        await desk.settled()
        assert len(desk.services.drafts) == 1 and desk.standin.connections == 2
        assert len(desk.standin.calls_of("apps.connections.open")) == 3, "two connections and the preflight"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "reaction_added", "user": "U1", "reaction": "eyes", "item": {"type": "message"}},
        {"type": "something_new", "whatever": [1]},
        {"type": "user_change", "user": {"id": "U0001AGENT1"}},
        {
            "type": "message",
            "subtype": "channel_topic",
            "channel": "C0NOT",
            "user": "U1",
            "text": "! x",
            "ts": "1.1",
        },
        {"type": "app_mention", "channel": "C0NOT", "user": "U0001AGENT1", "text": "hi", "ts": "1.1"},
    ],
)
async def test_every_event_is_acknowledged_at_once(event: dict[str, object]) -> None:
    async with rig() as desk:
        desk.standin.core.emit({**event, "event_ts": "1.1"})
        await desk.settled()
        assert all(delivery.acked and delivery.attempt == 0 for delivery in desk.standin.deliveries)
        assert desk.services.drafts == []


async def test_another_programs_messages_are_not_agents_words() -> None:
    async with rig() as desk:
        base = {
            "channel": desk.channel,
            "thread_ts": desk.place.ts,
            "text": "! from a program",
            "event_ts": "1.1",
        }
        for ts, more in (
            ("5.1", {"bot_id": "B9", "user": "U0001AGENT1"}),
            ("5.2", {"subtype": "bot_message"}),
        ):
            desk.standin.core.emit({"type": "message", "ts": ts, **base, **more})
        await desk.settled()
        assert desk.services.drafts == [] and desk.services.notes == []
