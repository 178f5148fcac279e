"""conversations.*: history, threads, membership, direct messages, archiving."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from .. import posting
from ..args import Args
from ..core import Core, method, ok
from ..model import Caller, Channel, Json, SlackRefusal
from ..scopes import METADATA_SCOPE

MAX_PAGE = 999


def encode_cursor(value: str) -> str:
    """An opaque cursor, as Slack writes them."""
    return base64.b64encode(f"next:{value}".encode()).decode()


def decode_cursor(cursor: str) -> str:
    """The value inside a cursor, or `invalid_cursor`."""
    try:
        kind, _, value = base64.b64decode(cursor, validate=True).decode().partition(":")
    except ValueError:
        raise SlackRefusal("invalid_cursor") from None
    if kind != "next" or not value:
        raise SlackRefusal("invalid_cursor")
    return value


def page(items: Sequence[Json], args: Args, bad_limit: str = "invalid_limit") -> tuple[list[Json], str]:
    """One page of a list by `cursor` and `limit`, and the cursor of the next page ("" at the end)."""
    limit = args.integer("limit", 100)
    if not 1 <= limit <= 1_000:
        raise SlackRefusal(bad_limit)
    cursor = args.text("cursor")
    value = decode_cursor(cursor) if cursor else "0"
    if not value.isdigit():
        raise SlackRefusal("invalid_cursor")
    start = int(value)
    following = encode_cursor(str(start + limit)) if start + limit < len(items) else ""
    return list(items[start : start + limit]), following


def _is_ts(value: str) -> bool:
    seconds, _, micros = value.partition(".")
    return seconds.isdigit() and (not micros or micros.isdigit())


def _full(value: str) -> str:
    """A ts with six digits behind the point, so that text compares like time."""
    seconds, _, micros = value.partition(".")
    return f"{seconds.zfill(10)}.{micros.ljust(6, '0')}"


def _window(stamps: list[str], args: Args) -> list[str]:
    """The stamps within oldest…latest (exclusive unless `inclusive`)."""
    oldest, latest = args.text("oldest"), args.text("latest")
    low, high = 0, len(stamps)
    inclusive = args.flag("inclusive")
    if oldest:
        if not _is_ts(oldest):
            raise SlackRefusal("invalid_ts_oldest")
        low = (bisect_left if inclusive else bisect_right)(stamps, _full(oldest))
    if latest:
        if not _is_ts(latest):
            raise SlackRefusal("invalid_ts_latest")
        high = (bisect_right if inclusive else bisect_left)(stamps, _full(latest))
    return stamps[low:high]


def _reads_metadata(core: Core, caller: Caller, args: Args) -> bool:
    """Asked for, and allowed: without the scope Slack is silent about metadata, it does not refuse."""
    allowed = not (caller.is_bot and core.settings.require_scopes) or METADATA_SCOPE in core.scopes
    return allowed and args.flag("include_all_metadata")


def _shown(messages: Iterable[Json], with_metadata: bool) -> list[Json]:
    return [dict(message) if with_metadata else posting.public(message) for message in messages]


def _paging(cursor: str) -> Json:
    return {"response_metadata": {"next_cursor": cursor}} if cursor else {}


@method("conversations.history")
def history(core: Core, caller: Caller, args: Args) -> Json:
    """What shows in the channel itself, newest first."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    core.require_kind(caller, channel, "history")
    if caller.user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    stamps = _window(channel.roots, args)
    cursor = args.text("cursor")
    if cursor:
        stamps = stamps[: bisect_left(stamps, decode_cursor(cursor))]
    limit = max(1, min(MAX_PAGE, args.integer("limit", 100)))
    chosen = stamps[-limit:]
    more = len(stamps) > limit
    return ok(
        messages=_shown(
            (channel.messages[ts] for ts in reversed(chosen)), _reads_metadata(core, caller, args)
        ),
        has_more=more,
        pin_count=0,
        channel_actions_ts=None,
        channel_actions_count=0,
        **_paging(encode_cursor(chosen[0]) if more else ""),
    )


