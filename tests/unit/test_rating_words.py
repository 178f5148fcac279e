"""What customers write when they are asked for a number, and what are words for people."""

from __future__ import annotations

import pytest

from bot.answering import answer_words
from bot.rating import rating_words


@pytest.mark.parametrize(
    ("said", "score", "comment"),
    [
        ("5", 5, ""),
        (" 4! ", 4, ""),
        ("4/5", 4, ""),
        ("3 out of 5, slow", 3, "slow"),
        ("2 von 5", 2, ""),
        ("⭐⭐⭐⭐", 4, ""),
        ("★★☆☆☆ slow", 2, "slow"),
        ("４", 4, ""),
        ("4\ufe0f\u20e3", 4, ""),
        ("5 - great!\n\nDana", 5, "great!\n\nDana"),
        ("1: nobody helped", 1, "nobody helped"),
    ],
)
def test_ratings_in_words(said: str, score: int, comment: str) -> None:
    assert rating_words.read(said) == rating_words.Said(score, comment)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "0",
        "6",
        "10",
        "5pm",
        "5:30",
        "5.50",
        "3,20 €",
        "4/10",
        "1-2 days",
        "3%",
        "I give 5",
        "5 but why?",
        "45",
    ],
)
def test_what_are_no_ratings(said: str) -> None:
    assert rating_words.read(said) is None


def test_every_language_has_the_same_and_short_thanks() -> None:
    assert rating_words.LANGUAGES.keys() == answer_words.LANGUAGES.keys()
    for words in rating_words.LANGUAGES.values():
        assert len(words.thanks.encode()) <= 30
        assert "1" in words.how and "5" in words.how
