"""A Slack message as the agent reads it, as lines of text: for readable snapshots."""

from __future__ import annotations

import re
from typing import Any

from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.models.views import View as SdkView

Json = dict[str, Any]
_DATE = re.compile(r"<!date\^(\d+)\^[^|>]*\|([^>]*)>")


def check_blocks(blocks: list[Json]) -> None:
    """The library's own validators, and Slack's limits for a message."""
    assert len(blocks) <= 50
    for block in blocks:
        made = SdkBlock.parse(block)
        assert made is not None, block
        made.validate_json()
        assert made.to_dict()["type"] == block["type"]


def shown(message: Json) -> str:
    """The message as text: who, then each block."""
    check_blocks(message.get("blocks") or [])
    who = message.get("username") or (
        "(bot)" if message.get("bot_id") or "blocks" in message else message.get("user")
    )
    lines = [f"[{who}]"]
    for block in message.get("blocks") or []:
        lines += _block(block)
    return "\n".join(lines) + "\n"


def _block(block: Json) -> list[str]:
    kind = block["type"]
    if kind == "rich_text":
        return [line for element in block["elements"] for line in _paragraph(element)]
    if kind == "context":
        return ["  ~ " + " ".join(_words(element) for element in block["elements"])]
    if kind == "actions":
        return ["  " + " ".join(_pressable(element) for element in block["elements"])]
    if kind == "section":
        return _words(block["text"]).splitlines()
    return [f"({kind})"]


def _paragraph(element: Json) -> list[str]:
    kind = element["type"]
    text = "".join(_run(part) for part in element["elements"])
    sign = {"rich_text_quote": "> ", "rich_text_preformatted": "| "}.get(kind, "")
    return [sign + line for line in text.split("\n")]


def _run(part: Json) -> str:
    text = part.get("text") or part.get("url") or part.get("fallback") or ""
    if part["type"] == "user":
        text = f"@{part['user_id']}"
    if part["type"] == "link":
        text = f"<{text}>"
    style = part.get("style") or {}
    for name, sign in (("bold", "*"), ("italic", "_"), ("strike", "~"), ("code", "`")):
        if style.get(name):
            text = f"{sign}{text}{sign}"
    return text


def _words(element: Json) -> str:
    return _DATE.sub(r"{\2}", element["text"])


def _pressable(element: Json) -> str:
    if element["type"] == "overflow":
        return "[⋯ " + " · ".join(option["text"]["text"] for option in element["options"]) + "]"
    return f"[{element['text']['text']}]"


def check_view(view: Json) -> None:
    """A modal or a Home tab by the library's validators and by Slack's limits."""
    blocks = view["blocks"]
    assert 0 < len(blocks) <= 100
    assert len(view.get("private_metadata") or "") <= 3000
    for part in ("title", "submit", "close"):
        assert len((view.get(part) or {}).get("text", "")) <= 24, view[part]
    known = {key: value for key, value in view.items() if key in _VIEW}
    SdkView(**known).validate_json()
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    assert len(ids) == len(set(ids)), ids
    for block in blocks:
        made = SdkBlock.parse(block)
        assert made is not None, block
        made.validate_json()
        for element in (*block.get("elements", ()), *([block["element"]] if "element" in block else ())):
            _check_element(element)
        if block["type"] == "actions":
            assert len(block["elements"]) <= 25
        if block["type"] == "input":
            assert 0 < len(block["label"]["text"]) <= 2000 and len(block["block_id"]) <= 255
            assert len((block.get("hint") or {}).get("text", "")) <= 2000


_VIEW = frozenset({"type", "callback_id", "title", "submit", "close", "blocks", "private_metadata"})


def _check_element(element: Json) -> None:
    options = element.get("options", ())
    assert len(options) <= (
        5 if element["type"] == "overflow" else 10 if element["type"] == "checkboxes" else 100
    )
    for option in options:
        assert 0 < len(option["text"]["text"]) <= 75 and 0 < len(option["value"]) <= 150, option
        assert len((option.get("description") or {}).get("text", "")) <= 75
    if element["type"] == "button":
        assert len(element["text"]["text"]) <= 75 and len(element.get("value", "")) <= 2000
    assert len(element.get("action_id", "")) <= 255


def shown_view(view: Json) -> str:
    """A modal as text: its title, each field with what stands in it and its hint, its buttons."""
    check_view(view)
    lines = [f"== {view['title']['text']} =="]
    for block in view["blocks"]:
        lines += _input(block) if block["type"] == "input" else _block(block)
    buttons = [view[part]["text"] for part in ("close", "submit") if view.get(part)]
    return "\n".join([*lines, "  ".join(f"[{one}]" for one in buttons)]) + "\n"


def _input(block: Json) -> list[str]:
    element = block["element"]
    optional = " (optional)" if block.get("optional") else ""
    lines = [f"{block['label']['text']}{optional}: {_filled(element)}".rstrip()]
    if block.get("hint"):
        lines.append(f"    {block['hint']['text']}")
    return lines


def _filled(element: Json) -> str:
    chosen = element.get("initial_option")
    options = [
        ("(•) " if option == chosen else "( ) ")
        + " – ".join(part["text"] for part in (option["text"], option.get("description")) if part)
        for option in element.get("options", ())
    ]
    if options:
        return "\n    " + "\n    ".join(options)
    kind = {"users_select": "@", "file_input": "+ files", "external_select": "🔍"}.get(element["type"], "")
    value = (
        element.get("initial_value")
        or element.get("initial_user")
        or (chosen or {}).get("text", {}).get("text", "")
    )
    box = "[…]" if element.get("multiline") else "[ ]"
    return f"{kind or box} {value}".rstrip()