@method("conversations.replies")
def replies(core: Core, caller: Caller, args: Args) -> Json:
    """A thread: its parent first, then the replies, oldest first."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    core.require_kind(caller, channel, "history")
    if caller.user_id not in channel.members:
        raise SlackRefusal("channel_not_found")
    found = channel.messages.get(args.need("ts"))
    if found is None:
        raise SlackRefusal("thread_not_found")
    root = str(found.get("thread_ts", found["ts"]))
    stamps = _window(channel.replies.get(root, []), args)
    cursor = args.text("cursor")
    if cursor:
        stamps = stamps[bisect_right(stamps, decode_cursor(cursor)) :]
    limit = max(1, min(1_000, args.integer("limit", 1_000)))
    chosen = stamps[:limit]
    more = len(stamps) > limit
    parent = [channel.messages[root]] if root in channel.messages else []
    messages = [*parent, *(channel.messages[ts] for ts in chosen if ts in channel.messages)]
    following = encode_cursor(chosen[-1]) if more else ""
    shown = _shown(messages, _reads_metadata(core, caller, args))
    return ok(messages=shown, has_more=more, **_paging(following))


@method("conversations.info")
def info(core: Core, caller: Caller, args: Args) -> Json:
    """One conversation."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    core.require_kind(caller, channel, "read")
    shown = channel.info(caller.user_id)
    if not args.flag("include_num_members"):
        shown.pop("num_members", None)
    return ok(channel=shown)


_KINDS = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}


def _kinds(args: Args) -> set[str]:
    asked = args.ids("types") or ["public_channel"]
    if not set(asked) <= set(_KINDS):
        raise SlackRefusal("invalid_types")
    return {_KINDS[kind] for kind in asked}


def _listed(core: Core, caller: Caller, args: Args, *, member: str | None) -> Json:
    kinds = _kinds(args)
    for kind in kinds:
        core.require(caller, {"channel": "channels", "group": "groups"}.get(kind, kind) + ":read")
    shown = [
        channel.info(caller.user_id)
        for channel in core.workspace.by_id.values()
        if channel.kind in kinds
        and (channel.kind == "channel" or caller.user_id in channel.members)
        and (member is None or member in channel.members)
        and not (args.flag("exclude_archived") and channel.is_archived)
    ]
    items, following = page(shown, args)
    return ok(channels=items, response_metadata={"next_cursor": following})


@method("conversations.list")
def list_(core: Core, caller: Caller, args: Args) -> Json:
    """All conversations that the caller may see."""
    return _listed(core, caller, args, member=None)


@method("users.conversations")
def users_conversations(core: Core, caller: Caller, args: Args) -> Json:
    """The conversations that a user is in."""
    return _listed(core, caller, args, member=args.text("user") or caller.user_id)


@method("conversations.members")
def members(core: Core, caller: Caller, args: Args) -> Json:
    """Ids of the members."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    core.require_kind(caller, channel, "read")
    items, following = page([{"id": user_id} for user_id in sorted(channel.members)], args)
    return ok(members=[item["id"] for item in items], response_metadata={"next_cursor": following})


@method("conversations.open")
def open_(core: Core, caller: Caller, args: Args) -> Json:
    """Open a direct message with one user."""
    workspace = core.workspace
    ref = args.text("channel")
    if ref:
        channel, existed = workspace.channel_for(ref, caller), True
    else:
        users = [user for user in args.ids("users") if user != caller.user_id]
        if not users:
            raise SlackRefusal("users_list_not_supplied")
        if len(users) > 1:
            raise SlackRefusal("too_many_users")  # group conversations are outside this stand-in
        core.require(caller, "im:write")
        if workspace.person(users[0]).deleted:
            raise SlackRefusal("user_disabled")
        channel, existed = workspace.direct(caller.user_id, users[0])
    shown = channel.info(caller.user_id) if args.flag("return_im") else {"id": channel.id}
    extra: Json = {"no_op": True, "already_open": True} if existed else {}
    return ok(channel=shown, **extra)


def add_member(core: Core, channel: Channel, user_id: str, inviter: str = "") -> None:
    """Put somebody into a channel, with Slack's event."""
    channel.members.add(user_id)
    core.workspace.note_sharing(channel)
    core.workspace.record("member_joined", {"channel": channel.id, "user": user_id}, channel)
    event: Json = {
        "type": "member_joined_channel",
        "user": user_id,
        "channel": channel.id,
        "channel_type": "C" if channel.kind == "channel" else "G",
        "team": core.workspace.users[user_id].team_id,
        "enterprise": None,
    }
    core.emit({**event, "inviter": inviter} if inviter else event, channel)
    _say(core, channel, "channel_join", user_id, "has joined the channel")


