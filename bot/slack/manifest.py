"""The Slack app's manifest, made from the registry: what is typed, pressed, heard and allowed, in one place."""

from __future__ import annotations

from typing import Any

from bot.commands.registry import Registry
from bot.commands.types import Face
from bot.slack.policy import SlackPolicy

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "metadata.message:read",
        "reactions:write",
        "users:read",
    }
)
GROUP_SCOPE = "usergroups:read"
BOT_EVENTS = (
    "app_home_opened",
    "app_mention",
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "group_archive",
    "group_deleted",
    "group_left",
    "message.channels",
    "message.groups",
    "user_change",
)
MAX_SHORTCUTS = 10


def needed_scopes(policy: SlackPolicy) -> frozenset[str]:
    """The bot scopes that this configuration needs."""
    grouped = any(team.groups for team in policy.teams)
    return SCOPES | {GROUP_SCOPE} if grouped else SCOPES


def manifest(registry: Registry, policy: SlackPolicy) -> dict[str, Any]:
    """The manifest, valid against Slack's schema version 2."""
    return {
        "_metadata": {"major_version": 2, "minor_version": 0},
        "display_information": {
            "name": policy.app_name,
            "description": "Every customer, one thread: mail and chats in your channel, answers from it.",
            "background_color": "#1f3a4d",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": policy.app_name, "always_online": True},
            "slash_commands": _slash_commands(registry),
            "shortcuts": _shortcuts(registry),
        },
        "oauth_config": {"scopes": {"bot": sorted(needed_scopes(policy))}},
        "settings": {
            "event_subscriptions": {"bot_events": list(BOT_EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def _slash_commands(registry: Registry) -> list[dict[str, Any]]:
    made = []
    for command in registry.commands:
        if Face.SLASH not in command.faces:
            continue
        entry: dict[str, Any] = {
            "command": registry.slash(command),
            "description": command.summary[:1].upper() + command.summary[1:],
            "should_escape": True,
        }
        if command.usage:
            entry["usage_hint"] = command.usage
        made.append(entry)
    return made


def _shortcuts(registry: Registry) -> list[dict[str, Any]]:
    return [
        {
            "name": shortcut.label,
            "type": "message" if shortcut.on_message else "global",
            "callback_id": shortcut.action,
            "description": shortcut.about,
        }
        for shortcut in registry.shortcuts[:MAX_SHORTCUTS]
    ]
