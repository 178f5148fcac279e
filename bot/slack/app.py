"""The bolt application: few registrations, each for everything of its kind, so that nothing that arrives is
left without an answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.registry import Registry
from bot.commands.services import Services
from bot.commands.types import Answer
from bot.messages import Text
from bot.slack.answering import Answering
from bot.slack.desk import SlackDesk
from bot.slack.dialogs import Dialogs
from bot.slack.gestures import Gestures
from bot.slack.home import HomeTab
from bot.slack.people import People
from bot.slack.policy import Identity, SlackPolicy
from bot.slack.threads import Threads
from bot.slack.tools import Hooks, Tools

_ANY = re.compile(r"[\s\S]*")
GONE_EVENTS = (
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "group_archive",
    "group_deleted",
    "group_left",
)


EVENTS = (
    "message.channels",
    "message.groups",
    "app_mention",
    "app_home_opened",
    "user_change",
    *GONE_EVENTS,
)
"""What is listened to; the manifest subscribes to the same."""


def build_app(
    policy: SlackPolicy,
    desk: SlackDesk,
    services: Services,
    registry: Registry,
    hooks: Hooks,
    identity: Identity,
) -> AsyncApp:
    """The application that ``SocketRunner`` feeds. ``identity`` comes from ``preflight``, so that no event
    waits for ``auth.test``."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.team_id,
            bot_user_id=identity.bot_user_id,
            bot_id=identity.bot_id,
            bot_token=policy.bot_token,
        )

    app = _bolt(policy, desk, authorize)
    tools = Tools(policy, identity, desk, services, registry, People(policy, desk.api, identity), hooks)
    _listen(app, tools)
    return app


def _bolt(
    policy: SlackPolicy, desk: SlackDesk, authorize: Callable[[], Awaitable[AuthorizeResult]]
) -> AsyncApp:
    """bolt acknowledges after the handler. Its own client has no token: ours is used, so it need not warn that
    it ignores one."""
    log = logging.getLogger("bot.slack.bolt")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        app = AsyncApp(
            client=AsyncWebClient(base_url=policy.api_url, session=desk.session, retry_handlers=[]),
            authorize=authorize,
            process_before_response=True,
            request_verification_enabled=False,
            signing_secret="socket-mode-only",
            logger=log,
            name=policy.app_name,
        )
    finally:
        log.setLevel(before)
    return app


def _listen(app: AsyncApp, tools: Tools) -> None:
    answering = Answering(tools)
    dialogs = Dialogs(tools, answering)
    threads, gestures = Threads(tools), Gestures(tools, answering, dialogs)
    home = HomeTab(tools, answering, dialogs)

    async def on_message(event: dict[str, Any]) -> None:
        await threads.on_message(event)

    async def on_command(body: dict[str, Any], ack: AsyncAck) -> None:
        await gestures.on_command(body, ack)

    async def on_action(body: dict[str, Any], ack: AsyncAck) -> None:
        if (body.get("view") or {}).get("type") == "home":
            await home.on_action(body, ack)
        else:
            await gestures.on_action(body, ack)

    async def on_home(event: dict[str, Any]) -> None:
        home.on_opened(event)

    async def on_shortcut(body: dict[str, Any], ack: AsyncAck) -> None:
        await gestures.on_shortcut(body, ack)

    async def on_submit(body: dict[str, Any], ack: AsyncAck) -> None:
        await dialogs.on_submit(body, ack)

    async def on_closed(ack: AsyncAck) -> None:
        await ack()

    async def on_options(body: dict[str, Any], ack: AsyncAck) -> None:
        await dialogs.on_options(body, ack)

    app.event("message")(on_message)
    app.event("app_home_opened")(on_home)
    app.command(_ANY)(on_command)
    app.action(_ANY)(on_action)
    app.shortcut(_ANY)(on_shortcut)
    app.view(_ANY)(on_submit)
    app.view_closed(_ANY)(on_closed)
    app.options(_ANY)(on_options)
    _listen_to_places(app, tools)


def _listen_to_places(app: AsyncApp, tools: Tools) -> None:
    async def on_gone(event: dict[str, Any]) -> None:
        if tools.policy.team_at(str(event.get("channel", ""))) is not None:
            await tools.hooks.on_place_gone(str(event["channel"]), None)

    async def on_mention(event: dict[str, Any]) -> None:
        """In the teams' channels the ``message`` event of the same words does it all."""
        if tools.policy.team_at(str(event.get("channel", ""))) is None and event.get("user"):
            said = Answer(Text("I only work in the channels of the support teams."))
            await tools.whisper(str(event["channel"]), str(event["user"]), event.get("thread_ts"), said)

    async def on_profile(event: dict[str, Any]) -> None:
        tools.people.forget(str((event.get("user") or {}).get("id", "")))

    async def on_anything(body: dict[str, Any]) -> None:
        """Acknowledged, so that Slack does not send it again."""

    for name in GONE_EVENTS:
        app.event(name)(on_gone)
    app.event("app_mention")(on_mention)
    app.event("user_change")(on_profile)
    app.event(_ANY)(on_anything)
