"""What is typed to search, and what of a message is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Text
from bot.storage.query import Query, Term, found_in, parse, snippet


def bold(text: Text) -> list[str]:
    return [text.plain[span.start : span.end] for span in text.spans]


@pytest.mark.parametrize(
    ("typed", "wanted", "unwanted"),
    [
        ("refund parcel", [("refund",), ("parcel",)], []),
        ('"my parcel" -late', [("my", "parcel")], [("late",)]),
        ('-"too late" now', [("now",)], [("too", "late")]),
        ("“my parcel", [("my", "parcel")], []),
        ("dana@mail.example", [("dana", "mail", "example")], []),
        ("a a A", [("a",), ("A",)], []),
        ("-late", [], [("late",)]),
        ("?! -- * “”", [], []),
    ],
)
def test_what_is_typed(typed: str, wanted: list[tuple[str, ...]], unwanted: list[tuple[str, ...]]) -> None:
    query = parse(typed)
    assert [term.words for term in query.wanted] == wanted
    assert [term.words for term in query.unwanted] == unwanted
    assert bool(query) == bool(wanted)


def test_a_beginning_has_at_least_two_letters() -> None:
    assert [term.beginning for term in parse('ware* w* "my par*" "our par"* wa').wanted] == [
        True,
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("typed", "text", "shown"),
    [
        ("parcel", "Where is my Parcel, and the parcels?", ["Parcel"]),
        ("parc*", "Where is my Parcel, and the parcels?", ["Parcel", "parcels"]),
        ('"my parcel"', "my own parcel, my parcel", ["my parcel"]),
        ("naive", "a naïve question", ["naïve"]),
        ("dana@mail.example", "to dana@mail.example!", ["dana@mail.example"]),
        ("-late parcel", "late parcel", ["parcel"]),
        ("horse", "a parcel", []),
    ],
)
def test_the_words_are_bold(typed: str, text: str, shown: list[str]) -> None:
    assert bold(snippet(parse(typed), text)) == shown


def test_a_snippet_shows_the_place() -> None:
    text = "Hello there. " * 100 + "\n\nWhere is my\nparcel? " + "Please look. " * 100
    shown = snippet(parse("parcel"), text)
    assert shown.plain.startswith("…") and shown.plain.endswith("…") and len(shown) <= 244
    assert "Where is my parcel? Please look." in shown.plain and bold(shown) == ["parcel"]
    beginning = snippet(parse("horse"), text)
    assert beginning.plain.startswith("Hello there.") and beginning.plain.endswith("…")


@given(st.text(max_size=300), st.text(max_size=20), st.integers(20, 100))
def test_a_snippet_is_always_a_part_of_the_text(text: str, typed: str, length: int) -> None:
    query = parse(f"{typed} a b*")
    shown = snippet(query, text, length)
    assert len(shown) <= length + 2
    places = found_in(query, text)
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(0 <= span.start < span.end <= len(shown) for span in shown.spans)
    if places and places[0][1] - places[0][0] < length // 4:
        assert shown.spans


def test_twelve_terms_are_enough() -> None:
    query = parse(" ".join(f"w{number}" for number in range(50)))
    assert query == Query(tuple(Term((f"w{n}",), typed=f"w{n}") for n in range(12)))
