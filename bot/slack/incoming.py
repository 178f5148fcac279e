"""What agents write in Slack, as our ``Text``: Slack's escapes, ``mrkdwn`` and ``rich_text`` decoded.

A person stays ``<@U…>`` in the text, so that commands can read the id; ``named`` then puts public names in
their place before anything
goes to a customer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.messages import Span, SpanKind, Text
from bot.slack.emoji import from_code_points, unicode_emoji

_TOKEN = re.compile(
    r"```(?P<pre>.+?)```"
    r"|(?<![`\w])`(?P<code>[^`\n]+)`(?![`\w])"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+\-]+(?:::skin-tone-[2-6])?):"
    r"|(?<![\w*])\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^\s~](?:[^~\n]*[^\s~])?)~(?![\w~])",
    re.DOTALL,
)
_STYLED = {"bold": SpanKind.BOLD, "italic": SpanKind.ITALIC, "strike": SpanKind.STRIKE}
_STYLES = {**_STYLED, "code": SpanKind.CODE}
_QUOTED_LINES = re.compile(r"(?:^&gt;[^\n]*(?:\n|$))+", re.MULTILINE)
_CODES = re.compile(r"(?<![\w:]):([a-z0-9_+\-]+(?:::skin-tone-[2-6])?):(?![\w:])")
PERSON = re.compile(r"<@([UW][A-Z0-9]+)>")


def unescape(text: str) -> str:
    """Slack's three escapes, undone once."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def spanned(inner: Text, kind: SpanKind, value: str | None = None) -> Text:
    """A text with one span over all of it."""
    if not inner.plain:
        return inner
    return Text(inner.plain, (Span(0, len(inner.plain), kind, value), *inner.spans))


def from_mrkdwn(raw: str) -> Text:
    """The ``text`` of a message event or a slash command."""
    made = Text()
    place = 0
    for match in _QUOTED_LINES.finditer(raw):
        made += _inline(raw[place : match.start()])
        lines = match.group().rstrip("\n").split("\n")
        inner = _inline("\n".join(line.removeprefix("&gt;").removeprefix(" ") for line in lines))
        made += spanned(inner, SpanKind.QUOTE)
        if match.group().endswith("\n"):
            made += Text("\n")
        place = match.end()
    return made + _inline(raw[place:])


def _inline(raw: str) -> Text:
    made = Text()
    place = 0
    for match in _TOKEN.finditer(raw):
        made += Text(unescape(raw[place : match.start()])) + _token(match)
        place = match.end()
    return made + Text(unescape(raw[place:]))


def _token(match: re.Match[str]) -> Text:
    kind = match.lastgroup or ""
    inner = match.group(kind)
    if kind == "pre":
        return spanned(Text(unescape(_without_angles(inner)).strip("\n")), SpanKind.PRE)
    if kind == "code":
        return spanned(Text(unescape(_without_angles(inner))), SpanKind.CODE)
    if kind == "angle":
        return _angle(inner)
    if kind == "emoji":
        return Text(unicode_emoji(inner) or f":{inner}:")
    return spanned(_inline(inner), _STYLED[kind])


def _without_angles(raw: str) -> str:
    """Slack marks addresses even inside code; there they are only what was typed."""
    return re.sub(r"<(?:[^<>|]*\|)?([^<>|]*)>", r"\1", raw)


def _angle(inner: str) -> Text:
    """``<@U1>``, ``<#C1|name>``, ``<!here>``, ``<https://…|label>``."""
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return Text(f"<{target}>")
    if target.startswith("#"):
        return Text(f"#{label or target[1:]}")
    if target.startswith("!"):
        name = target[1:].split("^")[0]
        return Text(unescape(label) if label else f"@{name}")
    address = unescape(target)
    shown = unescape(label) if label else address.removeprefix("mailto:")
    return spanned(Text(shown), SpanKind.LINK, address)


def from_blocks(blocks: list[dict[str, Any]]) -> Text | None:
    """The words of a message's ``rich_text`` blocks; None where there are none (old clients, other programs)."""
    written = [block for block in blocks if block.get("type") == "rich_text"]
    if not written or len(written) != len(blocks):
        return None
    made = Text()
    for block in written:
        for element in block.get("elements", ()):
            made += _separator(made) + _paragraph(element)
    return made


def _separator(before: Text) -> Text:
    return Text("\n") if before.plain and not before.plain.endswith("\n") else Text()


def _paragraph(element: dict[str, Any]) -> Text:
    kind = element.get("type")
    if kind == "rich_text_list":
        return _list(element)
    inner = Text()
    for part in element.get("elements", ()):
        inner += _part(part)
    if kind == "rich_text_preformatted":
        return spanned(Text(inner.plain), SpanKind.PRE)
    if kind == "rich_text_quote":
        return spanned(inner, SpanKind.QUOTE)
    return inner


def _list(element: dict[str, Any]) -> Text:
    made = Text()
    first = int(element.get("offset") or 0) + 1
    for number, item in enumerate(element.get("elements", ()), first):
        sign = f"{number}." if element.get("style") == "ordered" else "•"
        pad = "    " * int(element.get("indent") or 0)
        made += _separator(made) + Text(f"{pad}{sign} ") + _paragraph(item)
    return made


def _part(part: dict[str, Any]) -> Text:
    kind = part.get("type")
    words = Text(_part_words(kind, part))
    if kind == "link":
        words = spanned(words, SpanKind.LINK, str(part.get("url", "")))
    for style, span in _STYLES.items():
        if (part.get("style") or {}).get(style):
            words = spanned(words, span)
    return words


def _part_words(kind: object, part: dict[str, Any]) -> str:
    if kind == "user":
        return f"<@{part.get('user_id', '')}>"
    if kind == "emoji":
        name = str(part.get("name"))
        return from_code_points(str(part.get("unicode") or "")) or unicode_emoji(name) or f":{name}:"
    if kind == "link":
        return str(part.get("text") or str(part.get("url", "")).removeprefix("mailto:"))
    if kind == "broadcast":
        return f"@{part.get('range', 'here')}"
    if kind == "channel":
        return f"#{part.get('channel_id', '')}"
    if kind == "date":
        return str(part.get("fallback", ""))
    words = str(part.get("text", ""))
    return words if (part.get("style") or {}).get("code") else _CODES.sub(_character, words)


def emoji_shown(text: Text) -> Text:
    """The text with known emoji codes as characters, as forms give it: without spans."""
    return Text(_CODES.sub(_character, text.plain))


def _character(match: re.Match[str]) -> str:
    return unicode_emoji(match.group(1)) or match.group()


def written(event: Mapping[str, Any]) -> Text:
    """The words of a message: from its blocks where a person's client made them, else from its text."""
    blocks = event.get("blocks")
    found = from_blocks(blocks) if isinstance(blocks, list) and blocks else None
    return found if found is not None and found.plain else from_mrkdwn(str(event.get("text") or ""))


def people_in(text: Text) -> frozenset[str]:
    """The ids of the people that a text mentions."""
    return frozenset(PERSON.findall(text.plain))


def named(text: Text, names: Mapping[str, str]) -> Text:
    """The text with public names in the place of ``<@U…>``; somebody unknown becomes ``@someone``."""
    made = Text()
    place = 0
    for match in PERSON.finditer(text.plain):
        name = Text(f"@{names.get(match.group(1), 'someone')}", ())
        made += text.cut(place, match.start()) + name
        place = match.end()
    return made + text.cut(place)
