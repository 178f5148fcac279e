"""A Slack message as text, as somebody reads it on the screen."""

from __future__ import annotations

from typing import Any


def read(message: dict[str, Any]) -> str:
    """All words of a message, its buttons and its marks, line by line."""
    lines = []
    if message.get("username"):
        lines.append(f"[{message['username']}]")
    blocks = message.get("blocks")
    if blocks:
        for block in blocks:
            lines.extend(_block(block))
    else:
        lines.append(str(message.get("text", "")))
    for file in message.get("files", ()):
        lines.append(f"📎 {file.get('name')}")
    for reaction in message.get("reactions", ()):
        lines.append(f":{reaction['name']}:")
    return "\n".join(line for line in lines if line)


def _block(block: dict[str, Any]) -> list[str]:
    kind = block.get("type")
    if kind == "actions":
        return ["".join(f"[{_text(one.get('text'))}]" for one in block["elements"] if one.get("text"))]
    if kind == "context":
        return [" ".join(_text(one) for one in block["elements"])]
    if kind == "rich_text":
        return [_rich(block)]
    lines = [_text(block.get("text"))]
    lines.extend(_text(field) for field in block.get("fields", ()))
    if block.get("accessory", {}).get("text"):
        lines.append(f"[{_text(block['accessory']['text'])}]")
    return lines


def _text(thing: Any) -> str:
    if isinstance(thing, dict):
        return str(thing.get("text") or thing.get("alt_text") or "")
    return str(thing or "")


def _rich(thing: dict[str, Any]) -> str:
    if "text" in thing and isinstance(thing["text"], str):
        return thing["text"]
    if thing.get("type") == "link":
        return str(thing.get("text") or thing.get("url"))
    if thing.get("type") == "emoji":
        return f":{thing.get('name')}:"
    return "".join(_rich(one) for one in thing.get("elements", ()))
