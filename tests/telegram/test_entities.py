"""Spans and entities, both ways: offsets in UTF-16, nothing crossing, no character losing what it may keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import MessageEntity

from bot.adapters.telegram.entities import from_entities, nested, to_entities
from bot.messages import Span, SpanKind, Text

WORDS = st.text(st.sampled_from("ab ,é漢😀🇦👨\u200d\n"), min_size=1, max_size=40)


@st.composite
def texts(draw: st.DrawFn, kinds: tuple[SpanKind, ...] = tuple(SpanKind)) -> Text:
    plain = draw(WORDS)
    spans = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(kinds))
        start = draw(st.integers(0, len(plain)))
        end = draw(st.integers(start, len(plain) + 2))
        value = {SpanKind.LINK: "https://x.example", SpanKind.PRE: "python"}.get(kind)
        spans.append(Span(start, end, kind, value))
    return Text(plain, tuple(spans))


def styles(text: Text) -> list[frozenset[SpanKind]]:
    """The kinds on each character."""
    return [
        frozenset(span.kind for span in text.spans if span.start <= at < span.end)
        for at in range(len(text.plain))
    ]


@given(texts())
def test_there_and_back(text: Text) -> None:
    back = from_entities(text.plain, to_entities(text))
    assert back.plain == text.plain
    assert back.spans == nested(text)
    assert nested(back) == nested(text)


@given(texts())
def test_entities_lie_where_telegram_counts(text: Text) -> None:
    units = text.plain.encode("utf-16-le")
    entities = to_entities(text)
    for span, entity in zip(nested(text), entities, strict=True):
        piece = units[2 * entity.offset : 2 * (entity.offset + entity.length)]
        assert piece.decode("utf-16-le") == text.plain[span.start : span.end]
        assert entity.length > 0
    for one in entities:
        for other in entities:
            apart = one.offset + one.length <= other.offset or other.offset + other.length <= one.offset
            inside = one.offset <= other.offset and other.offset + other.length <= one.offset + one.length
            around = other.offset <= one.offset and one.offset + one.length <= other.offset + other.length
            assert apart or inside or around


@given(texts((SpanKind.BOLD, SpanKind.ITALIC, SpanKind.STRIKE, SpanKind.LINK, SpanKind.QUOTE)))
def test_no_character_loses_its_style(text: Text) -> None:
    assert styles(Text(text.plain, nested(text))) == styles(text)


@given(texts())
def test_code_is_code_and_nothing_else(text: Text) -> None:
    for before, after in zip(styles(text), styles(Text(text.plain, nested(text))), strict=True):
        verbatim = before & {SpanKind.CODE, SpanKind.PRE}
        if verbatim:
            assert after - {SpanKind.QUOTE} == {min(verbatim, key=lambda kind: kind is SpanKind.CODE)}
        else:
            assert after == before


@pytest.mark.parametrize(
    ("entity", "span"),
    [
        (MessageEntity("bold", 1, 2), Span(1, 2, SpanKind.BOLD)),  # from inside the emoji: rounded up
        (MessageEntity("expandable_blockquote", 0, 4), Span(0, 3, SpanKind.QUOTE)),
        (MessageEntity("pre", 2, 2, language="sql"), Span(1, 3, SpanKind.PRE, "sql")),
        (MessageEntity("italic", 2, 99), Span(1, 3, SpanKind.ITALIC)),
        (MessageEntity("italic", 99, 1), None),
        (MessageEntity("underline", 0, 4), None),
        (MessageEntity("mention", 0, 4), None),
        (MessageEntity("something_new", 0, 4), None),
    ],
)
def test_entities_of_others(entity: MessageEntity, span: Span | None) -> None:
    assert from_entities("😀ab", [entity]).spans == (() if span is None else (span,))


def test_a_link_without_an_address_is_only_words() -> None:
    assert to_entities(Text("here", (Span(0, 4, SpanKind.LINK),))) == []
