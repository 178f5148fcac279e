"""Saying, changing and removing messages, with the events that Slack makes of it."""

from __future__ import annotations

import itertools
from typing import Any

from . import text as texts
from .args import Args
from .blocks import check_message, with_ids
from .core import Core
from .model import Caller, Channel, Json, Person, SlackRefusal

MAX_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000
MAX_METADATA = 16_000
block_ids = itertools.count(0x1000)
CHANNEL_TYPE = {"channel": "channel", "group": "group", "im": "im", "mpim": "mpim"}


def read_blocks(core: Core, args: Args, too_long: str = "msg_blocks_too_long") -> list[Json] | None:
    """The `blocks` argument, validated; None when it was not given."""
    if args.get("blocks") in (None, ""):
        return None
    blocks = args.nested("blocks", "invalid_blocks_format")
    if core.settings.validate:
        check_message(blocks, too_long)
    return with_ids(blocks, block_ids)


def read_attachments(args: Args) -> list[Json] | None:
    """The legacy `attachments` argument."""
    found = args.nested("attachments")
    if found is not None and (not isinstance(found, list) or len(found) > 100):
        raise SlackRefusal("too_many_attachments" if isinstance(found, list) else "invalid_arguments")
    return found


def read_metadata(args: Args) -> Json | None:
    """The `metadata` argument: event_type and a flat event_payload."""
    found = args.mapping("metadata", "invalid_metadata_format")
    if not found:
        return found
    payload = found.get("event_payload")
    if not isinstance(found.get("event_type"), str) or not isinstance(payload, dict):
        raise SlackRefusal("invalid_metadata_schema")
    if len(str(found)) > MAX_METADATA:
        raise SlackRefusal("metadata_too_large")
    return found


def author_fields(core: Core, caller: Caller, args: Args) -> Json:
    """Who a message is from: a person, the bot, or the bot under another name."""
    workspace = core.workspace
    if not caller.is_bot:
        person = workspace.users[caller.user_id]
        return {"user": person.id, "team": person.team_id}
    bot: Json = {"bot_id": workspace.bot_id, "app_id": workspace.app_id, "team": workspace.team_id}
    username, icon_url, icon_emoji = args.text("username"), args.text("icon_url"), args.text("icon_emoji")
    if not (username or icon_url or icon_emoji):
        return {"user": workspace.bot.id, **bot, "bot_profile": bot_profile(core)}
    core.require(caller, "chat:write.customize")
    icons: Json = {"emoji": icon_emoji} if icon_emoji else {"image_48": icon_url} if icon_url else {}
    custom = {"subtype": "bot_message", "username": username or workspace.bot.name, **bot}
    return {**custom, "icons": icons} if icons else custom


def bot_profile(core: Core) -> Json:
    """The profile that rides on bot messages."""
    workspace = core.workspace
    return {
        "id": workspace.bot_id,
        "app_id": workspace.app_id,
        "user_id": workspace.bot.id,
        "name": workspace.bot.display_name,
        "icons": {"image_36": "", "image_48": "", "image_72": ""},
        "deleted": False,
        "updated": 1_700_000_000,
        "team_id": workspace.team_id,
    }


def thread_root(core: Core, channel: Channel, thread_ts: str) -> str:
    """The ts of the thread that `thread_ts` names (a reply's ts leads to its parent)."""
    found = channel.messages.get(thread_ts)
    if found is not None:
        return str(found.get("thread_ts", thread_ts))
    if core.settings.missing_thread == "accept":
        return thread_ts
    raise SlackRefusal(core.settings.missing_thread)


def add_message(
    core: Core, channel: Channel, message: Json, *, thread_ts: str = "", broadcast: bool = False
) -> Json:
    """Store a message that is complete but for `ts`, and tell clients and the app."""
    ts = core.workspace.next_ts()
    message = {"type": "message", "ts": ts, **message}
    if thread_ts:
        message["thread_ts"] = thread_ts
        if broadcast:
            message["subtype"] = "thread_broadcast"
        _join_thread(channel, message, thread_ts)
    channel.messages[ts] = message
    if not thread_ts or broadcast:
        channel.roots.append(ts)
    body: Json = {"channel": channel.id, "message": message, **_parent(channel, message)}
    core.workspace.record("message", body, channel)
    _announce(core, channel, message)
    return message


def _join_thread(channel: Channel, message: Json, thread_ts: str) -> None:
    """Count a reply on its parent."""
    channel.replies.setdefault(thread_ts, []).append(message["ts"])
    parent = channel.messages.get(thread_ts)
    if parent is None:
        return
    author = message.get("user") or message.get("bot_id", "")
    if "user" in parent:
        message["parent_user_id"] = parent["user"]
    users = parent.setdefault("reply_users", [])
    if author not in users:
        users.append(author)
    parent["thread_ts"] = thread_ts
    parent["reply_count"] = parent.get("reply_count", 0) + 1
    parent["reply_users_count"] = len(users)
    parent["latest_reply"] = message["ts"]


