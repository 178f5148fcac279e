"""People's own verbs: what a person does in Slack's client and no Web API method offers.

`chat.command`, `blocks.actions`, `blocks.suggestion`, `views.submit` and `views.close`, with a user token.
"""

from __future__ import annotations

from typing import Any

from .. import interactions, posting, viewstate
from ..args import Args
from ..blocks import option_problems
from ..core import Core, method, ok
from ..model import Caller, Channel, Json, Person, SlackRefusal, View


def _seat(core: Core, caller: Caller, args: Args) -> tuple[Person, Channel]:
    """The person and the channel they are in."""
    channel = core.workspace.channel_for(args.need("channel"), caller)
    if caller.user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    return core.caller_person(caller), channel


@method("chat.command", people_only=True)
async def command(core: Core, caller: Caller, args: Args) -> Json:
    """Type a slash command. Returns after the app's ack."""
    person, channel = _seat(core, caller, args)
    name, _, rest = args.need("command").strip().partition(" ")
    text = " ".join(part for part in (rest, args.text("text")) if part)
    name = name if name.startswith("/") else f"/{name}"
    if args.text("thread_ts"):
        raise SlackRefusal("not_supported_in_threads", f"{name} is not supported in threads. Sorry!")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if name in interactions.BUILT_IN_COMMANDS:
        raise SlackRefusal("built_in_command", f"{name} is Slack's own command")
    known = core.settings.commands
    if known is not None and name not in known:
        raise SlackRefusal("unknown_command", f"{name} is not a valid command")
    core.require(core.workspace.tokens[core.workspace.bot_token], "commands")
    payload = interactions.command_payload(core, person, channel, name, text)
    response = await core.dispatch.ask("slash_commands", payload)
    if response:
        interactions.say_response(core, person, channel, response)
    return ok(trigger_id=payload["trigger_id"], response_url=payload["response_url"], response=response)


def _view_of(core: Core, person: Person, view_id: str) -> View:
    """A view that is on this person's screen."""
    view = core.workspace.views.get(view_id)
    if view is None or view.user_id != person.id:
        raise SlackRefusal("view_not_found")
    return view


def _chosen(args: Args) -> Any:
    """The value that a script gives for the element, under any of the usual names."""
    for name in ("value", "selected_option", "selected_options", "selected_user", "selected_users",
                 "selected_date", "selected_time", "selected_date_time", "selected_conversation",
                 "selected_channel"):  # fmt: skip
        given = args.get(name)
        if given is not None and given != "":
            structured = isinstance(given, str) and given[:1] in "[{"
            return args.nested(name) if structured else given
    return None


def _message_for(core: Core, person: Person, channel: Channel, ts: str) -> tuple[Json, bool]:
    """A message on this person's screen, and whether only they see it."""
    ephemeral = posting.find_ephemeral(person, channel.id, ts)
    if ephemeral is not None:
        return ephemeral, True
    message = channel.messages.get(ts)
    if message is None or message.get("subtype") == "tombstone":
        raise SlackRefusal("message_not_found")
    return message, False


@method("blocks.actions", people_only=True)
async def actions(core: Core, caller: Caller, args: Args) -> Json:
    """Click a button or choose an option in a message or a view; or use a shortcut (`callback_id`)."""
    if args.text("callback_id") and not args.text("action_id"):
        return await _shortcut(core, caller, args)
    person = core.caller_person(caller)
    overlay = args.mapping("action") or {}
    action_id = args.text("action_id") or str(overlay.get("action_id", ""))
    if args.text("view_id"):
        view = _view_of(core, person, args.text("view_id"))
        interactions.fill(view, args.mapping("state") or args.mapping("values") or {})
        block, element = _look_up(view.body["blocks"], action_id, args)
        action = interactions.action_object(block, element, _chosen(args), overlay)
        interactions.remember(view.values, element, action)
        payload = interactions.view_action_payload(core, person, view)
    else:
        person, channel = _seat(core, caller, args)
        ts = args.text("message_ts") or args.need("ts")
        message, ephemeral = _message_for(core, person, channel, ts)
        block, element = _look_up(message.get("blocks", []), action_id, args)
        action = interactions.action_object(block, element, _chosen(args), overlay)
        payload = interactions.message_action_payload(core, person, channel, message, ephemeral=ephemeral)
        interactions.remember(payload["state"]["values"], element, action)
    payload["actions"] = [action]
    response = await core.dispatch.ask("interactive", payload)
    return ok(trigger_id=payload["trigger_id"], response_url=payload.get("response_url"), response=response)


def _look_up(blocks: list[Json], action_id: str, args: Args) -> tuple[Json, Json]:
    found = viewstate.find_element(blocks, action_id, args.text("block_id"))
    if found is None:
        raise SlackRefusal("action_not_found", f"[ERROR] no element with action_id {action_id!r} there")
    return found


