"""reactions.*"""

from __future__ import annotations

import re

from ..args import Args
from ..core import Core, method, ok
from ..model import Caller, Channel, Json, SlackRefusal

_NAME = re.compile(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?")


def _item(core: Core, caller: Caller, args: Args) -> tuple[Channel, Json]:
    """The message that the arguments name."""
    if not args.text("channel") or not args.text("timestamp"):
        raise SlackRefusal("no_item_specified")
    channel = core.workspace.channel_for(args.text("channel"), caller)
    message = channel.messages.get(args.text("timestamp"))
    if message is None or caller.user_id not in channel.members:
        raise SlackRefusal("message_not_found")
    return channel, message


def _name(args: Args) -> str:
    name = args.need("name").strip(":")
    if not _NAME.fullmatch(name):
        raise SlackRefusal("invalid_name")
    return name


def _tell(core: Core, channel: Channel, message: Json, kind: str, name: str, user: str) -> None:
    core.workspace.record(
        kind,
        {"channel": channel.id, "ts": message["ts"], "name": name, "user": user, "message": message},
        channel,
    )
    item = {"type": "message", "channel": channel.id, "ts": message["ts"]}
    event: Json = {"type": kind, "user": user, "reaction": name, "item": item}
    author = message.get("user")
    core.emit({**event, "item_user": author} if author else event, channel)


@method("reactions.add")
def add(core: Core, caller: Caller, args: Args) -> Json:
    """Put an emoji on a message."""
    channel, message = _item(core, caller, args)
    name = _name(args)
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    reactions = message.setdefault("reactions", [])
    found = next((item for item in reactions if item["name"] == name), None)
    if found is None:
        if len(reactions) >= 50:
            raise SlackRefusal("too_many_emoji")
        found = {"name": name, "users": [], "count": 0}
        reactions.append(found)
    if caller.user_id in found["users"]:
        raise SlackRefusal("already_reacted")
    found["users"].append(caller.user_id)
    found["count"] += 1
    _tell(core, channel, message, "reaction_added", name, caller.user_id)
    return ok()


@method("reactions.remove")
def remove(core: Core, caller: Caller, args: Args) -> Json:
    """Take one's own emoji off a message."""
    channel, message = _item(core, caller, args)
    name = _name(args)
    reactions = message.get("reactions", [])
    found = next((item for item in reactions if item["name"] == name), None)
    if found is None or caller.user_id not in found["users"]:
        raise SlackRefusal("no_reaction")
    found["users"].remove(caller.user_id)
    found["count"] -= 1
    if not found["count"]:
        reactions.remove(found)
    if not reactions:
        message.pop("reactions", None)
    _tell(core, channel, message, "reaction_removed", name, caller.user_id)
    return ok()


@method("reactions.get")
def get(core: Core, caller: Caller, args: Args) -> Json:
    """The emoji on a message."""
    channel, message = _item(core, caller, args)
    return ok(type="message", channel=channel.id, message=message)
