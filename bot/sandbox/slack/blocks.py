"""Block Kit as Slack judges it: slack_sdk's validators plus the limits that they do not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from .model import Json, SlackRefusal

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_TOTAL_CHARACTERS = 12_000
"""All texts of a message's blocks together; undocumented, seen as msg_blocks_too_long."""
MAX_VIEW_BYTES = 250_000
_MESSAGE_ONLY = {
    "markdown",
    "table",
    "data_visualization",
    "plan",
    "task_card",
    "context_actions",
    "carousel",
}
_UNKNOWN_TO_SDK = {"data_visualization"}
_TEXT_LIMITS = {"header": 150, "section": 3_000}
_CONTEXT_TEXT = 3_000
_ELEMENT_TEXT = {"button": 75, "workflow_button": 75}
_VALUE_LIMITS = {"button": 2_000}


class _Problems(list[str]):
    """Explanations in Slack's form: `[ERROR] <what> [json-pointer:/blocks/0/text]`."""

    def add(self, what: str, pointer: str) -> None:
        self.append(f"[ERROR] {what} [json-pointer:{pointer}]")


def _text_object(value: Any, pointer: str, limit: int, problems: _Problems, *, plain: bool = False) -> None:
    """A text object: type, non-empty text, length."""
    if not isinstance(value, dict):
        problems.add("must be an object", pointer)
        return
    kind, text = value.get("type"), value.get("text")
    if kind not in ("plain_text", "mrkdwn") or (plain and kind != "plain_text"):
        problems.add("must be plain_text" if plain else "unsupported type of text object", f"{pointer}/type")
    if not isinstance(text, str) or not text:
        problems.add("must be more than 0 characters", f"{pointer}/text")
    elif len(text) > limit:
        problems.add(f"must be less than {limit + 1} characters", f"{pointer}/text")
    if kind == "mrkdwn" and "emoji" in value:
        problems.add("emoji is only for plain_text", f"{pointer}/emoji")
    if kind == "plain_text" and "verbatim" in value:
        problems.add("verbatim is only for mrkdwn", f"{pointer}/verbatim")


def elements_of(block: Json) -> Iterator[tuple[str, Json]]:
    """(json pointer tail, element) of every element of a block."""
    if isinstance(block.get("accessory"), dict):
        yield "accessory", block["accessory"]
    if isinstance(block.get("element"), dict):
        yield "element", block["element"]
    if block.get("type") in ("actions", "context", "context_actions"):
        for index, element in enumerate(block.get("elements") or ()):
            if isinstance(element, dict):
                yield f"elements/{index}", element


def _element(element: Json, pointer: str, problems: _Problems) -> None:
    kind = element.get("type", "")
    if kind in _ELEMENT_TEXT:
        _text_object(element.get("text"), f"{pointer}/text", _ELEMENT_TEXT[kind], problems, plain=True)
    value = element.get("value")
    if isinstance(value, str) and len(value) > _VALUE_LIMITS.get(kind, 10**9):
        problems.add(f"must be less than {_VALUE_LIMITS[kind] + 1} characters", f"{pointer}/value")
    if len(str(element.get("action_id", ""))) > 255:
        problems.add("must be less than 256 characters", f"{pointer}/action_id")
    if "placeholder" in element:
        _text_object(element["placeholder"], f"{pointer}/placeholder", 150, problems, plain=True)
    for index, option in enumerate(element.get("options") or ()):
        _option(option, f"{pointer}/options/{index}", problems)
    if kind == "static_select" and not (element.get("options") or element.get("option_groups")):
        problems.add("must provide options or option_groups", pointer)


def _option(option: Any, pointer: str, problems: _Problems) -> None:
    if not isinstance(option, dict):
        problems.add("must be an object", pointer)
        return
    _text_object(option.get("text"), f"{pointer}/text", 75, problems)
    if not isinstance(option.get("value"), str) or len(option["value"]) > 150:
        problems.add("must be a string of less than 151 characters", f"{pointer}/value")


