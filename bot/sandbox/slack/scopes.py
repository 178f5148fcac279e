"""Scopes and rate tiers of the methods that the stand-in implements (a test holds them against Slack's spec)."""

from __future__ import annotations

from typing import Literal

Tier = Literal["t1", "t2", "t3", "t4", "t5", ""]

_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_MANAGE = ("channels:manage", "channels:write", "groups:write", "im:write", "mpim:write")

_MANAGE_AS_BOT = tuple(scope for scope in _MANAGE if scope != "channels:write")

SCOPES: dict[str, tuple[str, ...]] = {
    "api.test": (),
    "auth.test": (),
    "apps.connections.open": (),
    "assistant.threads.setStatus": ("chat:write",),
    "bots.info": ("users:read",),
    "chat.delete": ("chat:write",),
    "chat.getPermalink": (),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.archive": _MANAGE,
    "conversations.history": _HISTORY,
    "conversations.info": _READ,
    "conversations.invite": ("channels:write.invites", "groups:write.invites", *_MANAGE_AS_BOT),
    "conversations.join": ("channels:join",),
    "conversations.kick": ("groups:write", "channels:manage"),
    "conversations.leave": _MANAGE,
    "conversations.list": _READ,
    "conversations.members": _READ,
    "conversations.open": ("channels:manage", "groups:write", "im:write", "mpim:write"),
    "conversations.replies": _HISTORY,
    "conversations.unarchive": _MANAGE,
    "files.completeUploadExternal": ("files:write",),
    "files.delete": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "reactions.add": ("reactions:write",),
    "reactions.get": ("reactions:read",),
    "reactions.remove": ("reactions:write",),
    "team.info": ("team:read",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.conversations": _READ,
    "users.getPresence": ("users:read",),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
    "users.profile.get": ("users.profile:read",),
    "views.open": (),
    "views.publish": (),
    "views.push": (),
    "views.update": (),
}
"""Bot token scopes: any one of them opens the method."""

TIERS: dict[str, Tier] = {
    "api.test": "t4",
    "apps.connections.open": "t3",
    "auth.test": "t5",
    "assistant.threads.setStatus": "t5",
    "bots.info": "t3",
    "chat.delete": "t3",
    "chat.getPermalink": "t5",
    "chat.postEphemeral": "t4",
    "chat.postMessage": "t5",
    "chat.update": "t3",
    "conversations.archive": "t2",
    "conversations.history": "t3",
    "conversations.info": "t3",
    "conversations.invite": "t3",
    "conversations.join": "t3",
    "conversations.kick": "t3",
    "conversations.leave": "t3",
    "conversations.list": "t2",
    "conversations.members": "t4",
    "conversations.open": "t3",
    "conversations.replies": "t3",
    "conversations.unarchive": "t2",
    "files.completeUploadExternal": "t4",
    "files.delete": "t3",
    "files.getUploadURLExternal": "t4",
    "files.info": "t4",
    "reactions.add": "t3",
    "reactions.get": "t3",
    "reactions.remove": "t2",
    "team.info": "t3",
    "usergroups.list": "t2",
    "usergroups.users.list": "t2",
    "users.conversations": "t3",
    "users.getPresence": "t3",
    "users.info": "t4",
    "users.list": "t2",
    "users.lookupByEmail": "t3",
    "users.profile.get": "t4",
    "views.open": "t4",
    "views.publish": "t4",
    "views.push": "t4",
    "views.update": "t4",
}
"""Slack's `rate_limits`; t5 is special (chat.postMessage: 1/s per channel)."""

PER_MINUTE: dict[Tier, int] = {"t1": 1, "t2": 20, "t3": 50, "t4": 100}

KIND_PREFIX = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
"""Channel kind -> the scope family that reads it."""

EVENT_SCOPES: dict[str, tuple[str, ...]] = {
    "app_mention": ("app_mentions:read",),
    "reaction_added": ("reactions:read",),
    "reaction_removed": ("reactions:read",),
    "member_joined_channel": ("channels:read", "groups:read"),
    "member_left_channel": ("channels:read", "groups:read"),
    "channel_archive": ("channels:read",),
    "channel_unarchive": ("channels:read",),
    "channel_left": ("channels:read",),
    "app_home_opened": (),
}
"""Event type -> scopes of which one is needed; `message` depends on the channel's kind."""

METADATA_SCOPE = "metadata.message:read"
"""Lets an app read message metadata in its channels; without it `include_all_metadata` brings none."""

ALL_BOT_SCOPES: tuple[str, ...] = (
    *sorted({scope for scopes in SCOPES.values() for scope in scopes} - {"channels:write"}),
    *("app_mentions:read", "chat:write.customize", "commands", METADATA_SCOPE),
)
"""What `bot_scopes=None` grants."""
