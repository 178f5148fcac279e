"""chat.*: posting, updating, deleting, ephemerals and permalinks."""

from __future__ import annotations

from .. import posting
from .. import text as texts
from ..args import Args
from ..core import Core, method, ok
from ..model import Caller, Channel, Json, SlackRefusal


def _writable(core: Core, caller: Caller, args: Args) -> Channel:
    """The channel, open and joined."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if caller.user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    return channel


def _content(core: Core, caller: Caller, args: Args, too_long: str = "msg_blocks_too_long") -> Json:
    """text, blocks, attachments and metadata of a new message."""
    markdown = args.text("markdown_text")
    text = args.text("text")
    if markdown and (text or args.get("blocks")):
        raise SlackRefusal("markdown_text_conflict")
    blocks = posting.read_blocks(core, args, too_long)
    attachments = posting.read_attachments(args)
    text = text or markdown
    if not text and not blocks and not attachments:
        raise SlackRefusal("no_text")
    content: Json = {"text": texts.normalise(text[: posting.MAX_TEXT])}
    if blocks:
        content["blocks"] = blocks
    elif not caller.is_bot:
        content["blocks"] = texts.rich_text(content["text"])
    if attachments:
        content["attachments"] = attachments
    return content


@method("chat.postMessage")
def post_message(core: Core, caller: Caller, args: Args) -> Json:
    """Say something, as the bot or (with a user token) as a person."""
    channel = _writable(core, caller, args)
    client_msg_id = args.text("client_msg_id")
    if client_msg_id:
        known = core.workspace.client_msg_ids.get((channel.id, client_msg_id))
        if known and known in channel.messages:
            return ok(channel=channel.id, ts=known, message=channel.messages[known], is_duplicate=True)
    message = {**posting.author_fields(core, caller, args), **_content(core, caller, args)}
    metadata = posting.read_metadata(args)
    if metadata:
        message["metadata"] = metadata
    if client_msg_id:
        message["client_msg_id"] = client_msg_id
    thread_ts = args.text("thread_ts")
    root = posting.thread_root(core, channel, thread_ts) if thread_ts else ""
    broadcast = args.flag("reply_broadcast")
    message = posting.add_message(core, channel, message, thread_ts=root, broadcast=broadcast)
    if client_msg_id:
        core.workspace.client_msg_ids[(channel.id, client_msg_id)] = message["ts"]
    return ok(channel=channel.id, ts=message["ts"], message=message)


def _own(core: Core, caller: Caller, message: Json) -> bool:
    if caller.is_bot:
        return message.get("bot_id") == core.workspace.bot_id
    return message.get("user") == caller.user_id and "bot_id" not in message


@method("chat.update")
def update(core: Core, caller: Caller, args: Args) -> Json:
    """Change one's own message. The customised name of a bot message stays."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    message = channel.messages.get(args.need("ts"))
    if caller.user_id not in channel.members:
        raise SlackRefusal("channel_not_found")
    if message is None or message.get("subtype") == "tombstone":
        raise SlackRefusal("message_not_found")
    if channel.is_archived:
        raise SlackRefusal("is_inactive")
    if not _own(core, caller, message):
        raise SlackRefusal("cant_update_message")
    if len(args.text("text")) > posting.MAX_UPDATE_TEXT:
        raise SlackRefusal("msg_too_long")
    changes = _changes(core, caller, args, message)
    after = posting.change_message(core, channel, message["ts"], changes, caller.user_id)
    return ok(channel=channel.id, ts=after["ts"], text=after["text"], message=after)


def _changes(core: Core, caller: Caller, args: Args, message: Json) -> Json:
    """What chat.update replaces: `text` without `blocks` removes the blocks, metadata stays unless given."""
    blocks = posting.read_blocks(core, args, "msg_too_long")
    attachments = posting.read_attachments(args)
    metadata = posting.read_metadata(args)
    text = args.text("text") or args.text("markdown_text")
    changes: Json = {}
    if text:
        changes["text"] = texts.normalise(text)
        if not caller.is_bot:
            changes["blocks"] = texts.rich_text(changes["text"])
        elif blocks is None and "blocks" in message:
            changes["blocks"] = []
    if blocks is not None:
        changes["blocks"] = blocks
    if attachments is not None:
        changes["attachments"] = attachments
    if metadata is not None:
        changes["metadata"] = metadata
    if not (text or blocks or attachments or metadata is not None):
        raise SlackRefusal("no_text")
    return changes


@method("chat.delete")
def delete(core: Core, caller: Caller, args: Args) -> Json:
    """Delete one's own message; admins may delete anybody's."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    ts = args.need("ts")
    message = channel.messages.get(ts)
    if message is None or message.get("subtype") == "tombstone":
        raise SlackRefusal("message_not_found")
    admin = not caller.is_bot and core.caller_person(caller).is_admin
    if not (_own(core, caller, message) or admin):
        raise SlackRefusal("cant_delete_message")
    posting.remove_message(core, channel, ts)
    return ok(channel=channel.id, ts=ts)


@method("chat.postEphemeral")
def post_ephemeral(core: Core, caller: Caller, args: Args) -> Json:
    """Show a message to one person only."""
    channel = _writable(core, caller, args)
    person = core.workspace.users.get(args.need("user"))
    if person is None or person.id not in channel.members:
        raise SlackRefusal("user_not_in_channel")
    content = _content(core, caller, args, "msg_too_long")
    author = posting.author_fields(core, caller, args)
    message = posting.add_ephemeral(
        core,
        channel,
        person,
        text=content["text"],
        blocks=content.get("blocks"),
        thread_ts=args.text("thread_ts"),
        **{key: author[key] for key in ("username", "icons") if key in author},
    )
    return ok(message_ts=message["ts"])


@method("chat.getPermalink")
def get_permalink(core: Core, caller: Caller, args: Args) -> Json:
    """The address of a message."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    message = channel.messages.get(args.need("message_ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    link = f"https://{core.workspace.team_domain}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    thread_ts = message.get("thread_ts")
    if thread_ts and thread_ts != message["ts"]:
        link += f"?thread_ts={thread_ts}&cid={channel.id}"
    return ok(permalink=link, channel=channel.id)


@method("assistant.threads.setStatus")
def set_status(core: Core, caller: Caller, args: Args) -> Json:
    """`customer is typing…` below a thread; an empty status clears it."""
    channel = core.workspace.channel_for(args.need("channel_id"), caller)
    thread_ts = args.need("thread_ts")
    if thread_ts not in channel.messages:
        raise SlackRefusal("invalid_thread_ts")
    body: Json = {"channel": channel.id, "thread_ts": thread_ts, "status": args.text("status")}
    core.workspace.record("status", body, channel)
    return ok()
