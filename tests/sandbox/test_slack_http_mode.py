"""HTTP mode: signed requests that slack_bolt itself verifies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.slack.httpmode import sign
from tests.sandbox.slack_rig import Rig, rig


@dataclass
class Door:
    """The app's request URL."""

    port: int
    app: AsyncApp | None = None
    statuses: list[int] = field(default_factory=list)  # what to answer before Bolt gets anything
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        assert self.app is not None
        return await to_aiohttp_response(await self.app.async_dispatch(await to_bolt_request(request)))


@asynccontextmanager
async def _door(**knobs: Any) -> AsyncIterator[tuple[Rig, Door]]:
    door = Door(0)
    server = web.Application()
    server.router.add_post("/slack/events", door.handle)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with rig(request_url=f"http://127.0.0.1:{port}/slack/events", **knobs) as desk:
            door.app = AsyncApp(
                client=desk.client, signing_secret=desk.standin.signing_secret, process_before_response=True
            )
            yield desk, door
    finally:
        await runner.cleanup()


def test_the_signature_is_the_one_that_the_sdk_verifies() -> None:
    body = b'{"type":"event_callback"}'
    verifier = SignatureVerifier("secret")
    stamp = int(verifier.clock.now())
    assert verifier.is_valid(body, str(stamp), sign("secret", stamp, body))
    assert not verifier.is_valid(body, str(stamp), sign("other", stamp, body))


async def test_events_commands_and_clicks_reach_bolt_over_http() -> None:
    async with _door() as (desk, door):
        assert door.app is not None
        seen: list[str] = []

        @door.app.event("message")
        async def on_message(event: dict[str, Any]) -> None:
            seen.append(event["text"])

        @door.app.command("/reply")
        async def on_reply(ack: Any, body: dict[str, Any]) -> None:
            await ack(f"→ {body['text']}")

        @door.app.shortcut("send")
        async def on_shortcut(ack: Any, shortcut: dict[str, Any]) -> None:
            seen.append(shortcut["type"])
            await ack()

        assert await desk.standin.verify_request_url()
        ts = (await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi"))["ts"]
        await desk.standin.wait_for(lambda: desk.standin.deliveries[0].acked)
        answer = await desk.standin.act("agent1", "chat.command", channel=desk.support, command="/reply C42")
        assert answer["response"]["text"] == "→ C42"
        await desk.standin.act("agent1", "blocks.actions", channel=desk.support, ts=ts, callback_id="send")
        assert seen == ["hi", "message_action"]


async def test_a_refused_event_comes_again_with_number_and_reason() -> None:
    async with _door(clock_scale=1_000) as (desk, door):
        assert door.app is not None

        @door.app.event("message")
        async def on_message() -> None:
            return

        door.statuses = [500, 503]
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi")
        await desk.standin.wait_for(lambda: desk.standin.deliveries[0].acked)
        assert [headers.get("X-Slack-Retry-Num") for headers in door.headers] == [None, "1", "2"]
        assert door.headers[1]["X-Slack-Retry-Reason"] == "http_error"


async def test_a_wrong_secret_is_refused_by_bolt() -> None:
    async with _door(clock_scale=10_000) as (desk, door):
        door.app = AsyncApp(client=desk.client, signing_secret="another")
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi")
        await desk.standin.wait_for(lambda: desk.standin.deliveries[0].failed)
        assert len(door.headers) == 4
