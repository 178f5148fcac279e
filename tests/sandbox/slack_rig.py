"""A Slack stand-in with real clients on it: slack_sdk's AsyncWebClient and slack_bolt over Socket Mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackStandIn

MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Reply"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "words",
            "label": {"type": "plain_text", "text": "Text"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}
BUTTON: dict[str, Any] = {
    "type": "actions",
    "block_id": "row",
    "elements": [
        {
            "type": "button",
            "action_id": "take",
            "value": "C42",
            "text": {"type": "plain_text", "text": "Take it"},
        }
    ],
}


@dataclass
class Rig:
    """The stand-in, the bot's client on it, and raw HTTP."""

    standin: SlackStandIn
    client: AsyncWebClient
    http: aiohttp.ClientSession
    sockets: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    async def socket(self, url: str = "") -> aiohttp.ClientWebSocketResponse:
        """A bare Socket Mode connection, closed with the rig."""
        if not url:
            url = (await self.client.apps_connections_open(app_token=self.standin.app_token))["url"]
        self.sockets.append(await self.http.ws_connect(url))
        return self.sockets[-1]

    @property
    def support(self) -> str:
        """The id of the support channel."""
        return self.standin.channels["support"].id

    def person(self, key: str) -> AsyncWebClient:
        """A client that speaks with a person's token."""
        token = self.standin.people[key].token
        return AsyncWebClient(
            token=token, base_url=self.standin.api_url, session=self.http, retry_handlers=[]
        )


@asynccontextmanager
async def rig(**knobs: Any) -> AsyncIterator[Rig]:
    """A started stand-in; `knobs` go to its constructor."""
    async with SlackStandIn(**knobs) as standin, aiohttp.ClientSession() as http:
        client = AsyncWebClient(
            token=standin.bot_token, base_url=standin.api_url, session=http, retry_handlers=[]
        )
        made = Rig(standin, client, http)
        try:
            yield made
        finally:
            for socket in made.sockets:
                await socket.close()


@asynccontextmanager
async def bolt(rig: Rig, app: AsyncApp, ping_interval: float = 10) -> AsyncIterator[AsyncSocketModeHandler]:
    """`app` connected over Socket Mode."""
    before = rig.standin.connections
    handler = AsyncSocketModeHandler(
        app, rig.standin.app_token, web_client=rig.client, ping_interval=ping_interval
    )
    await handler.connect_async()
    await rig.standin.wait_for(lambda: rig.standin.connections == before + 1)
    try:
        yield handler
    finally:
        await handler.close_async()


def new_app(rig: Rig) -> AsyncApp:
    """A Bolt app that acks after its listeners ran."""
    return AsyncApp(client=rig.client, process_before_response=True)


async def error_of(call: Any) -> str:
    """The error of a call that must fail."""
    try:
        await call
    except SlackApiError as problem:
        return str(problem.response["error"])
    raise AssertionError("the call succeeded")