async def _shortcut(core: Core, caller: Caller, args: Args) -> Json:
    """A global shortcut, or with channel and ts a message shortcut."""
    person = core.caller_person(caller)
    core.require(core.workspace.tokens[core.workspace.bot_token], "commands")
    extra: Json = {
        "callback_id": args.text("callback_id"),
        "trigger_id": core.new_trigger(person.id),
        "action_ts": core.workspace.next_ts(),
    }
    ts = args.text("message_ts") or args.text("ts")
    if not ts:
        payload = interactions.base(core, person, "shortcut") | extra
    else:
        person, channel = _seat(core, caller, args)
        message, ephemeral = _message_for(core, person, channel, ts)
        if ephemeral:
            raise SlackRefusal("message_not_found")  # Slack offers no shortcuts on ephemerals
        payload = interactions.base(core, person, "message_action") | extra
        payload |= {
            "message_ts": ts,
            "message": posting.public(message),
            "channel": {"id": channel.id, "name": interactions.channel_name(channel)},
            "response_url": core.new_response_url(person.id, channel, message),
        }
    response = await core.dispatch.ask("interactive", payload)
    return ok(trigger_id=payload["trigger_id"], response_url=payload.get("response_url"), response=response)


@method("blocks.suggestion", people_only=True)
async def suggestion(core: Core, caller: Caller, args: Args) -> Json:
    """Type into an external select; the options that the app offers."""
    person = core.caller_person(caller)
    action_id, value = args.need("action_id"), args.text("value")
    payload = interactions.base(core, person, "block_suggestion")
    if args.text("view_id"):
        view = _view_of(core, person, args.text("view_id"))
        block, element = _look_up(view.body["blocks"], action_id, args)
        payload |= {"view": viewstate.shown(view), "container": {"type": "view", "view_id": view.id}}
    else:
        person, channel = _seat(core, caller, args)
        message, ephemeral = _message_for(core, person, channel, args.text("message_ts") or args.need("ts"))
        block, element = _look_up(message.get("blocks", []), action_id, args)
        payload |= {
            "channel": {"id": channel.id, "name": interactions.channel_name(channel)},
            "message": posting.public(message),
            "container": interactions.message_container(channel, message, ephemeral=ephemeral),
        }
    if not element["type"].endswith("external_select"):
        raise SlackRefusal("action_not_found", f"[ERROR] {action_id} is no external select")
    if len(value) < element.get("min_query_length", 3):
        return ok(options=[])
    payload |= {"action_id": action_id, "block_id": block["block_id"], "value": value}
    response = await core.dispatch.ask("interactive", payload) or {}
    return ok(_offered(response))


def _offered(response: Json) -> Json:
    """options or option_groups of an answer, at most 100."""
    for name in ("options", "option_groups"):
        listed = response.get(name)
        if listed is not None:
            if not isinstance(listed, list) or len(listed) > 100:
                raise SlackRefusal("invalid_options", "[ERROR] at most 100 options")
            if problems := option_problems(listed):
                raise SlackRefusal("invalid_options", *problems)
            return {name: listed}
    raise SlackRefusal("invalid_options", "[ERROR] the app answered without options")


@method("views.submit", people_only=True)
async def submit(core: Core, caller: Caller, args: Args) -> Json:
    """Fill the modal and press its submit button."""
    person = core.caller_person(caller)
    view = _view_of(core, person, args.need("view_id"))
    if view not in person.views or person.views[-1] is not view:
        raise SlackRefusal("view_not_found", "[ERROR] another view lies on top of it")
    interactions.fill(view, args.mapping("state") or args.mapping("values") or {})
    missing = interactions.missing_inputs(view)
    if missing:
        refusal = SlackRefusal("incomplete")
        refusal.body["errors"] = missing
        raise refusal
    payload = interactions.base(core, person, "view_submission") | {
        "trigger_id": core.new_trigger(person.id, view.id),
        "view": viewstate.shown(view),
        "response_urls": [],
    }
    response = await core.dispatch.ask("interactive", payload)
    cleared = [v for v in person.views if v.body["notify_on_close"]]
    result = interactions.apply_response_action(core, person, view, response)
    if result["response_action"] == "clear":
        for gone in cleared:
            _tell_closed(core, person, gone, is_cleared=True)
    return ok(result, trigger_id=payload["trigger_id"], response=response)


def _tell_closed(core: Core, person: Person, view: View, *, is_cleared: bool) -> None:
    """view_closed: nobody waits for its ack."""
    core.dispatch.tell("interactive", interactions.closed_payload(core, person, view, is_cleared=is_cleared))


@method("views.close", people_only=True)
def close(core: Core, caller: Caller, args: Args) -> Json:
    """Dismiss a modal (its X or Cancel); `clear_on_close` takes the whole stack away."""
    person = core.caller_person(caller)
    view = _view_of(core, person, args.need("view_id"))
    if view not in person.views:
        raise SlackRefusal("view_not_found")
    clear = bool(view.body["clear_on_close"])
    gone = list(person.views) if clear else person.views[person.views.index(view) :]
    viewstate.pop(core, person, gone[0])
    for closed in reversed(gone):
        if closed.body["notify_on_close"]:
            _tell_closed(core, person, closed, is_cleared=clear)
    return ok()
