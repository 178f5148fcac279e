"""A Slack message as the agent reads it, as lines of text: for readable snapshots."""

from __future__ import annotations

import re
from typing import Any

from slack_sdk.models.blocks import Block as SdkBlock

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
