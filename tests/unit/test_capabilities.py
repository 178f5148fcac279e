"""Cutting a reply to what a channel takes: nothing is lost without a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capabilities import Capabilities, FileRules, Unit, fit, measure, split
from bot.messages import Attachment, Span, SpanKind, Text


def files(*sizes: int, media_type: str = "image/png") -> tuple[Attachment, ...]:
    return tuple(Attachment(f"{at}.png", media_type, size) for at, size in enumerate(sizes))


@given(st.text(max_size=300), st.integers(4, 60), st.sampled_from(list(Unit)))
def test_every_piece_fits_and_no_word_is_lost(words: str, limit: int, unit: Unit) -> None:
    pieces = split(Text(words), limit, unit)
    assert all(measure(piece.plain, unit) <= limit for piece in pieces)
    assert "".join("".join(piece.plain.split()) for piece in pieces) == "".join(words.split())


@pytest.mark.parametrize(("unit", "length"), [(Unit.CODE_POINTS, 3), (Unit.UTF16, 4), (Unit.BYTES, 7)])
def test_units(unit: Unit, length: int) -> None:
    assert measure("aé😀", unit) == length


def test_text_is_cut_at_paragraphs_then_lines_then_words() -> None:
    words = "one two three.\n\nfour five six"
    assert [piece.plain for piece in split(Text(words), 20, Unit.CODE_POINTS)] == [
        "one two three.",
        "four five six",
    ]
    assert [piece.plain for piece in split(Text("aaaa bbbb cccc"), 10, Unit.CODE_POINTS)] == [
        "aaaa bbbb",
        "cccc",
    ]
    assert [len(piece.plain) for piece in split(Text("x" * 25), 10, Unit.CODE_POINTS)] == [10, 10, 5]


def test_spans_follow_their_words_and_unknown_kinds_are_dropped() -> None:
    able = Capabilities("chat", 10, spans=frozenset({SpanKind.BOLD}))
    text = Text("aaaa bbbb cccc", (Span(5, 14, SpanKind.BOLD), Span(0, 4, SpanKind.ITALIC)))
    first, second = fit(text, (), able).parts
    assert (first.text.spans, second.text.spans) == (
        (Span(5, 9, SpanKind.BOLD),),
        (Span(0, 4, SpanKind.BOLD),),
    )
    assert (first.number, first.of, second.number, second.of) == (0, 2, 1, 2)


def test_a_channel_without_files_says_what_stays_behind() -> None:
    fitted = fit(Text("look"), files(10, 20), Capabilities("sms", 100))
    assert [part.text.plain for part in fitted.parts] == ["look"]
    assert fitted.losses == ("sms carries no files; left behind: 0.png, 1.png.",)


def test_files_that_are_too_large_or_of_a_wrong_type_are_named() -> None:
    rules = FileRules(5_000_000, 10, types=("image/", "application/pdf"))
    able = Capabilities("chat", 100, files=rules)
    given = (
        Attachment("huge.png", "image/png", 5_000_001),
        Attachment("run.exe", "application/x-msdownload", 5),
        Attachment("terms.pdf", "application/pdf", 5),
    )
    fitted = fit(Text(), given, able)
    assert [one.name for part in fitted.parts for one in part.attachments] == ["terms.pdf"]
    assert len(fitted.losses) == 2
    assert "huge.png" in fitted.losses[0] and "5 MB" in fitted.losses[0]
    assert "run.exe" in fitted.losses[1]


def test_files_travel_in_groups_and_a_caption_with_the_first() -> None:
    able = Capabilities("chat", 100, files=FileRules(100, 2, max_total=150, caption=20))
    fitted = fit(Text("short"), files(100, 100, 20, 20), able)
    assert [(part.text.plain, [one.size for one in part.attachments]) for part in fitted.parts] == [
        ("short", [100]),
        ("", [100, 20]),
        ("", [20]),
    ]
    assert "3 messages" in fitted.losses[0]
    apart = fit(Text("longer than a caption may be"), files(10), able)
    assert [(bool(part.text), len(part.attachments)) for part in apart.parts] == [(True, 0), (False, 1)]
    assert apart.losses == ()


def test_nothing_makes_no_part() -> None:
    assert fit(Text(), (), Capabilities("chat", 100)).parts == ()
