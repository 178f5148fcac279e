"""Payloads of commands, clicks and forms, and what the app's acknowledgement of them does."""

from __future__ import annotations

import re
import time
from typing import Any

from . import posting, viewstate
from . import text as texts
from .args import Args
from .blocks import check_message, with_ids
from .core import Core
from .model import Channel, Json, Person, SlackRefusal, View

_BUILT_IN = """
active archive away apps call canvas collapse dm dnd expand feed feedback help huddle invite join keys leave me msg
mute open part people prefs remind remove rename search section shortcuts shrug star status topic unarchive who
"""
BUILT_IN_COMMANDS = frozenset(f"/{name}" for name in _BUILT_IN.split())
"""Slack answers these itself; an app never sees them."""
_AT = re.compile(r"(?<![\w<])([@#])([\w.-]+)")


def base(core: Core, person: Person, kind: str) -> Json:
    """The fields that every interaction payload has."""
    workspace = core.workspace
    return {
        "type": kind,
        "team": {"id": workspace.team_id, "domain": workspace.team_domain},
        "user": core.user_stub(person),
        "api_app_id": workspace.app_id,
        "token": workspace.verification_token,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def channel_name(channel: Channel) -> str:
    """The name in payloads; direct messages have a fixed one."""
    return "directmessage" if channel.kind == "im" else channel.name


def escape_command(core: Core, text: str) -> str:
    """`should_escape`: @names and #channels become ids, specials are escaped."""

    def with_id(found: re.Match[str]) -> str:
        sign, name = found.groups()
        if sign == "@":
            person = next(
                (p for p in core.workspace.users.values() if name in (p.name, p.display_name)), None
            )
            return f"<@{person.id}|{person.name}>" if person else found.group()
        channel = core.workspace.channels.get(name)
        return f"<#{channel.id}|{channel.name}>" if channel else found.group()

    return texts.normalise(_AT.sub(with_id, text))


def command_payload(core: Core, person: Person, channel: Channel, command: str, text: str) -> Json:
    """The payload of a slash command."""
    workspace = core.workspace
    return {
        "token": workspace.verification_token,
        "team_id": workspace.team_id,
        "team_domain": workspace.team_domain,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": escape_command(core, text),
        "api_app_id": workspace.app_id,
        "is_enterprise_install": "false",
        "response_url": core.new_response_url(person.id, channel),
        "trigger_id": core.new_trigger(person.id),
    }


def say_response(
    core: Core, person: Person, channel: Channel, payload: Json, *, thread_ts: str = ""
) -> Json | None:
    """Show an answer to a command or through a response_url: ephemeral unless `in_channel`."""
    text, blocks = str(payload.get("text") or ""), payload.get("blocks")
    if not text and not blocks:
        return None
    if blocks:
        if core.settings.validate:
            check_message(blocks)
        blocks = with_ids(blocks, posting.block_ids)
    thread_ts = str(payload.get("thread_ts") or thread_ts)
    if payload.get("response_type") != "in_channel":
        return posting.add_ephemeral(core, channel, person, text=text, blocks=blocks, thread_ts=thread_ts)
    caller = core.workspace.tokens[core.workspace.bot_token]
    message: Json = {**posting.author_fields(core, caller, Args()), "text": texts.normalise(text)}
    if blocks:
        message["blocks"] = blocks
    return posting.add_message(core, channel, message, thread_ts=thread_ts)


# -- actions -------------------------------------------------------------------------------------------


def action_object(block: Json, element: Json, value: Any, overlay: Json) -> Json:
    """The entry of `actions` for an element that was used."""
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": f"{time.time():.6f}",
    }
    if element["type"] in ("button", "workflow_button"):
        action |= {key: element[key] for key in ("text", "value", "style", "url") if key in element}
    elif element["type"] == "overflow":
        options = {option["value"]: option for option in element["options"]}
        if value not in options and not overlay:
            raise SlackRefusal("invalid_option", f"[ERROR] no such option: {value}")
        action["selected_option"] = options.get(value)
    elif element["type"] in viewstate.STATEFUL:
        if value is not None:
            action |= viewstate.state_for(element, value)
        if "placeholder" in element:
            action["placeholder"] = element["placeholder"]
    return {**action, **overlay}


def remember(values: dict[str, Json], element: Json, action: Json) -> None:
    """Keep what an action chose in the state of its message or view."""
    if element["type"] in viewstate.STATEFUL:
        key = viewstate.STATEFUL[element["type"]][0]
        state = {"type": element["type"], key: action.get(key)}
        values.setdefault(action["block_id"], {})[action["action_id"]] = state


