"""Text with spans and Telegram's text with entities, both ways. Pure.

Telegram counts in UTF-16 units, we count code points: an emoji is two for them and one for us. Never `parse_mode`, so
nothing that anybody writes can be taken for formatting. What Telegram knows and we do not (underline, spoiler) loses its
formatting and keeps its words; addresses that stand in the text as they are need no span.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from telegram import MessageEntity

from bot.messages import Span, SpanKind, Text

_KINDS: dict[str, SpanKind] = {
    "bold": SpanKind.BOLD,
    "italic": SpanKind.ITALIC,
    "strikethrough": SpanKind.STRIKE,
    "code": SpanKind.CODE,
    "pre": SpanKind.PRE,
    "blockquote": SpanKind.QUOTE,
    "expandable_blockquote": SpanKind.QUOTE,
    "text_link": SpanKind.LINK,
}
_NAMES = {
    kind: name for name, kind in reversed(_KINDS.items())
}  # reversed: plain blockquote wins over expandable
_ORDER = (
    SpanKind.QUOTE,
    SpanKind.PRE,
    SpanKind.CODE,
    SpanKind.LINK,
    SpanKind.BOLD,
    SpanKind.ITALIC,
    SpanKind.STRIKE,
)
"""Who contains whom where two spans cross: the earlier kind stays whole, the later one is split."""
_VERBATIM = frozenset((SpanKind.PRE, SpanKind.CODE))
"""Nothing can be formatted inside these."""
_EXCLUSIVE = frozenset((SpanKind.PRE, SpanKind.CODE, SpanKind.LINK))
"""These cannot lie inside one another."""


def from_entities(plain: str, entities: Sequence[MessageEntity]) -> Text:
    """Telegram's text as ours. An offset inside a surrogate pair or beyond the end is moved to the nearest boundary."""
    offsets = _offsets(plain)
    spans: list[Span] = []
    for entity in entities:
        kind = _KINDS.get(str(entity.type))
        if kind is None:
            continue
        start = min(bisect_left(offsets, entity.offset), len(plain))
        end = min(bisect_left(offsets, entity.offset + entity.length), len(plain))
        value = entity.url if kind is SpanKind.LINK else entity.language if kind is SpanKind.PRE else None
        if start < end:
            spans.append(Span(start, end, kind, value))
    return Text(plain, tuple(spans))


def to_entities(text: Text) -> list[MessageEntity]:
    """Our spans as entities that Telegram takes as they are: none crosses another, nothing lies inside code."""
    offsets = _offsets(text.plain)
    return [
        MessageEntity(
            _NAMES[span.kind],
            offsets[span.start],
            offsets[span.end] - offsets[span.start],
            url=span.value if span.kind is SpanKind.LINK else None,
            language=span.value if span.kind is SpanKind.PRE else None,
        )
        for span in nested(text)
    ]


def nested(text: Text) -> tuple[Span, ...]:
    """The text's spans, clipped, joined, and split so that any two are apart or one lies inside the other."""
    placed: list[Span] = []
    for kind in _ORDER:
        new: list[Span] = []
        for span in _joined(span for span in text.spans if span.kind is kind):
            start, end = max(span.start, 0), min(span.end, len(text.plain))
            if kind is SpanKind.LINK and not span.value:
                continue
            for piece in _pieces(start, end, kind, placed):
                new.append(Span(*piece, kind, span.value))
        placed += new
    return tuple(sorted(placed, key=lambda span: (span.start, -span.end, _ORDER.index(span.kind))))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans of one kind without overlaps: the same value is joined, another value begins where the first ends."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        last = found[-1] if found else None
        if last is None or span.start >= last.end:
            found.append(span)
        elif span.value == last.value:
            found[-1] = Span(last.start, max(last.end, span.end), last.kind, last.value)
        elif span.end > last.end:
            found.append(Span(last.end, span.end, span.kind, span.value))
    return found


def _pieces(start: int, end: int, kind: SpanKind, placed: Sequence[Span]) -> list[tuple[int, int]]:
    """``[start, end)`` without what others forbid, cut where it would cross one of them."""
    pieces = [(start, end)] if start < end else []
    for other in placed:
        if other.kind in _VERBATIM or (kind in _EXCLUSIVE and other.kind in _EXCLUSIVE):
            pieces = [rest for piece in pieces for rest in _without(piece, other)]
    cut = True
    while cut:
        before = len(pieces)
        for other in placed:
            pieces = [half for piece in pieces for half in _halves(piece, other)]
        cut = len(pieces) > before
    return pieces


def _without(piece: tuple[int, int], other: Span) -> list[tuple[int, int]]:
    """The piece less the other."""
    start, end = piece
    if end <= other.start or other.end <= start:
        return [piece]
    return [(a, b) for a, b in ((start, other.start), (other.end, end)) if a < b]


def _halves(piece: tuple[int, int], other: Span) -> list[tuple[int, int]]:
    """The piece, in two where it crosses an edge of the other and neither lies inside the other."""
    start, end = piece
    if start < other.start < end < other.end:
        return [(start, other.start), (other.start, end)]
    if other.start < start < other.end < end:
        return [(start, other.end), (other.end, end)]
    return [piece]


def _offsets(plain: str) -> list[int]:
    """The UTF-16 offset of each code point, and the whole length at the end."""
    found = [0]
    for character in plain:
        found.append(found[-1] + (2 if ord(character) > 0xFFFF else 1))
    return found
