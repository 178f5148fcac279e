"""Views: stacks of modals, Home tabs, hashes, and what a person has typed into them."""

from __future__ import annotations

import itertools
import time
from typing import Any

from .blocks import check_view, elements_of, with_ids
from .core import Core
from .model import Json, Person, SlackRefusal, View

MAX_STACK = 3
_ids = itertools.count(0x5000)

_INITIAL = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", ""),
}
STATEFUL = _INITIAL
"""Element type -> (the key of its value in state, the key of its first value in the element)."""


def initial_state(blocks: list[Json]) -> dict[str, Json]:
    """state.values of untouched blocks."""
    values: dict[str, Json] = {}
    for block in blocks:
        for _, element in elements_of(block):
            if element.get("type") in STATEFUL and "action_id" in element:
                key, first = STATEFUL[element["type"]]
                empty: Any = [] if key.endswith("s") else None
                state = {"type": element["type"], key: element.get(first, empty)}
                values.setdefault(block["block_id"], {})[element["action_id"]] = state
    return values


def state_for(element: Json, value: Any) -> Json:
    """The state object of an element for what a script gave: a state object, an option, a value or text."""
    kind = element["type"]
    key = STATEFUL[kind][0]
    if isinstance(value, dict) and (key in value or value.get("type") == kind):
        return {"type": kind, **value}
    if key == "selected_option":
        return {"type": kind, key: _option(element, value)}
    if key == "selected_options":
        values = value if isinstance(value, list) else [value]
        return {"type": kind, key: [_option(element, item) for item in values]}
    if key == "rich_text_value" and isinstance(value, str):
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": value}]}
        return {"type": kind, key: {"type": "rich_text", "elements": [section]}}
    if key.endswith("s") and key != "files" and not isinstance(value, list):
        value = [value]
    return {"type": kind, key: value}


def _option(element: Json, value: Any) -> Json | None:
    """The option that a value or label names; external selects take any."""
    if value is None or isinstance(value, dict):
        return value
    groups = [{"options": element.get("options") or ()}, *(element.get("option_groups") or ())]
    for option in itertools.chain.from_iterable(group["options"] for group in groups):
        if value in (option.get("value"), option["text"]["text"]):
            found: Json = option
            return found
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": str(value)}, "value": str(value)}
    raise SlackRefusal("invalid_option", f"[ERROR] no such option: {value}")


def find_element(blocks: list[Json], action_id: str, block_id: str = "") -> tuple[Json, Json] | None:
    """(block, element) of an action_id, in a given block or the first that has it."""
    for block in blocks:
        if block_id and block.get("block_id") != block_id:
            continue
        for _, element in elements_of(block):
            if element.get("action_id") == action_id:
                return block, element
    return None


def _fresh_hash() -> str:
    return f"{int(time.time())}.{next(_ids):x}"


def _body(core: Core, given: Json, view_id: str, kind: str) -> Json:
    """The view object that Slack makes of what an app sent."""
    workspace = core.workspace
    body: Json = {
        "id": view_id,
        "team_id": workspace.team_id,
        "type": kind,
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
        "previous_view_id": None,
        "root_view_id": view_id,
        "app_id": workspace.app_id,
        "app_installed_team_id": workspace.team_id,
        "bot_id": workspace.bot_id,
        **given,
        "hash": _fresh_hash(),
    }
    body["blocks"] = [_with_action_ids(block) for block in with_ids(given["blocks"], _ids)]
    return body


def _with_action_ids(block: Json) -> Json:
    """Interactive elements without an action_id get one, as in Slack."""
    element = block.get("element")
    if isinstance(element, dict) and "action_id" not in element:
        return {**block, "element": {**element, "action_id": f"a{next(_ids):x}"}}
    return block


def _check(core: Core, given: Any, kind: str, view_id: str = "") -> None:
    if core.settings.validate or not isinstance(given, dict):
        check_view(given, kind)
    external_id = given.get("external_id")
    if external_id and any(
        view.body.get("external_id") == external_id and view.id != view_id
        for view in core.workspace.views.values()
    ):
        raise SlackRefusal("duplicate_external_id")


def shown(view: View) -> Json:
    """The view object with its current state."""
    return {**view.body, "state": {"values": view.values}}


def add_modal(core: Core, person: Person, given: Any, *, on_top: bool) -> View:
    """Open a modal: alone (`views.open`) or on top of those that are open (`views.push`)."""
    _check(core, given, "modal")
    if on_top and not person.views:
        raise SlackRefusal("not_found")
    if on_top and len(person.views) >= MAX_STACK:
        raise SlackRefusal("push_limit_reached")
    if not on_top:
        for old in reversed(person.views):
            forget(core, person, old)
        person.views.clear()
    view_id = core.workspace.next_id("V")
    body = _body(core, given, view_id, "modal")
    if on_top:
        body["previous_view_id"] = person.views[-1].id
        body["root_view_id"] = person.views[0].id
    view = View(view_id, person.id, body, initial_state(body["blocks"]))
    core.workspace.views[view_id] = view
    person.views.append(view)
    core.workspace.record("view_opened", {"view": shown(view)}, user_id=person.id)
    return view


def replace(core: Core, view: View, given: Any, asked_hash: str = "") -> View:
    """Update a view in place; a stale `hash` is a conflict. Typed values stay where ids match."""
    kind = view.body["type"]
    _check(core, given, kind, view.id)
    if asked_hash and asked_hash != view.body["hash"]:
        raise SlackRefusal("hash_conflict")
    body = _body(core, given, view.id, kind)
    for key in ("previous_view_id", "root_view_id"):
        body[key] = view.body[key]
    view.body, view.values = body, _carried_over(view, initial_state(body["blocks"]))
    core.workspace.record("view_updated", {"view": shown(view)}, user_id=view.user_id)
    return view


def _carried_over(view: View, fresh: dict[str, Json]) -> dict[str, Json]:
    """The new view's state with what the person had typed into the same inputs; untouched ones start anew."""
    untouched = initial_state(view.body["blocks"])
    for block_id, actions in fresh.items():
        for action_id in actions:
            typed = view.values.get(block_id, {}).get(action_id)
            if typed is None or typed == untouched.get(block_id, {}).get(action_id):
                continue
            if typed["type"] == actions[action_id]["type"]:
                actions[action_id] = typed
    return fresh


def publish(core: Core, person: Person, given: Any, asked_hash: str) -> View:
    """Set a person's Home tab."""
    if person.home is not None:
        view = replace(core, person.home, given, asked_hash)
    else:
        _check(core, given, "home")
        view_id = core.workspace.next_id("V")
        body = _body(core, given, view_id, "home")
        view = View(view_id, person.id, body, initial_state(body["blocks"]))
        core.workspace.views[view_id] = view
        person.home = view
    core.workspace.record("home", {"view": shown(view)}, user_id=person.id)
    return view


def forget(core: Core, person: Person, view: View) -> None:
    """A modal is gone from a person's screen."""
    core.workspace.views.pop(view.id, None)
    core.workspace.record("view_closed", {"view_id": view.id}, user_id=person.id)


def pop(core: Core, person: Person, view: View) -> None:
    """Take a modal (and what lies on it) off the stack."""
    while view in person.views:
        forget(core, person, person.views.pop())