def option_problems(listed: list[Any]) -> list[str]:
    """What is wrong with the options or option groups that an app offers."""
    problems = _Problems()
    for index, item in enumerate(listed):
        if isinstance(item, dict) and "options" in item:
            _text_object(item.get("label"), f"/option_groups/{index}/label", 75, problems, plain=True)
            for place, option in enumerate(item["options"]):
                _option(option, f"/option_groups/{index}/options/{place}", problems)
        else:
            _option(item, f"/options/{index}", problems)
    return problems


def _texts(block: Json, pointer: str, problems: _Problems) -> None:
    kind = block["type"]
    if kind in _TEXT_LIMITS and "text" in block:
        _text_object(block["text"], f"{pointer}/text", _TEXT_LIMITS[kind], problems, plain=kind == "header")
    if kind == "section":
        fields = block.get("fields") or []
        if not fields and "text" not in block:
            problems.add("missing required field: text", pointer)
        if len(fields) > 10:
            problems.add("no more than 10 items allowed", f"{pointer}/fields")
        for index, item in enumerate(fields):
            _text_object(item, f"{pointer}/fields/{index}", 2_000, problems)
    if kind == "input":
        _text_object(block.get("label"), f"{pointer}/label", 2_000, problems, plain=True)
        if "hint" in block:
            _text_object(block["hint"], f"{pointer}/hint", 2_000, problems, plain=True)
        if not isinstance(block.get("element"), dict):
            problems.add("missing required field: element", pointer)
    if kind == "context":
        for index, item in enumerate(block.get("elements") or ()):
            if isinstance(item, dict) and item.get("type") in ("plain_text", "mrkdwn"):
                _text_object(item, f"{pointer}/elements/{index}", _CONTEXT_TEXT, problems)


_RICH_ELEMENTS = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
_RICH_NEEDS = {
    "text": "text",
    "link": "url",
    "user": "user_id",
    "usergroup": "usergroup_id",
    "channel": "channel_id",
    "emoji": "name",
    "broadcast": "range",
    "date": "timestamp",
    "color": "value",
}


def _rich_text(node: Json, pointer: str, problems: _Problems) -> None:
    """rich_text, which the SDK does not look into: known types, nothing empty."""
    for index, element in enumerate(node.get("elements") or ()):
        here = f"{pointer}/elements/{index}"
        kind = element.get("type") if isinstance(element, dict) else None
        if kind in _RICH_ELEMENTS:
            _rich_text(element, here, problems)
        elif kind not in _RICH_NEEDS or node["type"] == "rich_text":
            problems.add(f"unsupported type: {kind}", f"{here}/type")
        elif not element.get(_RICH_NEEDS[kind]):
            problems.add("must be more than 0 characters", f"{here}/{_RICH_NEEDS[kind]}")
    if not isinstance(node.get("elements"), list):
        problems.add("missing required field: elements", pointer)


def _block(block: Any, pointer: str, problems: _Problems) -> None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        problems.add("missing required field: type", pointer)
        return
    if len(str(block.get("block_id", ""))) > 255:
        problems.add("must be less than 256 characters", f"{pointer}/block_id")
    before = len(problems)
    _texts(block, pointer, problems)
    if block["type"] == "rich_text":
        _rich_text(block, pointer, problems)
    seen: set[str] = set()
    for tail, element in elements_of(block):
        _element(element, f"{pointer}/{tail}", problems)
        action_id = element.get("action_id")
        if action_id in seen:
            problems.add(
                f"`action_id` {action_id} already exists in this block", f"{pointer}/{tail}/action_id"
            )
        if action_id:
            seen.add(action_id)
    if len(problems) == before and block["type"] not in _UNKNOWN_TO_SDK:
        _sdk(block, pointer, problems)


def _sdk(block: Json, pointer: str, problems: _Problems) -> None:
    """The SDK's own model of the block."""
    try:
        parsed = Block.parse(block)
        if parsed is None:
            problems.add(f"unsupported type: {block['type']}", f"{pointer}/type")
        else:
            parsed.validate_json()
            if parsed.type == "actions" and not block.get("elements"):
                problems.add("must provide at least one element", f"{pointer}/elements")
            if parsed.type == "context" and not block.get("elements"):
                problems.add("must provide at least one element", f"{pointer}/elements")
    except (SlackObjectFormationError, TypeError, AttributeError, ValueError, KeyError) as error:
        problems.add(str(error), pointer)


