"""Our ``Text`` as Slack's ``rich_text``.

Text elements of ``rich_text`` are never parsed by Slack: no mention, no link and no emoji can be smuggled in.
A link is shown with its
address, because a label chosen by a stranger can lie.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from bot.messages import Span, SpanKind, Text

Element = dict[str, Any]

MAX_PIECE = 3000
_STYLES = {
    SpanKind.BOLD: "bold",
    SpanKind.ITALIC: "italic",
    SpanKind.STRIKE: "strike",
    SpanKind.CODE: "code",
}
_SAFE_LINK = re.compile(r"^(https?://|mailto:|tel:)[^\s<>|]+$", re.IGNORECASE)
_BARE = re.compile(r"https?://[^\s<>|\"'()\[\]{}“”‘’«»]+", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def elements(text: Text) -> Iterator[list[Element]]:
    """The elements of one or more ``rich_text`` blocks; each block holds at most ``MAX_PIECE`` characters of the text."""
    plain = _CONTROLS.sub(_harmless, text.plain)
    if not text.spans and len(plain) <= MAX_PIECE and "://" not in plain:  # most of what people write
        if words := plain.strip("\n"):
            yield [{"type": "rich_text_section", "elements": [_plain(words)]}]
        return
    clean = Text(plain, text.spans)
    for piece in pieces(clean, MAX_PIECE):
        made = list(_paragraphs(piece))
        if made:
            yield made


def _harmless(match: re.Match[str]) -> str:
    """One character for one, so that spans keep their places."""
    return "\n" if match.group() in "\u2028\u2029\r\x0b\x0c" else "\ufffd" if match.group() < " " else " "


def pieces(text: Text, limit: int) -> Iterator[Text]:
    """The text in parts of at most ``limit`` characters, cut between lines or words where it can be."""
    start = 0
    while len(text) - start > limit:
        end = _cut_at(text.plain, start, start + limit)
        yield text.cut(start, end)
        start = end + 1 if text.plain[end : end + 1] in ("\n", " ") else end
    if start < len(text) or not start:
        yield text.cut(start)


def _cut_at(plain: str, start: int, stop: int) -> int:
    for mark in ("\n", " "):
        at = plain.rfind(mark, start, stop + 1)
        if at > start + (stop - start) // 2:
            return at
    while stop > start + 1 and _joined(plain[stop]):
        stop -= 1
    return stop


def _joined(char: str) -> bool:
    """Whether a character belongs to the one before it."""
    return (
        char == "\u200d"
        or "\ufe00" <= char <= "\ufe0f"
        or "\u0300" <= char <= "\u036f"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _paragraphs(text: Text) -> Iterator[Element]:
    """Sections, quotes and preformatted stretches, in order."""
    place = 0
    for block in _block_spans(text):
        if block.start > place:
            yield from _section(text.cut(place, block.start))
        inner = text.cut(block.start, block.end)
        if block.kind is SpanKind.PRE:
            yield {"type": "rich_text_preformatted", "elements": [_plain(inner.plain.strip("\n") or " ")]}
        else:
            yield {"type": "rich_text_quote", "elements": _runs(_trimmed(inner)) or [_plain(" ")]}
        place = block.end
    if place < len(text):
        yield from _section(text.cut(place))


def _block_spans(text: Text) -> list[Span]:
    """Quotes and preformatted stretches without overlaps."""
    wanted = sorted(
        (s for s in text.spans if s.kind in (SpanKind.PRE, SpanKind.QUOTE) and s.end > s.start),
        key=lambda s: (s.start, -s.end),
    )
    kept: list[Span] = []
    for span in wanted:
        if span.start >= (kept[-1].end if kept else 0) and span.end <= len(text):
            kept.append(span)
    return kept


def _section(text: Text) -> Iterator[Element]:
    trimmed = _trimmed(text)
    if trimmed:
        yield {"type": "rich_text_section", "elements": _runs(trimmed)}


def _trimmed(text: Text) -> Text:
    """Without line breaks at the edges: each paragraph begins a line of its own."""
    plain = text.plain
    start = len(plain) - len(plain.lstrip("\n"))
    end = len(plain.rstrip("\n"))
    return text.cut(start, max(start, end))


def _plain(text: str) -> Element:
    return {"type": "text", "text": text}


def _runs(text: Text) -> list[Element]:
    """Stretches of one style each."""
    inline = [s for s in text.spans if (s.kind in _STYLES or s.kind is SpanKind.LINK) and s.end > s.start]
    inline += _bare_links(text, inline)
    edges = sorted({0, len(text), *(s.start for s in inline), *(s.end for s in inline)})
    made: list[Element] = []
    for start, end in pairwise(edges):
        if end > len(text) or start < 0:
            continue
        over = [s for s in inline if s.start <= start and s.end >= end]
        made.append(_styled(text.plain[start:end], over))
        for span in over:
            if span.kind is SpanKind.LINK and span.end == end and _tells_more(span, text):
                made += _address(span)
    return made


def _bare_links(text: Text, known: list[Span]) -> list[Span]:
    """Addresses written out: they may be clicked, because what is shown is where they lead."""
    found = []
    for match in _BARE.finditer(text.plain):
        start, end = match.start(), match.start() + len(match.group().rstrip(".,;:!?"))
        if not any(
            s.start < end and s.end > start for s in known if s.kind in (SpanKind.LINK, SpanKind.CODE)
        ):
            found.append(Span(start, end, SpanKind.LINK, text.plain[start:end]))
    return found


def _styled(words: str, over: list[Span]) -> Element:
    element = _plain(words)
    for span in over:
        if span.kind is SpanKind.LINK and span.value == words and _SAFE_LINK.match(words):
            element = {"type": "link", "url": words}
    style = {_STYLES[span.kind]: True for span in over if span.kind in _STYLES}
    if style:
        element["style"] = style
    return element


def _tells_more(span: Span, text: Text) -> bool:
    """Whether a link's address is not already what is shown."""
    return bool(span.value) and span.value != text.plain[span.start : span.end]


def _address(span: Span) -> list[Element]:
    """The address of a link behind its label: always shown, and clickable only where it is an ordinary one."""
    address = (span.value or "")[:500]
    if _SAFE_LINK.match(address):
        return [_plain(" ("), {"type": "link", "url": address}, _plain(")")]
    return [_plain(f" ({address})")]
