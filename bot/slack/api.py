"""One door to Slack's Web API: one shared session, no hidden second attempt, our errors.

The library's own retry handler posts twice after a dropped connection, so it gets an empty list; pacing and
repeating are the outbox's work.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import code_of, mapped
from bot.slack.policy import SlackPolicy

JSON_METHODS = frozenset(
    {
        "auth.test",
        "chat.postMessage",
        "chat.update",
        "chat.postEphemeral",
        "reactions.add",
        "reactions.remove",
        "files.completeUploadExternal",
        "views.open",
        "views.update",
        "views.push",
        "views.publish",
        "conversations.history",
    }
)
"""Methods whose description says that they take JSON; the others get a form."""
NOT_REPEATABLE = frozenset(
    {"chat.postMessage", "files.completeUploadExternal", "chat.postEphemeral", "views.open"}
)


def make_client(policy: SlackPolicy, session: aiohttp.ClientSession) -> AsyncWebClient:
    """The client that everything here uses."""
    return AsyncWebClient(
        token=policy.bot_token,
        base_url=policy.api_url,
        timeout=int(policy.timeout),
        session=session,
        retry_handlers=[],
    )


class SlackApi:
    """Calls of Slack's methods that raise our ``DeliveryError``s. ``timeout`` in seconds, for a whole call."""

    def __init__(self, client: AsyncWebClient, timeout: float) -> None:
        self.client = client
        self._timeout = timeout

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Calls a method; arguments that are None are left out."""
        return (await self.call_raw(method, frozenset(), **arguments))[0]

    async def call_raw(
        self, method: str, fine: frozenset[str], **arguments: Any
    ) -> tuple[dict[str, Any], str]:
        """As ``call``; an error code in ``fine`` is not an error, and is returned beside the answer."""
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            async with asyncio.timeout(self._timeout):
                if method == "apps.connections.open":
                    answer = await self.client.apps_connections_open(app_token=str(given["app_token"]))
                elif method in JSON_METHODS:
                    answer = await self.client.api_call(method, json=given)
                else:
                    answer = await self.client.api_call(method, data=_form(given))
        except SlackApiError as error:
            if code_of(error) in fine:
                return {}, code_of(error)
            raise mapped(method, error, repeatable=method not in NOT_REPEATABLE) from error
        except Exception as error:
            raise mapped(method, error, repeatable=method not in NOT_REPEATABLE) from error
        data = answer.data
        return (data if isinstance(data, dict) else {}), ""


def _form(given: dict[str, Any]) -> dict[str, str]:
    return {key: _form_value(value) for key, value in given.items()}


def _form_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)
