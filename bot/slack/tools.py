"""What the handlers of Slack's events and gestures share: who, where, and how to answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.commands.registry import Registry
from bot.commands.services import Services
from bot.commands.types import Answer, Later
from bot.errors import DeliveryError
from bot.messages import Text
from bot.slack.answers import ephemeral
from bot.slack.desk import SlackDesk
from bot.slack.incoming import named, people_in
from bot.slack.people import People
from bot.slack.policy import Identity, SlackPolicy

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the composition root gives. ``spawn`` runs a coroutine in its task group. ``on_place_gone`` is told
    that a message of the
    bot's was deleted (channel, ts), or that a whole channel is gone (channel, None)."""

    spawn: Callable[[Coroutine[Any, Any, None]], object]
    on_place_gone: Callable[[str, str | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything a handler needs."""

    policy: SlackPolicy
    identity: Identity
    desk: SlackDesk
    services: Services
    registry: Registry
    people: People
    hooks: Hooks

    async def public_text(self, text: Text) -> Text:
        """The text with public names in the place of ``<@U…>``."""
        mentioned = people_in(text)
        return named(text, await self.people.names(mentioned)) if mentioned else text

    async def whisper(self, channel: str, user: str, thread_ts: str | None, answer: Answer) -> None:
        """Shows an answer to one person only. That it could not be shown undoes nothing, so it is only logged."""
        try:
            await self.desk.api.call(
                "chat.postEphemeral", channel=channel, user=user, thread_ts=thread_ts, **ephemeral(answer)
            )
        except DeliveryError as error:
            _log.warning("an answer could not be shown: %s", error.reason)

    async def respond(
        self, url: str, answer: Answer, *, replace: bool = False, thread_ts: str | None = None
    ) -> None:
        """Answers through a ``response_url`` (30 minutes, five times)."""
        body = {"response_type": "ephemeral", "replace_original": replace, **ephemeral(answer)}
        if thread_ts is not None:
            body["thread_ts"] = thread_ts
        try:
            timeout = aiohttp.ClientTimeout(total=self.policy.timeout)
            async with self.desk.session.post(
                url, json=body, timeout=timeout, allow_redirects=False, proxy=self.desk.client.proxy
            ) as reply:
                if reply.status >= 400:
                    _log.warning("Slack did not take an answer (%s)", reply.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _log.warning("an answer could not be shown: %s", type(error).__name__)


def shown_now(result: Answer | Later) -> Answer:
    """What is shown at once."""
    return result.first if isinstance(result, Later) else result