def _parent(channel: Channel, reply: Json) -> Json:
    """How the parent of a reply counts now, for clients."""
    parent = channel.messages.get(reply.get("thread_ts", ""))
    if parent is None or parent is reply:
        return {}
    keys = ("ts", "reply_count", "reply_users", "latest_reply")
    return {"parent": {"reply_count": 0, **{key: parent[key] for key in keys if key in parent}}}


def public(message: Json) -> Json:
    """A message without its metadata, as events and plain history carry it."""
    return {key: value for key, value in message.items() if key != "metadata"}


def _announce(core: Core, channel: Channel, message: Json) -> None:
    """The `message` event, and `app_mention` where the bot is named."""
    workspace = core.workspace
    if workspace.bot.id not in channel.members:
        return
    event = public(message)
    event |= {"channel": channel.id, "channel_type": CHANNEL_TYPE[channel.kind], "event_ts": message["ts"]}
    author = workspace.users.get(message.get("user", ""))
    if author is not None and channel.is_ext_shared:
        event |= {"user_team": author.team_id, "source_team": author.team_id}
    core.emit(event, channel)
    if (
        workspace.bot.id in texts.mentions(message.get("text", ""))
        and message.get("user") != workspace.bot.id
    ):
        core.emit({**event, "type": "app_mention"}, channel)


def change_message(core: Core, channel: Channel, ts: str, changes: Json, editor: str | None = None) -> Json:
    """Replace fields of a message and tell clients and the app (`message_changed`)."""
    after = {**channel.messages[ts], **changes}
    if editor:
        after["edited"] = {"user": editor, "ts": core.workspace.next_ts()}
    return _swap(core, channel, ts, after)


def _swap(core: Core, channel: Channel, ts: str, after: Json) -> Json:
    """Put another message in a message's place, with the event."""
    before = channel.messages[ts]
    channel.messages[ts] = after
    core.workspace.record("message_changed", {"channel": channel.id, "message": after}, channel)
    core.emit(
        {
            "type": "message",
            "subtype": "message_changed",
            "channel": channel.id,
            "hidden": True,
            "ts": core.workspace.next_ts(),
            "message": public(after),
            "previous_message": public(before),
            "channel_type": CHANNEL_TYPE[channel.kind],
        },
        channel,
    )
    return after


def remove_message(core: Core, channel: Channel, ts: str) -> None:
    """Delete a message; a parent with replies leaves a tombstone (`message_changed`)."""
    message = channel.messages[ts]
    if channel.replies.get(ts):
        keep = ("type", "ts", "thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply")
        stone = {key: message[key] for key in keep if key in message}
        stone |= {
            "subtype": "tombstone",
            "text": "This message was deleted.",
            "user": "USLACKBOT",
            "hidden": True,
        }
        _swap(core, channel, ts, stone)
        return
    del channel.messages[ts]
    if ts in channel.roots:
        channel.roots.remove(ts)
    _leave_thread(channel, message)
    body: Json = {
        "channel": channel.id,
        "ts": ts,
        "thread_ts": message.get("thread_ts"),
        **_parent(channel, message),
    }
    core.workspace.record("message_deleted", body, channel)
    core.emit(
        {
            "type": "message",
            "subtype": "message_deleted",
            "channel": channel.id,
            "hidden": True,
            "ts": core.workspace.next_ts(),
            "deleted_ts": ts,
            "previous_message": public(message),
            "channel_type": CHANNEL_TYPE[channel.kind],
        },
        channel,
    )


def _leave_thread(channel: Channel, message: Json) -> None:
    thread_ts = message.get("thread_ts")
    if not thread_ts or thread_ts == message["ts"]:
        return
    replies = channel.replies.get(thread_ts, [])
    if message["ts"] in replies:
        replies.remove(message["ts"])
    parent = channel.messages.get(thread_ts)
    if parent is not None:
        parent["reply_count"] = len(replies)
        if replies:
            parent["latest_reply"] = replies[-1]
        else:
            for key in ("reply_count", "reply_users", "reply_users_count", "latest_reply", "thread_ts"):
                parent.pop(key, None)


def add_ephemeral(
    core: Core,
    channel: Channel,
    person: Person,
    *,
    text: str,
    blocks: list[Json] | None = None,
    thread_ts: str = "",
    **more: Any,
) -> Json:
    """Show something to one person only."""
    message: Json = {
        "type": "message",
        "subtype": "bot_message",
        "is_ephemeral": True,
        "ts": core.workspace.next_ts(),
        "channel": channel.id,
        "user": person.id,
        "bot_id": core.workspace.bot_id,
        "app_id": core.workspace.app_id,
        "text": texts.normalise(text),
        **more,
    }
    if blocks is not None:
        message["blocks"] = blocks
    if thread_ts:
        message["thread_ts"] = thread_ts
    person.ephemerals.append(message)
    core.workspace.record("ephemeral", {"channel": channel.id, "message": message}, user_id=person.id)
    return message


def find_ephemeral(person: Person, channel_id: str, ts: str) -> Json | None:
    """An ephemeral that this person still sees."""
    return next((m for m in person.ephemerals if m["ts"] == ts and m["channel"] == channel_id), None)