def _characters(value: Any) -> int:
    """Characters of all texts in a block tree."""
    if isinstance(value, dict):
        return sum(
            len(item) if key == "text" and isinstance(item, str) else _characters(item)
            for key, item in value.items()
        )
    return sum(_characters(item) for item in value) if isinstance(value, list) else 0


@lru_cache(maxsize=512)
def _judge(text: str, limit: int) -> tuple[str, ...]:
    """Problems of a list of blocks given as canonical JSON."""
    blocks = json.loads(text)
    problems = _Problems()
    if len(blocks) > limit:
        problems.add(f"no more than {limit} items allowed", "/blocks")
    ids: set[str] = set()
    for index, block in enumerate(blocks):
        pointer = f"/blocks/{index}"
        _block(block, pointer, problems)
        if not isinstance(block, dict):
            continue
        if block.get("type") in _MESSAGE_ONLY and limit == MAX_VIEW_BLOCKS:
            problems.add(f"unsupported type: {block['type']}", f"{pointer}/type")
        block_id = block.get("block_id")
        if block_id and block_id in ids:
            problems.add(f"`block_id` {block_id} already exists", f"{pointer}/block_id")
        ids.add(block_id or f"#{index}")
    return tuple(problems)


def check_message(blocks: Any, too_long: str = "msg_blocks_too_long") -> None:
    """Refuse blocks that Slack would refuse in a message.

    Errors: `invalid_blocks_format`, `invalid_blocks` with messages, `too_long` over about 12,000 characters.
    """
    if not isinstance(blocks, list):
        raise SlackRefusal("invalid_blocks_format")
    problems = _judge(json.dumps(blocks), MAX_MESSAGE_BLOCKS)
    if problems:
        raise SlackRefusal("invalid_blocks", *problems)
    if _characters(blocks) > MAX_TOTAL_CHARACTERS:
        raise SlackRefusal(too_long)


def check_view(view: Any, kind: str) -> None:
    """Refuse a view that Slack would refuse: `invalid_arguments` with messages, `view_too_large`."""
    if not isinstance(view, dict):
        raise SlackRefusal("invalid_arguments", "[ERROR] must provide an object [json-pointer:/view]")
    problems = _Problems()
    if view.get("type") != kind:
        problems.add(f"must be {kind}", "/view/type")
    if kind == "modal":
        _modal(view, problems)
    if not isinstance(view.get("blocks"), list):
        problems.add("missing required field: blocks", "/view")
    else:
        found = _judge(json.dumps(view["blocks"]), MAX_VIEW_BLOCKS)
        problems += [problem.replace("[json-pointer:/", "[json-pointer:/view/") for problem in found]
    if len(str(view.get("private_metadata", ""))) > 3_000:
        problems.add("must be less than 3001 characters", "/view/private_metadata")
    if len(str(view.get("callback_id", ""))) > 255:
        problems.add("must be less than 256 characters", "/view/callback_id")
    if problems:
        raise SlackRefusal("invalid_arguments", *problems)
    if len(json.dumps(view)) > MAX_VIEW_BYTES:
        raise SlackRefusal("view_too_large")


def _modal(view: Json, problems: _Problems) -> None:
    for name in ("title", "submit", "close"):
        if name in view and view[name] is not None:
            _text_object(view[name], f"/view/{name}", 24, problems, plain=True)
    if "title" not in view:
        problems.add("missing required field: title", "/view")
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(
        isinstance(b, dict) and b.get("type") == "input" for b in blocks
    )
    if has_input and not view.get("submit"):
        problems.add("submit is required when an input is in blocks", "/view/submit")


def with_ids(blocks: list[Json], fresh: Iterator[int]) -> list[Json]:
    """The blocks with the block_ids (and action_ids) that Slack gives to those without."""
    out = []
    for block in blocks:
        block = dict(block)
        block.setdefault("block_id", f"b{next(fresh):x}")
        out.append(block)
    return out
