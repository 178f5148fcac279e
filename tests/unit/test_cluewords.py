"""What in somebody's words says who they are: numbers however they are written, and nothing that only looks like one."""

from __future__ import annotations

import re
import time

import pytest

from bot.merge import cluewords
from bot.merge.cluewords import ADDRESS, ORDER, PHONE


def values(kind: str, text: str, order: str | None = None) -> list[str]:
    pattern = cluewords.order_pattern(order) if order else None
    return [one.value for one in cluewords.clues(text, pattern) if one.kind == kind]


@pytest.mark.parametrize(
    "written",
    ["+49 151 23456789", "0049 151 23456789", "0151/23456789", "+49 (0)151 2345 6789", "(0151) 234-56789"],
)
def test_one_number_however_it_is_written(written: str) -> None:
    assert values(PHONE, f"Call {written}.") == ["123456789"]


@pytest.mark.parametrize(
    "words",
    [
        "on 21.11.2026",
        "on 2026-11-21 10:30",
        "order 4711000815",
        "IBAN DE89 3704 0044 0532 0130 00",
        "it costs 1.234.567,00",
        "track 00340434161094042557",
        "1234",
        "v1.0.20261121",
        "http://shop.example/0151234567",
    ],
)
def test_what_is_no_phone_number(words: str) -> None:
    assert values(PHONE, words) == []


def test_north_american_groups() -> None:
    assert values(PHONE, "ring (555) 123-4567 please") == values(PHONE, "555-123-4567")


def test_an_order_number_is_no_phone_number() -> None:
    assert values(PHONE, "No. 0800-123456", r"0800-\d{6}") == []
    assert values(ORDER, "No. 0800-123456", r"0800-\d{6}") == ["0800-123456"]
    assert values(ORDER, "order #ac12345 or AC99999", r"#?([aA][cC]\d{5})") == ["AC12345", "AC99999"]


def test_addresses_of_a_short_message_or_of_a_signature() -> None:
    assert values(ADDRESS, "I am Dana@Mail.example.") == ["dana@mail.example"]
    long = "Please ask bob@mail.example about it.\n" + "More words.\n" * 40 + "Dana\ndana@mail.example\n"
    assert values(ADDRESS, long) == ["dana@mail.example"]


def test_a_list_says_nothing() -> None:
    assert values(PHONE, "\n".join(f"+49 151 2345678{n}" for n in range(9))) == []


@pytest.mark.parametrize("pattern", ["(a+)+b", "(?:x*)*", "([0-9]+-?)+$", "(((a{2,})b)*)"])
def test_a_pattern_that_may_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="repetition"):
        cluewords.order_pattern(pattern)


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        cluewords.order_pattern("AC-(")
    assert cluewords.order_pattern(r"AC-\d{5,8}").pattern == r"AC-\d{5,8}"


@pytest.mark.parametrize(
    "words", ["+" + "1 " * 60_000, "a." * 60_000, "@" * 90_000, "(1-" * 50_000, "a@" + "b." * 60_000]
)
def test_strangers_words_take_no_time(words: str) -> None:
    began = time.process_time()
    cluewords.clues(words, re.compile(r"AC-\d{5,8}"))
    assert time.process_time() - began < 0.5
