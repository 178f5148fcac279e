"""Text with spans: cutting and joining keep every span on its words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Span, SpanKind, Text


@st.composite
def texts(draw: st.DrawFn) -> Text:
    plain = draw(st.text(max_size=40))
    ends = st.integers(0, len(plain))
    kinds = st.sampled_from(list(SpanKind))
    spans = draw(st.lists(st.tuples(ends, ends, kinds), max_size=5))
    return Text(plain, tuple(Span(min(a, b), max(a, b), kind) for a, b, kind in spans if a != b))


def styled(text: Text) -> list[tuple[str, frozenset[SpanKind]]]:
    """Each character with the kinds that lie on it."""
    return [
        (char, frozenset(span.kind for span in text.spans if span.start <= at < span.end))
        for at, char in enumerate(text.plain)
    ]


@given(texts(), st.integers(0, 45), st.integers(0, 45))
def test_a_cut_keeps_the_style_of_every_character(text: Text, start: int, end: int) -> None:
    piece = text.cut(start, end)
    assert styled(piece) == styled(text)[start:end]
    assert all(0 <= span.start < span.end <= len(piece) for span in piece.spans)


@given(texts(), texts())
def test_joining_keeps_the_style_of_both(one: Text, other: Text) -> None:
    assert styled(one + other) == styled(one) + styled(other)


@given(texts())
def test_stripping_takes_only_white_space(text: Text) -> None:
    assert text.strip().plain == text.plain.strip()
    body = text.plain.strip()
    start = text.plain.find(body) if body else 0
    assert styled(text.strip()) == styled(text)[start : start + len(body)]


def test_a_text_without_words_is_false() -> None:
    assert not Text() and Text("x") and len(Text("abc")) == 3
