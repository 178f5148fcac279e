"""Before anything starts: is Slack set up as we need it. Each failure is one sentence with its cure, all of
them at once."""

from __future__ import annotations

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import ConfigError, DeliveryError
from bot.slack.api import SlackApi
from bot.slack.errors import code_of
from bot.slack.manifest import needed_scopes
from bot.slack.policy import Identity, SlackPolicy, TeamPolicy

_BAD_TOKEN = "Slack refuses the bot token ({code}). Copy the Bot User OAuth Token (xoxb-…) of the app into the environment."
_BAD_APP_TOKEN = (
    "Slack refuses the app token ({code}). Make an app-level token (xapp-…) with the scope connections:write "
    "and switch Socket Mode on."
)


async def preflight(policy: SlackPolicy, client: AsyncWebClient) -> Identity:
    """Who the bot is. Raises ``ConfigError`` with one sentence a line where something is wrong.

    Looks at the bot token and its scopes, the app token, and each team's channel.
    """
    api = SlackApi(client, policy.timeout)
    identity, granted = await _auth(client, policy)
    problems: list[str] = []
    warnings: list[str] = []
    missing = sorted(needed_scopes(policy) - granted) if granted is not None else []
    if missing:
        problems.append(
            f"The Slack app lacks the scopes {', '.join(missing)}. "
            f"Update it with the output of `onethread manifest` and install it again."
        )
    problems += await _app_token(api, policy)
    for team in policy.teams:
        for channel in team.channels:
            problems += await _channel(api, team, channel)
        problems += await _group(api, team)
    if problems:
        raise ConfigError("\n".join(problems))
    return Identity(
        team_id=str(identity["team_id"]),
        team_name=str(identity.get("team") or ""),
        bot_user_id=str(identity["user_id"]),
        bot_id=str(identity.get("bot_id") or ""),
        url=str(identity.get("url") or ""),
        warnings=tuple(warnings),
    )


async def _auth(client: AsyncWebClient, policy: SlackPolicy) -> tuple[dict[str, Any], frozenset[str] | None]:
    """``auth.test`` and the scopes in its header; None where Slack does not say."""
    try:
        answer = await client.api_call("auth.test", json={})
    except SlackApiError as error:
        raise ConfigError(_BAD_TOKEN.format(code=code_of(error) or "no answer")) from error
    except Exception as error:
        raise ConfigError(f"Slack cannot be reached at {policy.api_url}: {type(error).__name__}.") from error
    data = dict(answer.data) if isinstance(answer.data, dict) else {}
    if not data.get("bot_id"):
        raise ConfigError(_BAD_TOKEN.format(code="it is not a bot's token"))
    header = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), None)
    return data, frozenset(scope.strip() for scope in header.split(",")) if header else None


async def _app_token(api: SlackApi, policy: SlackPolicy) -> list[str]:
    try:
        await api.client.apps_connections_open(app_token=policy.app_token)
    except SlackApiError as error:
        return [_BAD_APP_TOKEN.format(code=code_of(error) or "no answer")]
    except Exception as error:
        return [f"Slack did not open Socket Mode: {type(error).__name__}."]
    return []


async def _channel(api: SlackApi, team: TeamPolicy, channel_id: str) -> list[str]:
    about = f"team {team.id}: the Slack channel {channel_id}"
    try:
        answer, code = await api.call_raw(
            "conversations.info", frozenset({"channel_not_found", "missing_scope"}), channel=channel_id
        )
    except DeliveryError as error:
        return [f"{about} could not be read. {error.reason}"]
    if code == "missing_scope":
        return [f"{about} could not be read: the Slack app lacks channels:read or groups:read."]
    if code:
        return [
            f"{about} does not exist or is private. Put its id (C…) into app.yaml and invite the bot there."
        ]
    channel = answer.get("channel") or {}
    if channel.get("is_archived"):
        return [f"{about} (#{channel.get('name')}) is archived. Unarchive it or choose another."]
    if not channel.get("is_member"):
        return [f"{about} (#{channel.get('name')}): the bot is not in it. Type /invite @bot there."]
    return []


async def _group(api: SlackApi, team: TeamPolicy) -> list[str]:
    problems = []
    for group in team.groups:
        try:
            await api.call("usergroups.users.list", usergroup=group)
        except DeliveryError as error:
            problems.append(
                f"team {team.id}: the user group {group} could not be read. {error.reason} List people instead."
            )
    return problems