def _say(core: Core, channel: Channel, subtype: str, user_id: str, words: str) -> None:
    """The line that Slack itself writes into the channel."""
    if channel.kind == "group":
        subtype = subtype.replace("channel_", "group_")
    message: Json = {"subtype": subtype, "user": user_id, "text": f"<@{user_id}> {words}"}
    posting.add_message(core, channel, message)


def remove_member(core: Core, channel: Channel, user_id: str) -> None:
    """Take somebody out of a channel; the app hears `channel_left` when it is itself."""
    core.workspace.record("member_left", {"channel": channel.id, "user": user_id}, channel)
    _say(core, channel, "channel_leave", user_id, "has left the channel")
    channel.members.discard(user_id)
    if user_id == core.workspace.bot.id:
        kind = "channel_left" if channel.kind == "channel" else "group_left"
        core.emit({"type": kind, "channel": channel.id, "actor_id": "USLACKBOT"})
    else:
        core.emit({"type": "member_left_channel", "user": user_id, "channel": channel.id}, channel)


def set_archived(core: Core, channel: Channel, archived: bool, by: str) -> None:
    """Archive or unarchive, with Slack's event."""
    channel.is_archived = archived
    kind = ("channel" if channel.kind == "channel" else "group") + ("_archive" if archived else "_unarchive")
    core.workspace.record("channel", {"channel": channel.id}, channel)
    core.emit({"type": kind, "channel": channel.id, "user": by, "is_moved": 0}, channel)


@method("conversations.join")
def join(core: Core, caller: Caller, args: Args) -> Json:
    """Join a public channel."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    if channel.kind != "channel":
        raise SlackRefusal("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if caller.user_id not in channel.members:
        add_member(core, channel, caller.user_id)
    return ok(channel=channel.info(caller.user_id))


@method("conversations.invite")
def invite(core: Core, caller: Caller, args: Args) -> Json:
    """Put users into a channel."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if caller.user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    users = args.ids("users")
    if not users:
        raise SlackRefusal("no_user")
    for user_id in users:
        core.workspace.person(user_id)
        if user_id in channel.members:
            raise SlackRefusal("already_in_channel")
        add_member(core, channel, user_id, caller.user_id)
    return ok(channel=channel.info(caller.user_id))


@method("conversations.kick")
def kick(core: Core, caller: Caller, args: Args) -> Json:
    """Take a user out of a channel."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    user_id = args.need("user")
    if user_id == caller.user_id:
        raise SlackRefusal("cant_kick_self")
    if user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    remove_member(core, channel, user_id)
    return ok()


@method("conversations.leave")
def leave(core: Core, caller: Caller, args: Args) -> Json:
    """Leave a channel."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    if caller.user_id not in channel.members:
        return ok(not_in_channel=True)
    remove_member(core, channel, caller.user_id)
    return ok()


@method("conversations.archive")
def archive(core: Core, caller: Caller, args: Args) -> Json:
    """Archive a channel."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    if channel.is_archived:
        raise SlackRefusal("already_archived")
    if caller.user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    set_archived(core, channel, True, caller.user_id)
    return ok()


@method("conversations.unarchive")
def unarchive(core: Core, caller: Caller, args: Args) -> Json:
    """Open an archived channel again."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    if not channel.is_archived:
        raise SlackRefusal("not_archived")
    set_archived(core, channel, False, caller.user_id)
    return ok()
