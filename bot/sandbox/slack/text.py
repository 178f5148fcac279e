"""Slack's view of a message text: escaping, links and the rich_text block of what a person typed."""

from __future__ import annotations

import re

from .model import Json

_CONTROL = re.compile(
    r"<(?:[@#][A-Z0-9]+|![a-z]+(?:\^[^<>|]*)*|(?:https?|mailto|tel|slack)[:][^<>|\s]+)(?:\|[^<>]*)?>"
)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")
_URL = re.compile(r"https?://(?:(?!&[lg]t;)[^\s<>|])+(?<![.,;:!?'\")\]])")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_TOKEN = re.compile(r"<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>")


def escape(text: str) -> str:
    """Escape the three characters, leaving entities that are escaped already."""
    if "&" in text:
        text = _ENTITY.sub("&amp;", text)
    return text.replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The reverse of `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _plain(text: str) -> str:
    """Escape text outside control sequences and turn its bare addresses into links, as Slack does."""
    text = escape(text)
    if "://" in text:
        text = _URL.sub(lambda found: f"<{found.group()}>", text)
    if "@" in text:
        text = _MAIL.sub(lambda found: f"<mailto:{found.group()}|{found.group()}>", text)
    return text


def normalise(text: str) -> str:
    """What Slack stores for a text: specials kept, everything else escaped, bare links marked."""
    if not any(sign in text for sign in ("&", "<", ">", "://", "@")):
        return text
    out: list[str] = []
    last = 0
    for found in _CONTROL.finditer(text):
        out += (_plain(text[last : found.start()]), found.group())
        last = found.end()
    out.append(_plain(text[last:]))
    return "".join(out)


def mentions(text: str) -> set[str]:
    """Ids of the users that a stored text mentions."""
    return set(_MENTION.findall(text)) if "<@" in text else set()


def _element(sign: str, target: str, label: str | None) -> Json:
    """One rich_text element for a control sequence."""
    if sign == "@":
        return {"type": "user", "user_id": target}
    if sign == "#":
        return {"type": "channel", "channel_id": target}
    if sign == "!":
        return {"type": "broadcast", "range": target}
    link: Json = {"type": "link", "url": unescape(target)}
    return {**link, "text": unescape(label)} if label else link


def rich_text(text: str) -> list[Json]:
    """The blocks that Slack's client attaches to what a person types."""
    elements: list[Json] = []
    last = 0
    for found in _TOKEN.finditer(text):
        if found.start() > last:
            elements.append({"type": "text", "text": unescape(text[last : found.start()])})
        elements.append(_element(found.group(1), found.group(2), found.group(3)))
        last = found.end()
    if last < len(text):
        elements.append({"type": "text", "text": unescape(text[last:])})
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]
