"""Forms as modals, and what was filled in as fields again.

A field's ``block_id`` is ``name`` or ``name:stamp``: Slack keeps what was typed while the id stays the same,
and takes our value where
the stamp changed (another customer, so another list of ways).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.commands.nouns import Person
from bot.commands.refs import ref_value
from bot.commands.types import Answer, Choice, Field, Form, GivenFile
from bot.slack.answers import answer_blocks
from bot.slack.blocks import Block, section
from bot.slack.files import given_file
from bot.slack.names import one_line

CALLBACK = "form"
WAITING = "waiting"
MAX_TITLE = 24
MAX_INPUT = 3000


@dataclass(frozen=True, slots=True)
class Kept:
    """What a modal remembers: the action behind Send, the form's own context, and where the agent was."""

    submit: str
    context: str
    channel: str
    thread_ts: str | None = None

    def packed(self) -> str:
        """For ``private_metadata``, at most 3,000 characters."""
        return json.dumps(
            {"s": self.submit, "x": self.context, "c": self.channel, "t": self.thread_ts},
            separators=(",", ":"),
        )


def unpacked(metadata: str) -> Kept:
    """What ``packed`` made; empty where a modal is not one of ours."""
    try:
        raw = json.loads(metadata)
        return Kept(str(raw["s"]), str(raw["x"]), str(raw["c"]), raw.get("t"))
    except (ValueError, KeyError, TypeError):
        return Kept("", "", "")


def _title(words: str) -> Block:
    return {"type": "plain_text", "text": words[:MAX_TITLE], "emoji": True}


def skeleton(title: str = "One moment") -> dict[str, Any]:
    """What is opened at once, before anything is looked up."""
    return {
        "type": "modal",
        "callback_id": WAITING,
        "title": _title(title),
        "close": _title("Cancel"),
        "blocks": [section("One moment…")],
    }


def told(answer: Answer, title: str = "Onethread") -> dict[str, Any]:
    """A modal that only says something."""
    return {
        "type": "modal",
        "callback_id": WAITING,
        "title": _title(title),
        "close": _title("Close"),
        "blocks": answer_blocks(answer) or [section("Done.")],
    }


def modal(form: Form, channel: str, thread_ts: str | None) -> dict[str, Any]:
    """A form as a Slack view."""
    blocks = [_block(field) for field in form.fields]
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _title(form.title),
        "close": _title("Cancel"),
        "private_metadata": Kept(form.submit, form.context, channel, thread_ts).packed(),
        "blocks": blocks,
    }
    if any(block["type"] == "input" for block in blocks) or form.context:
        view["submit"] = _title(form.button)
    return view


def _block(field: Field) -> Block:
    if field.kind == "info":
        made = section(field.value)
        made["block_id"] = _block_id(field)
        return made
    block: Block = {
        "type": "input",
        "block_id": _block_id(field),
        "label": {"type": "plain_text", "text": field.label, "emoji": True},
        "element": _element(field),
        "optional": field.optional,
    }
    if field.hint:
        block["hint"] = {"type": "plain_text", "text": field.hint[:2000], "emoji": True}
    if field.live:
        block["dispatch_action"] = True
    return block


def _block_id(field: Field) -> str:
    return f"{field.name}:{field.stamp}" if field.stamp else field.name


def _element(field: Field) -> Block:
    makers = {"select": _select, "customer": _customer, "agent": _agent, "files": _files, "check": _check}
    element = makers.get(field.kind, _text)(field)
    element["action_id"] = field.name
    return element


def _text(field: Field) -> Block:
    element: Block = {"type": "plain_text_input", "multiline": field.kind == "lines", "max_length": MAX_INPUT}
    if field.value:
        element["initial_value"] = field.value[:MAX_INPUT]
    return element


def option(choice: Choice) -> Block:
    """One option of a menu."""
    made: Block = {
        "text": {"type": "plain_text", "text": choice.label[:75] or "–", "emoji": False},
        "value": choice.value[:150],
    }
    if choice.under:
        made["description"] = {"type": "plain_text", "text": choice.under[:75], "emoji": False}
    return made


def _select(field: Field) -> Block:
    options = [option(choice) for choice in field.choices[:100]]
    element: Block = {"type": "static_select", "options": options}
    chosen = [made for made in options if made["value"] == field.value]
    if chosen:
        element["initial_option"] = chosen[0]
    return element


def _customer(field: Field) -> Block:
    element: Block = {"type": "external_select", "min_query_length": 0}
    if field.choices:
        element["initial_option"] = option(field.choices[0])
    return element


def _agent(field: Field) -> Block:
    element: Block = {"type": "users_select"}
    if field.value:
        element["initial_user"] = field.value
    return element


def _files(field: Field) -> Block:
    return {"type": "file_input", "max_files": 10}


def _check(field: Field) -> Block:
    options = [option(choice) for choice in field.choices] or [option(Choice(field.label, "yes"))]
    element: Block = {"type": "checkboxes", "options": options}
    if chosen := [made for made in options if made["value"] == field.value]:
        element["initial_options"] = chosen
    return element


@dataclass(frozen=True, slots=True)
class Filled:
    """What an agent filled in. ``block_ids`` leads from a field's name to the block that an error is shown at."""

    fields: dict[str, str]
    files: tuple[GivenFile, ...]
    block_ids: dict[str, str]


def filled(view: dict[str, Any]) -> Filled:
    """The values of a submitted or changed view."""
    fields: dict[str, str] = {}
    files: list[GivenFile] = []
    block_ids: dict[str, str] = {}
    for block_id, block in (view.get("state", {}).get("values") or {}).items():
        for name, state in block.items():
            block_ids[name] = block_id
            if state.get("type") == "file_input":
                files += [given_file(raw) for raw in state.get("files") or ()]
                continue
            _keep(fields, name, state)
    return Filled(fields, tuple(files), block_ids)


def _keep(fields: dict[str, str], name: str, state: dict[str, Any]) -> None:
    chosen = state.get("selected_option")
    if chosen:
        fields[name] = str(chosen.get("value", ""))
        fields[f"{name}.label"] = str((chosen.get("text") or {}).get("text", ""))
    elif state.get("selected_options"):
        fields[name] = ",".join(str(item.get("value", "")) for item in state["selected_options"])
    elif state.get("selected_user"):
        fields[name] = str(state["selected_user"])
    elif state.get("value"):
        fields[name] = str(state["value"])


def customer_option(person: Person) -> Block:
    """A customer as a choice of the search."""
    label = f"{person.handle} {one_line(person.name, 60)}"
    return option(Choice(label, ref_value(person.customer_id, person.team), one_line(person.address, 75)))