def message_container(channel: Channel, message: Json, *, ephemeral: bool) -> Json:
    """Where a click on a message happened."""
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    return container


def message_action_payload(
    core: Core, person: Person, channel: Channel, message: Json, *, ephemeral: bool
) -> Json:
    """block_actions on a message, without the `actions`."""
    payload = base(core, person, "block_actions") | {
        "container": message_container(channel, message, ephemeral=ephemeral),
        "trigger_id": core.new_trigger(person.id),
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "response_url": core.new_response_url(person.id, channel, message, ephemeral=ephemeral),
        "state": {"values": viewstate.initial_state(message.get("blocks", []))},
    }
    if not ephemeral:
        payload["message"] = posting.public(message)
    return payload


def view_action_payload(core: Core, person: Person, view: View) -> Json:
    """block_actions in a view, without the `actions`."""
    return base(core, person, "block_actions") | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": core.new_trigger(person.id, view.id),
        "view": viewstate.shown(view),
    }


# -- forms ---------------------------------------------------------------------------------------------


def missing_inputs(view: View) -> dict[str, str]:
    """What Slack's own client would refuse before it asks the app: block_id -> words."""
    problems: dict[str, str] = {}
    for block in view.body["blocks"]:
        if block.get("type") != "input":
            continue
        element = block["element"]
        key = viewstate.STATEFUL.get(element["type"], ("value", ""))[0]
        value = view.values.get(block["block_id"], {}).get(element["action_id"], {}).get(key)
        if value in (None, "", []):
            if not block.get("optional"):
                problems[block["block_id"]] = "Please complete this required field"
        elif isinstance(value, str) and (wrong := _length_problem(element, value)):
            problems[block["block_id"]] = wrong
    return problems


def _length_problem(element: Json, value: str) -> str:
    kind = element["type"]
    if len(value) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters"
    if kind == "plain_text_input" and len(value) > element.get("max_length", 3_000):
        return f"Must be at most {element.get('max_length', 3_000)} characters"
    if kind == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        return "Enter a valid email address"
    if kind == "url_text_input" and not re.fullmatch(r"https?://\S+", value):
        return "Enter a valid URL"
    if kind == "number_input" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "Enter a number"
    return ""


def fill(view: View, given: Json) -> None:
    """Type into a view: {block_id: {action_id: value}} or the shorthand {action_id: value}."""
    blocks = view.body["blocks"]
    known = {block["block_id"] for block in blocks}
    for key, value in given.items():
        pairs = value.items() if key in known and isinstance(value, dict) else [(key, value)]
        for action_id, entry in pairs:
            found = viewstate.find_element(blocks, action_id, key if key in known else "")
            if found is None or found[1]["type"] not in viewstate.STATEFUL:
                raise SlackRefusal("action_not_found", f"[ERROR] no such input: {action_id}")
            block, element = found
            state = viewstate.state_for(element, entry)
            view.values.setdefault(block["block_id"], {})[action_id] = state


def apply_response_action(core: Core, person: Person, view: View, response: Json | None) -> Json:
    """Carry out the app's answer to a submission; what the person sees of it."""
    action = (response or {}).get("response_action")
    if action == "errors":
        errors = (response or {}).get("errors") or {}
        known = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
        if not errors or not set(errors) <= known:
            raise SlackRefusal("invalid_response_action", "[ERROR] errors name no input block of the view")
        core.workspace.record("view_errors", {"view_id": view.id, "errors": errors}, user_id=person.id)
        return {"response_action": "errors", "errors": errors}
    if action == "update":
        viewstate.replace(core, view, (response or {}).get("view"))
    elif action == "push":
        viewstate.add_modal(core, person, (response or {}).get("view"), on_top=True)
    elif action == "clear":
        close_all(core, person)
    elif action is None:
        viewstate.pop(core, person, view)
    else:
        raise SlackRefusal("invalid_response_action", f"[ERROR] unknown response_action {action}")
    return {"response_action": action, "errors": {}}


def close_all(core: Core, person: Person) -> None:
    """`clear`: every modal goes; Slack tells the app of those that asked with notify_on_close."""
    while person.views:
        view = person.views.pop()
        viewstate.forget(core, person, view)


def closed_payload(core: Core, person: Person, view: View, *, is_cleared: bool) -> Json:
    """view_closed."""
    return base(core, person, "view_closed") | {"view": viewstate.shown(view), "is_cleared": is_cleared}
