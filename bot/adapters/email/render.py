"""A text with spans as a mail shows it: plain words, and simple HTML."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from bot.messages import Span, SpanKind, Text

_BLOCKS = (SpanKind.PRE, SpanKind.QUOTE)
_TAGS = {SpanKind.BOLD: "b", SpanKind.ITALIC: "i", SpanKind.STRIKE: "s", SpanKind.CODE: "code"}
_SAFE = ("http://", "https://", "mailto:", "tel:")


def plain_text(text: Text) -> str:
    """The words; a link's address follows its label, a quote is marked with `> `."""
    pieces: list[str] = []
    position = 0
    for span in sorted((s for s in text.spans if s.kind is SpanKind.LINK and s.value), key=lambda s: s.end):
        label, target = text.plain[span.start : span.end], span.value or ""
        if span.end < position or label.strip() in (
            target,
            target.removeprefix("mailto:"),
            target.removeprefix("tel:"),
        ):
            continue
        pieces.append(text.plain[position : span.end])
        pieces.append(f" ({target})")
        position = span.end
    linked = "".join(pieces) + text.plain[position:]
    if not any(span.kind is SpanKind.QUOTE for span in text.spans):
        return linked
    # quotes are whole lines: mark them in the text without links, where the offsets still hold
    return "\n".join(_marked_lines(text))


def _marked_lines(text: Text) -> Iterator[str]:
    quotes = [span for span in text.spans if span.kind is SpanKind.QUOTE]
    offset = 0
    for line in text.plain.split("\n"):
        end = offset + len(line)
        quoted = any(span.start <= offset and end <= span.end and span.end > span.start for span in quotes)
        yield f"> {line}" if quoted else line
        offset = end + 1


def html_text(text: Text) -> str:
    """Simple HTML: one tag a span, line ends as `<br>`; nothing of the text is taken as HTML."""
    pieces: list[str] = []
    for start, end, kind in _blocks(text):
        part = text.cut(start, end)
        inline = _inline(part, keep_lines=kind is SpanKind.PRE)
        if kind is SpanKind.PRE:
            pieces.append(f"<pre>{inline}</pre>")
        elif kind is SpanKind.QUOTE:
            pieces.append(f'<blockquote type="cite">{inline}</blockquote>')
        else:
            pieces.append(inline)
    return "".join(pieces)


def _blocks(text: Text) -> Iterator[tuple[int, int, SpanKind | None]]:
    """The text in stretches: inside a PRE or QUOTE span, or outside of all; overlapping ones count once."""
    position = 0
    for span in sorted((s for s in text.spans if s.kind in _BLOCKS), key=lambda s: (s.start, -s.end)):
        start, end = max(span.start, position), min(span.end, len(text))
        if end <= start:
            continue
        if start > position:
            yield position, start, None
        yield start, end, span.kind
        position = end
    if position < len(text):
        yield position, len(text), None


def _inline(text: Text, *, keep_lines: bool) -> str:
    spans = [s for s in text.spans if s.kind in _TAGS or (s.kind is SpanKind.LINK and _is_safe(s.value))]
    edges = sorted({0, len(text), *(s.start for s in spans), *(min(s.end, len(text)) for s in spans)})
    pieces: list[str] = []
    for start, end in pairwise(edges):
        words = escape(text.plain[start:end])
        if not keep_lines:
            words = words.replace("\n", "<br>\n")
        pieces.append(_wrapped(words, [s for s in spans if s.start <= start and end <= s.end]))
    return "".join(pieces)


def _wrapped(words: str, spans: Sequence[Span]) -> str:
    for span in sorted(spans, key=lambda s: s.end - s.start):
        if span.kind is SpanKind.LINK:
            words = f'<a href="{escape(span.value or "")}">{words}</a>'
        else:
            tag = _TAGS[span.kind]
            words = f"<{tag}>{words}</{tag}>"
    return words


def _is_safe(target: str | None) -> bool:
    return target is not None and target.lower().startswith(_SAFE)
