"""What a person's client shows: boot, updates since a cursor, ephemerals, open views, the Home tab."""

from __future__ import annotations

from .. import posting, viewstate
from ..args import Args
from ..core import Core, method, ok
from ..model import Caller, Json, SlackRefusal

MAX_WAIT = 25.0
"""Longest `wait` of client.updates, in seconds."""


@method("client.boot", people_only=True)
def boot(core: Core, caller: Caller, args: Args) -> Json:
    """Everything a page needs to start: the person, the team, users, their conversations and a cursor."""
    workspace = core.workspace
    person = core.caller_person(caller)
    mine = [channel for channel in workspace.by_id.values() if caller.user_id in channel.members]
    return ok(
        self=person.user(workspace.team_id),
        team={"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.team_domain},
        bot={"id": workspace.bot.id, "bot_id": workspace.bot_id, "app_id": workspace.app_id},
        users=[user.user(workspace.team_id) for user in workspace.users.values()],
        channels=[channel.info(caller.user_id) for channel in mine],
        views=[viewstate.shown(view) for view in person.views],
        cursor=workspace.cursor,
    )


@method("client.updates", people_only=True)
async def updates(core: Core, caller: Caller, args: Args) -> Json:
    """What changed for this person after `since`; waits up to `wait` seconds for the first change."""
    workspace = core.workspace
    since = args.integer("since", workspace.cursor)
    wait = max(0.0, min(MAX_WAIT, float(args.integer("wait", 0))))
    if since > workspace.cursor:
        return ok(updates=[], cursor=workspace.cursor, reset=True)  # a cursor of another run
    found = workspace.since(since, caller.user_id)
    if found == [] and wait:
        try:
            await workspace.wait_for(lambda: workspace.since(since, caller.user_id) != [], wait)
        except TimeoutError:
            pass
        found = workspace.since(since, caller.user_id)
    if found is None:
        return ok(updates=[], cursor=workspace.cursor, reset=True)
    return ok(updates=found, cursor=workspace.cursor)


@method("client.ephemerals", people_only=True)
def ephemerals(core: Core, caller: Caller, args: Args) -> Json:
    """The ephemerals that this person still sees, oldest first."""
    wanted = args.text("channel")
    if wanted:
        wanted = core.workspace.channel_for(wanted, caller).id
    mine = core.caller_person(caller).ephemerals
    return ok(messages=[m for m in mine if not wanted or m["channel"] == wanted])


@method("client.views", people_only=True)
def views(core: Core, caller: Caller, args: Args) -> Json:
    """The open modals, the top one last, with what was typed."""
    return ok(views=[viewstate.shown(view) for view in core.caller_person(caller).views])


@method("client.home", people_only=True)
def home(core: Core, caller: Caller, args: Args) -> Json:
    """Open the app's Home (or Messages) tab: `app_home_opened` goes to the app; the published view or null."""
    tab = args.text("tab", "home")
    if tab not in ("home", "messages"):
        raise SlackRefusal("invalid_arguments", "[ERROR] tab is home or messages")
    person = core.caller_person(caller)
    channel, _ = core.workspace.direct(person.id, core.workspace.bot.id)
    event: Json = {"type": "app_home_opened", "user": person.id, "channel": channel.id, "tab": tab}
    if person.home is not None and tab == "home":
        event["view"] = viewstate.shown(person.home)
    core.emit(event)
    return ok(view=viewstate.shown(person.home) if person.home else None, channel=channel.id)


@method("client.message", people_only=True)
def message(core: Core, caller: Caller, args: Args) -> Json:
    """One message on this person's screen, ephemerals included."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    ts = args.need("ts")
    person = core.caller_person(caller)
    found = posting.find_ephemeral(person, channel.id, ts) or channel.messages.get(ts)
    if found is None or caller.user_id not in channel.members:
        raise SlackRefusal("message_not_found")
    return ok(message=found)
